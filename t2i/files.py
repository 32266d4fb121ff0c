"""Files written whole or not at all, and evenly spaced picks from a list."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to in place of ``path``, which is replaced at once when the block ends without an error.

    Missing folders are made. A process that is killed leaves the old file, and at most a ``.part`` beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def evenly_spaced(length: int, count: int) -> list[int]:
    """``count`` indices into a sequence of ``length``, from first to last; all of them if it is shorter."""
    picks: list[int] = np.linspace(0, length - 1, min(length, count)).round().astype(int).tolist()
    return picks
