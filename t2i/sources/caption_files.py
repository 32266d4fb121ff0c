"""Lists of image names and caption files, as the AttnGAN family writes them for every data set."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np

from t2i.data.text.tokenizer import Tokens, has_word
from t2i.errors import InputError
from t2i.sources.missing import MissingItems
from t2i.sources.records import Caption
from t2i.sources.safe_pickle import load_pickle

MAX_BYTES = 1_000_000
"""Size limit of a caption file; real ones have a few thousand bytes."""
MAX_CHARACTERS = 10_000
"""Length limit of a caption."""


def names_in(path: Path, *, parts: int) -> list[str]:
    """Names of images in a filenames.pickle, in order.

    Args:
        path: the pickle: a list, tuple or numpy array of strings.
        parts: number of path components of a name; 1: ``<image>``, 2: ``<class>/<image>``.

    Raises:
        InputError: the file is no list of such names, or a name points outside the folder.
    """
    content = load_pickle(path)
    names = content.tolist() if isinstance(content, np.ndarray) else content
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path} must hold a list of names of images: get it again")
    if not names:
        raise InputError(f"{path} lists no images: get it again")
    check_names(names, path, parts=parts)
    return list(names)


def repeated(names: Iterable[str]) -> list[str]:
    """Names that are listed more than once."""
    return [name for name, count in Counter(names).items() if count > 1]


def check_names(names: Iterable[str], path: Path, *, parts: int) -> None:
    """Refuse names that are not of the form ``<image>`` (1 part) or ``<class>/<image>`` (2 parts).

    Raises:
        InputError: names the first of them, and what is wrong with it.
    """
    form = "/".join(["<class>", "<image>"][-parts:])
    for name in names:
        problem = path_problem(name)
        if problem is None and len(PurePosixPath(name).parts) != parts:
            problem = f"is not of the form {form}"
        if problem:
            raise InputError(f"{path} lists {name[:100]!r}, which {problem}: correct the list")


def path_problem(name: str) -> str | None:
    """Why a name is no path below the folder it is looked up in, or None. Whatever a file system allows is allowed.

    Returns:
        Continues a message that begins with "which", e.g. "is empty".
    """
    path = PurePosixPath(name)
    if not name.strip():
        return "is empty"
    if "\0" in name:
        return "has a NUL character"
    if any("\ud800" <= character <= "\udfff" for character in name):
        return "has half a character (a lone surrogate), which no file name in UTF-8 has"
    if path.is_absolute():
        return "is an absolute path"
    if ".." in path.parts:
        return 'leads out of its folder with ".."'
    return None if path.parts else "names a folder"


def lines_in(path: Path) -> list[str]:
    """Lines of a caption file that are not blank, stripped; none if there is no file.

    Lines end as in Unix, Windows, or, where there is no other line end, with the lone CR of old Macs; elsewhere that is
    white space.

    Raises:
        InputError: the file is too large, or cannot be read.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} has {path.stat().st_size:,} bytes, too many for captions: correct it")
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except (FileNotFoundError, IsADirectoryError):
        return []
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return [line.strip() for line in text.split("\n" if "\n" in text else "\r") if line.strip()]


def first_captions(
    texts: Iterable[str], *, where: object, name: str, max_captions: int, tokens: Tokens, missing: MissingItems
) -> tuple[Caption, ...]:
    """The first captions of an image that have a word; the others are noted.

    Args:
        texts: as they were written.
        where: their file, for messages.
        name: of the image, for notes.
        max_captions: at most so many are returned.
        tokens: rule of words.
        missing: takes the notes.

    Raises:
        InputError: one of them is no caption.
    """
    captions = []
    for text in texts:
        for _ in range(text.count("\ufffd")):
            missing.note("bytes of captions that are not UTF-8", name)
        if has_word(text, tokens):
            captions.append(checked_caption(text, where))
        else:
            missing.note("captions without a word", f"{text.strip()[:40]!r} of {name}")
    for _ in captions[max_captions:]:
        missing.note(f"captions beyond the first {max_captions} of an image", name)
    return tuple(captions[:max_captions])


def checked_caption(text: str, where: object) -> Caption:
    """Validate a caption and normalise its white space.

    Args:
        text: as it was written.
        where: its file, or its place in it; begins the message.

    Raises:
        InputError: it has a NUL or half a character, or more than `MAX_CHARACTERS` characters.
    """
    text = " ".join(text.split())
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"{where} has a caption of {len(text):,} characters; legal are {MAX_CHARACTERS:,}: shorten it")
    if "\0" in text:
        raise InputError(f"{where} has a NUL in the caption {text[:40]!r}: correct it")
    if text.encode("utf-8", "ignore").decode("utf-8") != text:
        raise InputError(f"{where} has half a character (a lone surrogate) in the caption {text[:40]!r}: correct it")
    return Caption(text)
