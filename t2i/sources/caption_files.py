"""Lists of image names and caption files, as the AttnGAN family writes them for every data set."""

import re
from pathlib import Path, PurePosixPath

import numpy as np

from t2i.errors import InputError
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
    form = "/".join(["<class>", "<image>"][-parts:])
    for name in names:
        if not is_safe_name(name, parts):
            raise InputError(f"{path} lists {name[:100]!r}, which is not of the form {form}: correct the list")
    return list(names)


def is_safe_name(name: str, parts: int) -> bool:
    """Whether a name has this many path components and cannot point outside the folder it is looked up in."""
    components = PurePosixPath(name).parts
    return len(components) == parts and ".." not in components and not name.startswith("/") and name.isprintable()


def captions_in(path: Path, max_captions: int) -> tuple[Caption, ...]:
    """The first captions of a file, one a line, skipping lines without a word; none if there is no file.

    Raises:
        InputError: the file or one of its captions is too large.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} has {path.stat().st_size:,} bytes, too many for captions: correct it")
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return ()
    lines = [line.strip() for line in text.split("\n")]
    return tuple(checked_caption(line, path) for line in lines if has_word(line))[:max_captions]


def has_word(text: str) -> bool:
    """Whether the tokenizer keeps a word of a text, so that it can be a caption."""
    return re.search(r"\w", text.lower(), re.ASCII) is not None


def checked_caption(text: str, path: Path) -> Caption:
    """Validate a caption and normalise its white space.

    Raises:
        InputError: it has a NUL character, or more than `MAX_CHARACTERS` characters.
    """
    text = " ".join(text.split())
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"{path} has a caption of {len(text):,} characters; legal are {MAX_CHARACTERS:,}: shorten it")
    if "\0" in text:
        raise InputError(f"{path} has a NUL in the caption {text[:40]!r}: correct it")
    return Caption(text)
