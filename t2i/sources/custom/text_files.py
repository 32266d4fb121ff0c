"""Text files as people save them."""

from pathlib import Path

from t2i.errors import InputError
from t2i.files import decode_text


def read_text(path: Path) -> str:
    """The text of a file, see :func:`t2i.files.decode_text`.

    Raises:
        InputError: it cannot be read, or is no such text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): correct it") from error
    if data.startswith(b"PK\3\4"):
        raise InputError(f"{path} is an Excel workbook or another zip archive, no text: save it as CSV UTF-8")
    return decode_text(data, path)
