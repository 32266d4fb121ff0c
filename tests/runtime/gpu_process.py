"""A process in which there seems to be a GPU, for tests."""

import contextlib
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from t2i.data.batches import Batch, CaptionBatches
from t2i.training.loop.loss_history import LossHistory
from tests.fake_gpu import FakeGpu, fake_gpu
from tests.helpers import FORKSERVER

Call = Callable[..., tuple[Any, set[tuple[str, str]]]]
"""Calls a function; what it returned, and the names of the operations that ran on the GPU, each with its precision."""


@contextlib.contextmanager
def gpu_process(module: str) -> Iterator[Call]:
    """Start a process that has imported a module with the functions that it will call."""
    FORKSERVER.set_forkserver_preload([module])
    here, there = FORKSERVER.Pipe()
    process = FORKSERVER.Process(target=_work, args=(there,), daemon=True)
    process.start()
    there.close()

    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        here.send((function, arguments))
        found = here.recv()
        if isinstance(found, Exception):
            raise found
        return found

    yield call
    here.send(None)
    process.join(10)


def _work(pipe: Any) -> None:
    torch.set_num_threads(1)
    while (call := pipe.recv()) is not None:
        function, arguments = call
        try:
            with _gpu_with_steps() as gpu:
                found = function(*arguments)
                pipe.send((found, {(str(name), str(precision)) for name, precision in gpu.operations}))
        except Exception as error:
            pipe.send(AssertionError(f"{type(error).__name__}: {error}\n{traceback.format_exc()}"))


@contextlib.contextmanager
def _gpu_with_steps() -> Iterator[FakeGpu]:
    """A GPU that must not be waited for from the arrival of a batch to that of the next, but for the log of losses."""
    fetch = LossHistory._fetch

    def batches(data: CaptionBatches, first: int, last: int, _: int = 0) -> Iterator[Batch]:
        for step in range(first, last):
            batch = data[step]
            gpu.in_step = True
            yield batch
            gpu.in_step = False

    def fetch_losses(history: LossHistory) -> None:
        gpu.in_step = False
        fetch(history)

    with fake_gpu() as gpu, pytest.MonkeyPatch.context() as patched:
        patched.setattr(CaptionBatches, "batches", batches)
        patched.setattr(LossHistory, "_fetch", fetch_losses)
        yield gpu
