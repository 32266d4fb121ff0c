"""Captions in a text file or on standard input, a caption a line."""

import codecs
from typing import IO

from t2i.errors import InputError

MAX_BYTES = 1 << 24
"""Longest file: some 200,000 captions."""

_MARKS = {  # those of UTF-32 first: they begin with those of UTF-16
    codecs.BOM_UTF8: "UTF-8", codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16",
}  # fmt: skip


def read_captions(file: IO[bytes]) -> list[str]:
    """The lines of a text file that are not blank; lines end with any of the line breaks of Unicode.

    The file is UTF-8, or UTF-16 or UTF-32 with a byte order mark.

    Raises:
        InputError: it cannot be read, is too long, is no such text, or holds no caption.
    """
    name = getattr(file, "name", "<stdin>")
    name = "standard input" if name == "<stdin>" else name
    try:
        content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}): give a text file (-f)") from error
    if len(content) > MAX_BYTES:
        raise InputError(f"{name} has more than {MAX_BYTES >> 20} MiB: give a text file with a caption a line (-f)")
    captions = [line for line in _decode(content, name).splitlines() if line.strip()]
    if not captions:
        raise InputError(f"{name} has no caption: write one a line")
    return captions


def _decode(content: bytes, name: str) -> str:
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    encoding = _MARKS.get(mark, "UTF-8")
    try:
        text = content.decode("utf-8-sig" if encoding == "UTF-8" else encoding)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1  # without its byte order mark
        where = f"byte 0x{error.object[error.start]:02x} in line {line}"
        where = where if encoding == "UTF-8" else "its first bytes say so"
        raise InputError(f"{name} is not text in {encoding} ({where}): save it as UTF-8") from error
    if "\0" in text:
        raise InputError(
            f"{name} holds NUL characters, as pictures do and UTF-16 without a byte order mark: save it as UTF-8"
        )
    return text
