"""Processes that share out a batch, for tests."""

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import distributed as dist

from tests.helpers import FORKSERVER, free_port

Together = Callable[..., list[Any]]
"""Calls a function in a number of processes that belong together; what it returned in each."""


@contextlib.contextmanager
def processes(count: int, module: str) -> Iterator[Together]:
    """Start so many processes, which have imported a module with the functions that they will call."""
    FORKSERVER.set_forkserver_preload([module])
    pipes, started = [], []
    for rank in range(count):
        here, there = FORKSERVER.Pipe()
        started.append(FORKSERVER.Process(target=_work, args=(rank, there), daemon=True))
        started[-1].start()
        there.close()
        pipes.append(here)

    def call(size: int, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        port = free_port()
        for pipe in pipes[:size]:
            pipe.send((size, port, function, arguments))
        found = [pipe.recv() for pipe in pipes[:size]]
        for value in found:
            if isinstance(value, Exception):
                raise value
        return found

    yield call
    for pipe, process in zip(pipes, started, strict=True):
        pipe.send(None)
        process.join(10)


def _work(rank: int, pipe: Any) -> None:
    """Call what comes through the pipe in a group of so many processes, and send back the result."""
    os.environ["MASTER_ADDR"] = "localhost"
    torch.set_num_threads(1)
    wait = datetime.timedelta(seconds=300)
    while (call := pipe.recv()) is not None:
        size, port, function, arguments = call
        os.environ["MASTER_PORT"] = str(port)
        dist.init_process_group("gloo", rank=rank, world_size=size, timeout=wait)
        try:
            pipe.send(function(*arguments))
        except Exception as error:
            pipe.send(error)
        dist.destroy_process_group()
