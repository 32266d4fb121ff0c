"""Text files as people save them."""

import codecs
from pathlib import Path

from t2i.errors import InputError

_MARKS = {  # UTF-32 first: the mark of UTF-16 begins that of UTF-32
    codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}  # fmt: skip


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark, as Excel saves "Unicode text".

    Raises:
        InputError: the file is no such text; says in which line.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): correct it") from error
    if data.startswith(b"PK\3\4"):
        raise InputError(f"{path} is an Excel workbook or another zip archive, no text: save it as CSV UTF-8")
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "UTF-8")
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"line {line} of {path} is no {encoding} ({error.reason}): save the file as UTF-8") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InputError(
            f"line {line} of {path} has a NUL character, as no text has (UTF-16 without a byte order mark?): save the "
            "file as UTF-8"
        )
    return text
