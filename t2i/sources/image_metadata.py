"""Image files without the metadata that decoders stumble over: text, colour profiles, camera data, previews.

Decoders read the metadata of a file first and give up on what is damaged or too large there, although the pixels are
fine. What is left out here has no influence on the pixels as they are used; the orientation is kept where it is sound.
"""

import re
import struct
import zlib
from pathlib import Path

_PNG_KEPT = (b"tRNS", b"eXIf")
_TIFF_DROPPED = {
    700, 33723, 34377, 34665, 34675, 34853, 37724, 40965,  # XMP, IPTC, Photoshop, EXIF, ICC, GPS, layers
    269, 270, 271, 272, 285, 305, 306, 315, 316, 33432,  # texts: titles, makers, software, dates, names, rights
}  # fmt: skip


def without_metadata(path: Path) -> bytes | None:
    """The content of a PNG, JPEG, TIFF or AVIF file without its metadata; None if nothing can be left out."""
    data = path.read_bytes()
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        bare = _png(data)
    elif data.startswith(b"\xff\xd8\xff"):
        bare = _jpeg(data)
    elif data.startswith((b"II*\0", b"MM\0*")):
        bare = _tiff(data)
    elif data[4:8] == b"ftyp":
        bare = re.sub(rb"(infe.{8,10})Exif", rb"\1skip", data, flags=re.DOTALL)  # items of unknown types are skipped
    else:
        return None
    return bare if bare != data else None


def _png(data: bytes) -> bytes:
    """Chunks are a length, a name, the content and a checksum. Names of optional ones begin with a small letter."""
    kept, position = [data[:8]], 8
    while position < len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        name, content, checksum = data[position + 4 : position + 8], data[position + 8 : end - 4], data[end - 4 : end]
        sound = zlib.crc32(name + content).to_bytes(4, "big") == checksum
        xmp = name == b"iTXt" and content.startswith(b"XML:com.adobe.xmp\0\0")  # uncompressed: of its length
        if name[:1].isupper() or (sound and (xmp or name in _PNG_KEPT)):
            kept.append(data[position:end])
        position = end
    return b"".join(kept)


def _jpeg(data: bytes) -> bytes:
    """Segments before the first scan are a marker, a length and the content."""
    kept, position = [data[:2]], 2
    while data[position : position + 1] == b"\xff" and data[position + 1 : position + 2] != b"\xda":
        marker, end = data[position + 1], position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        content = data[position + 4 : end]
        if marker in (0xE0, 0xEE):  # JFIF, Adobe: they tell the colour space, unless they are too short
            useful = len(content) >= 12
        elif marker == 0xE1:
            useful = True  # EXIF and XMP tell the orientation
        else:
            useful = not (0xE2 <= marker <= 0xEF or marker == 0xFE)
        if useful:
            kept.append(data[position:end])
        position = end
    return b"".join(kept) + data[position:]


def _tiff(data: bytes) -> bytes:
    """The first directory is a count, entries of 12 bytes that begin with their number, and the next directory."""
    order = "<" if data.startswith(b"II") else ">"
    (begin,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, begin)
    entries = [data[i : i + 12] for i in range(begin + 2, begin + 2 + 12 * count, 12)]
    kept = [entry for entry in entries if struct.unpack_from(f"{order}H", entry)[0] not in _TIFF_DROPPED]
    directory = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + bytes(4)
    return data[:begin] + directory + data[begin + len(directory) :]
