"""Image files byte by byte, as cameras and programs write them and Pillow does not."""

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

Entry = tuple[int, int, int, bytes]
"""Tag, type (1 byte, 2 text, 3 short, 4 long, 5 rational, 9 signed long, 11 float), count, value."""

ORIENTATION, MAKER, EXIF_POINTER = 0x0112, 0x010F, 0x8769
TURNED: Entry = (ORIENTATION, 3, 1, struct.pack("<H", 6))
"""Upright after a quarter turn."""
FRACTION_AS_MAKER: Entry = (MAKER, 5, 1, struct.pack("<II", 1, 3))
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def picture() -> Image.Image:
    """40 x 20 pixels, the left half red."""
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20] = (200, 30, 40)
    return Image.fromarray(pixels)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The file of an image."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff_directory(*entries: Entry) -> bytes:
    """A TIFF header and one directory, which EXIF data and TIFF files begin with."""
    end, values = 8 + 2 + 12 * len(entries) + 4, b""
    directory = b"II*\0" + struct.pack("<IH", 8, len(entries))
    for tag, kind, count, value in sorted(entries):
        place = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", end + len(values))
        values += value if len(value) > 4 else b""
        directory += struct.pack("<HHI", tag, kind, count) + place
    return directory + bytes(4) + values


def tiff(*entries: Entry) -> bytes:
    """The picture as an uncompressed TIFF file with more entries."""

    def content(start: int) -> bytes:
        numbers = {256: 40, 257: 20, 258: 8, 259: 1, 262: 2, 273: start, 277: 3, 278: 20, 279: 2400}
        baseline = [(tag, 4, 1, struct.pack("<I", value)) for tag, value in numbers.items() if tag != 258]
        return tiff_directory(*baseline, (258, 3, 3, struct.pack("<HHH", 8, 8, 8)), *entries)

    return content(len(content(0))) + picture().tobytes()


def png_chunk(name: bytes, content: bytes, *, sound: bool = True) -> bytes:
    """A chunk with its checksum."""
    checksum = zlib.crc32(name + content) ^ (not sound)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


def png(*chunks: bytes, late: bool = False, turned: bool = True) -> bytes:
    """The picture as PNG with more chunks before the pixels, or after them."""
    data = saved(picture(), "PNG", exif=tiff_directory(TURNED) if turned else b"")
    place = len(data) - 12 if late else 33
    return data[:place] + b"".join(chunks) + data[place:]


def jpeg_segment(marker: int, content: bytes) -> bytes:
    """A segment with its length."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def jpeg(*segments: bytes, exif: bytes | None = None) -> bytes:
    """The picture as JPEG with more segments at its start."""
    exif = tiff_directory(TURNED) if exif is None else exif
    data = saved(picture(), "JPEG", exif=b"Exif\0\0" + exif, quality=95)
    return data[:2] + b"".join(segments) + data[2:]
