"""The lists and caption files that the AttnGAN family shares, whatever the data set."""

import re
from pathlib import Path, PurePosixPath

import numpy as np

from t2i.data.records import Caption
from t2i.data.unpickle import load_pickle
from t2i.errors import InputError

MOST_BYTES = 1_000_000
"""Of a caption file: the longest real one has a few thousand; more is no file of captions."""
MOST_CHARACTERS = 10_000
"""Of a caption."""


def names_in(path: Path, *, parts: int) -> list[str]:
    """Names of images in a filenames.pickle, each once, in order.

    Args:
        parts: how many folders and file a name has; 2: ``<class>/<image>``.

    Raises:
        InputError: the file is no list of such names, or a name climbs out of the folder.
    """
    content = load_pickle(path)
    names = content.tolist() if isinstance(content, np.ndarray) else content
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path} must hold a list of names of images: get it again")
    if not names:
        raise InputError(f"{path} lists no images: get it again")
    form = "/".join(["<class>", "<image>"][-parts:])
    for name in names:
        if not is_plain(name, parts):
            raise InputError(f"{path} lists {name[:100]!r}, which is not of the form {form}: correct the list")
    return list(names)


def is_plain(name: str, parts: int) -> bool:
    """Whether a name has so many parts, all of them below the folder it is looked up in."""
    found = PurePosixPath(name).parts
    return len(found) == parts and ".." not in found and not name.startswith("/") and name.isprintable()


def captions_in(path: Path, at_most: int) -> tuple[Caption, ...]:
    """The first captions of a file, one a line, that have a word; none if there is no file.

    Raises:
        InputError: the file is too large to be one of captions, or a caption too long to be one.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} has {path.stat().st_size:,} bytes, too many for captions: correct it")
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return ()
    lines = [line.strip() for line in text.split("\n")]
    return tuple(caption_of(line, path) for line in lines if has_word(line))[:at_most]


def has_word(text: str) -> bool:
    """Whether a text has a word that the vocabulary's rules keep."""
    return re.search(r"\w", text.lower(), re.ASCII) is not None


def caption_of(text: str, path: Path) -> Caption:
    """A caption that is no attack.

    Raises:
        InputError: it has a NUL, or more characters than any caption.
    """
    text = " ".join(text.split())
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"{path} has a caption of {len(text):,} characters; legal are {MOST_CHARACTERS:,}: shorten it")
    if "\0" in text:
        raise InputError(f"{path} has a NUL in the caption {text[:40]!r}: correct it")
    return Caption(text)
