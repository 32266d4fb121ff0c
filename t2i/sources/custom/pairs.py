"""Pictures with a text file of the same name beside each: ``a.jpg`` and ``a.txt``, a caption a line."""

import os
import re
import unicodedata
from functools import partial
from pathlib import Path, PurePosixPath

from PIL import Image

from t2i.errors import InputError
from t2i.sources.custom.rows import Captions, Row, Source
from t2i.sources.custom.text_files import read_text
from t2i.terminal import one_line

_FURTHER = {".avif", ".heic", ".heif"}  # that Pillow reads with a library that may not be there


class Listing:
    """Pictures and text files below a folder, at any depth; hidden ones do not count.

    Attributes:
        pictures: paths of files that have the suffix of an image, sorted.
        texts: paths of text files.

    Raises:
        OSError: a folder cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        suffixes = {s for s, kind in Image.registered_extensions().items() if kind in Image.OPEN} | _FURTHER
        self.pictures: list[str] = []
        self.texts: list[str] = []
        for root, folders, files in os.walk(folder, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
            for name in files:
                path = PurePosixPath(Path(root).relative_to(folder).as_posix(), name)
                if name.startswith("."):
                    continue
                if path.suffix.lower() in suffixes:
                    self.pictures.append(str(path))
                elif path.suffix.lower() == ".txt":
                    self.texts.append(str(path))
        self.pictures.sort()
        self.texts.sort()


def find(folder: Path, listing: Listing) -> list[Source]:
    """The pairs below a folder, if there is one at least. A picture without a text has no captions."""
    texts = {_stem(path): path for path in listing.texts}
    first = next((path for path in listing.pictures if _stem(path) in texts), None)
    if first is None:
        return []
    return [Source(f"{first} with {texts[_stem(first)]}", partial(_read, folder, listing))]


def _read(folder: Path, listing: Listing) -> Captions:
    pictures, texts = _by_stem(listing.pictures, listing.texts), _by_stem(listing.texts, listing.pictures)
    alone = [path for stem, path in texts.items() if stem not in pictures]
    rows = [
        Row(one_line(str(folder / path)), path, _lines(folder / texts[_stem(path)]) if _stem(path) in texts else ())
        for path in listing.pictures
    ]
    left_out = [(f"text files in {folder} without a picture of their name", path) for path in alone]
    return Captions(rows, "pictures with a text file beside each", left_out)


def _lines(path: Path) -> tuple[str, ...]:
    return tuple(re.split("\r\n|\n|\r", read_text(path)))


def _raise(error: OSError) -> None:
    raise error


def _by_stem(paths: list[str], others: list[str]) -> dict[str, str]:
    """Stem -> path; refuses two paths of one stem that a file of the other kind belongs to."""
    of_others = {_stem(path): path for path in others}
    by_stem: dict[str, str] = {}
    for path in paths:
        stem = _stem(path)
        if by_stem.setdefault(stem, path) != path and stem in of_others:
            raise InputError(f"{by_stem[stem]} and {path} belong to the same {of_others[stem]}: take one of them out")
    return by_stem


def _stem(path: str) -> str:
    """What a picture and its text have in common."""
    return unicodedata.normalize("NFC", str(PurePosixPath(path).with_suffix("")))
