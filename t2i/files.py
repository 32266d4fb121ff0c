"""Files written whole or not at all, short names of files, and evenly spaced picks from a list."""

import contextlib
import errno
import os
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to in place of ``path``, which is replaced at once when the block ends without an error.

    Missing folders are made. An error leaves the old file alone; a process that is killed leaves it, and at most a
    ``.part`` beside it.

    Raises:
        IsADirectoryError: ``path`` is a folder; before the block begins.
    """
    _refuse_folder(path)
    part = _part(path)
    _refuse_folder(part)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        part.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def check_writable(*paths: Path) -> None:
    """Check that files can be written with :func:`replacing`; nothing is left behind, not even their folders.

    Raises:
        OSError: a path is a folder, or the folder that it would be in is a file or cannot be written to.
    """
    folders = set()
    for path in paths:
        _refuse_folder(path)
        part = _part(path).absolute()
        _refuse_folder(part)
        folder = next(place for place in part.parents if os.path.lexists(place))
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        for name in part.relative_to(folder).parts:
            with contextlib.suppress(FileNotFoundError):
                (folder / name).lstat()  # fails for a name that is too long
        folders.add(folder)
    for folder in folders:
        try:
            tempfile.TemporaryFile(dir=folder).close()  # what os.access says is not true of every file system
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(folder)) from error


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _refuse_folder(path: Path) -> None:
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    if is_folder:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))


def short_names(paths: Sequence[Path]) -> list[str]:
    """The name of each path, with as many of its folders as it takes to tell it from the others.

    ``a/gan.pt``, ``b/gan.pt``, ``c/best.pt`` -> ``a/gan.pt``, ``b/gan.pt``, ``best.pt``.

    Args:
        paths: different ones.
    """
    all_parts = [path.absolute().parts for path in paths]
    tails = Counter(parts[-length:] for parts in all_parts for length in range(1, len(parts) + 1))
    return [
        next(
            Path(*parts[-length:]).as_posix()
            for length in range(1, len(parts) + 1)
            if tails[parts[-length:]] == 1 or length == len(parts)
        )
        for parts in all_parts
    ]


def evenly_spaced(length: int, count: int) -> list[int]:
    """``count`` indices into a sequence of ``length``, from first to last; all of them if it is shorter."""
    picks: list[int] = np.linspace(0, length - 1, min(length, count)).round().astype(int).tolist()
    return picks
