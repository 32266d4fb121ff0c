"""Captions in a text file or on standard input, a caption a line."""

from typing import IO

from t2i.errors import InputError
from t2i.files import decode_text

MAX_BYTES = 1 << 24
"""Longest file: some 200,000 captions."""


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
    captions = [line for line in decode_text(content, name).splitlines() if line.strip()]
    if not captions:
        raise InputError(f"{name} has no caption: write one a line")
    return captions
