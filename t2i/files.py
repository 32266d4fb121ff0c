"""Files written whole or not at all, text of any encoding with a mark, short names, evenly spaced picks from a list."""

import codecs
import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from t2i.errors import InputError

_MARKS = {  # those of UTF-32 first: they begin with those of UTF-16
    codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}  # fmt: skip


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


@contextlib.contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to fill in place of ``folder``, which is replaced when the block ends without an error."""
    part = _part(folder)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


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


def decode_text(content: bytes, name: object) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark, as Excel saves "Unicode text".

    Args:
        name: of the file, for messages.

    Raises:
        InputError: the content is no such text; says in which line.
    """
    encoding = next((encoding for mark, encoding in _MARKS.items() if content.startswith(mark)), "UTF-8")
    try:
        text = content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        where = f"byte 0x{content[error.start]:02x} in line {line}" if encoding == "UTF-8" else "its first bytes say so"
        raise InputError(f"{name} is not text in {encoding} ({where}): save it as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        reason = "as pictures do and UTF-16 without a byte order mark"
        raise InputError(f"{name} holds NUL characters (line {line}), {reason}: save it as UTF-8")
    return text


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
