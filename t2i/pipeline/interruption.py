"""Interruption of a training by signals, or because the programs that started it have ended."""

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import psutil

from t2i.pipeline.parents import is_alive, stage_parent
from t2i.runtime import distributed


@contextlib.contextmanager
def stop_requested() -> Iterator[Any]:
    """A function that returns why the training should end, or None: a signal, or DVC or torchrun is gone.

    A second Ctrl-C ends it at once.
    """
    reasons: list[str] = []
    parents = parent_processes()

    def on_signal(number: int, _: FrameType | None) -> None:
        if reasons:
            raise KeyboardInterrupt
        reasons.append("interrupted" if number == signal.SIGINT else "terminated")

    def stop() -> str | None:
        if not reasons:
            reasons.extend(f"{name} is gone" for name, process in parents.items() if not is_alive(process))
        return reasons[0] if reasons else None

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def parent_processes() -> dict[str, psutil.Process]:
    """Parent processes whose death stops the run, by name."""
    parents: dict[str, psutil.Process | None] = {}
    process = psutil.Process()
    if distributed.launched_by_torchrun() and (torchrun := process.parent()):
        parents["torchrun"] = process = torchrun
    if "DVC_STAGE" in os.environ:
        parents["DVC"] = stage_parent(process)
    return {name: parent for name, parent in parents.items() if parent is not None}
