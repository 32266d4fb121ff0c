"""Why a file is no readable image, where its content says so better than a decoder would."""

import codecs
import re
from pathlib import Path

from PIL import UnidentifiedImageError

from t2i.errors import InputError
from t2i.terminal import one_line

_START = 512
"""Bytes at the start of a file that tell its kind."""
_MAX_BYTES = 2**30  # of a file: more than the largest image that is read has without compression
_UNKNOWN = "that is damaged, or has pixels of a kind that Pillow does not read"
_KINDS = (
    (rb"%PDF", "a PDF document"),
    (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!", "an archive"),
    (rb".{4}ftyp(avi[fs]|he[iv]|mif1|msf1)", f"an AVIF or HEIC file {_UNKNOWN}"),
    (rb".{4}ftyp(iso|mp4|M4V|qt  |3gp)|\x1aE\xdf\xa3", "a film"),
    (rb"II[*+]\0|MM\0[*+]", f"a TIFF file {_UNKNOWN}"),
    (rb"\xff\xd8\xff", f"a JPEG file {_UNKNOWN}"),
    (rb"\x89PNG", f"a PNG file {_UNKNOWN}"),
)
"""What files begin with that no decoder of Pillow takes."""
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}


def check_file(path: Path) -> bytes:
    """Refuse what no decoder should see; returns the start of the file.

    Raises:
        InputError: a folder, a pipe or device (reading may never end), an empty file, or a program.
        OSError: the file is not there or must not be read.
    """
    path.stat()
    if not path.is_file():
        raise refused(path, "it is a folder" if path.is_dir() else "it is no regular file")
    with path.open("rb") as file:
        start = file.read(_START)
    if not start:
        raise refused(path, "it is empty")
    if path.stat().st_size > _MAX_BYTES:
        raise refused(path, "it has more than 1 GiB")
    if start.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")):  # Pillow would run it with Ghostscript
        raise refused(path, "PostScript is a program and no image", "save it as PNG")
    return start


def register_heif(path: Path, start: bytes) -> tuple[str, ...] | None:
    """The formats to open a file with: None for all that Pillow has, or HEIF (HEIC photos), after registering it.

    Raises:
        InputError: the file is HEIF and its decoder is not installed.
    """
    length = int.from_bytes(start[:4], "big")
    if start[4:8] != b"ftyp":
        return None
    brands = {start[8:12], *(start[i : i + 4] for i in range(16, min(length, len(start)), 4))}
    if not brands & _HEVC_BRANDS and (brands & {b"avif", b"avis"} or not brands & {b"mif1", b"msf1"}):
        return None
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        way_out = "pip install -e '.[heic]', or save it as JPEG"
        raise refused(path, "HEIC needs pillow-heif, which is not installed", way_out) from error
    register_heif_opener()
    return ("HEIF",)


def reason(error: Exception, start: bytes) -> str:
    """Why no decoder read a file that starts so; text, such as the page of a failed download, is told from the rest."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # the rest of it is the path
    if not isinstance(error, UnidentifiedImageError):
        return " ".join(str(error).split()) or type(error).__name__
    if kind := next((kind for pattern, kind in _KINDS if re.match(pattern, start, re.DOTALL)), None):
        return f"it is {kind}"
    unknown = "it has no known image format, or a damaged start"
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)  # may end within a character
    except UnicodeDecodeError:
        return unknown
    if not "".join(text.split()).isprintable():
        return unknown
    if text.startswith("version https://git-lfs"):
        return "it is a Git LFS pointer; git lfs pull fetches the file"
    markup = text.lower()
    kinds = {"<svg": "SVG, which has no pixels", "<html": "an HTML page", "<!doctype html": "an HTML page"}
    return "it is " + next((kind for mark, kind in kinds.items() if mark in markup), "text")


def refused(path: Path, reason: str, way_out: str = "get it again, or take it out of the lists") -> InputError:
    return InputError(one_line(f"image {path} cannot be read ({reason}): {way_out}"))
