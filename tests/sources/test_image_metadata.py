"""Metadata that nobody looks at does not decide whether an image is read; the orientation is kept."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i.errors import InputError
from t2i.sources.image_metadata import without_metadata
from t2i.sources.images import load_image
from tests.sources.image_bytes import (
    EXIF_POINTER,
    MAKER,
    TURNED,
    XMP,
    jpeg,
    jpeg_segment,
    picture,
    png,
    png_chunk,
    saved,
    tiff,
    tiff_directory,
)

BOMB = zlib.compress(bytes(3_000_000))  # more than the 1 MB that Pillow decompresses
LONG = b"x" * 70_000_000  # more than the 64 MB that Pillow takes in all


def chunks() -> dict[str, bytes]:
    text = {
        "tEXt": b"a\0" + b"x" * 3_000_000, "tEXt above all limits": b"a\0" + LONG, "zTXt": b"a\0\0" + BOMB,
        "zTXt of an unknown method": b"a\0\7x", "iTXt": b"a\0\1\0\0\0" + BOMB, "iCCP": b"a\0\0" + BOMB,
        "iCCP of an unknown method": b"a\0\7x", "iCCP corrupt": b"a\0\0garbage", "iCCP short": b"a", "iCCP empty": b"",
        "gAMA empty": b"", "cHRM short": b"a", "pHYs short": b"a", "sRGB empty": b"", "acTL short": b"a",
        "fcTL of no animation": bytes(26), "tEXt transparency": b"transparency\0yes", "tEXt bbox": b"bbox\0yes",
        "tEXt interlace": b"interlace\0yes", "tEXt without a key": b"\0", "zzZz unknown": b"x",
    }  # fmt: skip
    return {case: png_chunk(case[:4].encode(), content) for case, content in text.items()}


CHUNKS = chunks() | {"wrong checksum": png_chunk(b"tEXt", b"a\0b", sound=False)}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("case", CHUNKS)
def test_chunks_of_a_png(tmp_path: Path, case: str, late: bool) -> None:
    (tmp_path / "x.png").write_bytes(png(CHUNKS[case], late=late))
    np.testing.assert_array_equal(load_image(tmp_path / "x.png"), picture())
    if not late:  # Pillow puts the orientation before the pixels
        turned = picture().transpose(Image.Transpose.ROTATE_270)
        np.testing.assert_array_equal(load_image(tmp_path / "x.png", upright=True), turned)


@pytest.mark.parametrize("late", [False, True])
def test_xmp_after_a_chunk_that_is_left_out_still_turns(tmp_path: Path, late: bool) -> None:
    xmp = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP + b" " * 2_000_000)
    (tmp_path / "x.png").write_bytes(png(CHUNKS["zTXt"], xmp, late=late, turned=False))
    assert load_image(tmp_path / "x.png", upright=True).size == (20, 40)


def test_transparency_is_no_metadata(tmp_path: Path) -> None:
    transparent = png_chunk(b"tRNS", struct.pack(">HHH", 200, 30, 40))
    (tmp_path / "x.png").write_bytes(png(CHUNKS["zTXt"], transparent))
    assert np.asarray(load_image(tmp_path / "x.png"))[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("damage", ["cut", "header", "checksum of the header"])
def test_a_damaged_png_is_refused_all_the_same(tmp_path: Path, damage: str) -> None:
    data = png(CHUNKS["zTXt"])
    damaged = {
        "cut": data[:-40], "header": data[:8] + png_chunk(b"IHDR", b"short") + data[33:],
        "checksum of the header": data[:29] + b"zzzz" + data[33:],
    }[damage]  # fmt: skip
    (tmp_path / "x.png").write_bytes(damaged)
    with pytest.raises(InputError, match=r"x.png cannot be read \("):
        load_image(tmp_path / "x.png")


def mpf(*entries: tuple[int, int, int, bytes]) -> bytes:
    return jpeg_segment(0xE2, b"MPF\0" + (tiff_directory(*entries) if entries else b"garbage"))


def count(number: int) -> tuple[int, int, int, bytes]:
    return (0xB001, 4, 1, struct.pack("<I", number))


SEGMENTS = {
    "short profile": jpeg_segment(0xE2, b"ICC_PROFILE\0"),
    "profile of missing parts": jpeg_segment(0xE2, b"ICC_PROFILE\0\1\7garbage"),
    "short JFIF": jpeg_segment(0xE0, b"JFIF\0"),
    "short Adobe": jpeg_segment(0xEE, b"Adobe"),
    "preview index of garbage": mpf(),
    "preview index without entries": mpf(count(2)),
    "preview index of another length": mpf(count(3), (0xB002, 7, 16, bytes(16))),
    "preview index of empty previews": mpf(count(2), (0xB002, 7, 32, bytes(32))),
    "Photoshop data": jpeg_segment(0xED, b"Photoshop 3.0\0008BIM\3\xed"),
    "comment": jpeg_segment(0xFE, b"\xff" * 100),
}


@pytest.mark.parametrize("case", SEGMENTS)
def test_segments_of_a_jpeg(tmp_path: Path, case: str) -> None:
    (tmp_path / "x.jpg").write_bytes(jpeg(SEGMENTS[case]))
    (tmp_path / "sound.jpg").write_bytes(jpeg())
    for upright, size in ((False, (40, 20)), (True, (20, 40))):
        image = load_image(tmp_path / "x.jpg", upright=upright)
        assert image.size == size
        np.testing.assert_array_equal(image, load_image(tmp_path / "sound.jpg", upright=upright))


TAGS = {
    "negative EXIF pointer": (EXIF_POINTER, 9, 1, struct.pack("<i", -5)),
    "fraction as EXIF pointer": (EXIF_POINTER, 5, 1, struct.pack("<II", 7, 3)),
    "EXIF pointer past the end": (EXIF_POINTER, 4, 1, struct.pack("<I", 10**9)),
    "negative GPS pointer": (34853, 9, 1, struct.pack("<i", -5)),
    "XMP as text": (700, 2, 8, b"abcdefg\0"),
    "XMP as numbers": (700, 3, 8, b"ab" * 8),
    "fraction as maker": (MAKER, 5, 1, struct.pack("<II", 1, 3)),
    "profile as number": (34675, 3, 1, struct.pack("<H", 6)),
}


@pytest.mark.parametrize("case", TAGS)
def test_tags_of_a_tiff(tmp_path: Path, case: str) -> None:
    (tmp_path / "x.tif").write_bytes(tiff(TAGS[case]))
    np.testing.assert_array_equal(load_image(tmp_path / "x.tif"), picture())
    (tmp_path / "x.tif").write_bytes(tiff(TAGS[case], TURNED))
    assert load_image(tmp_path / "x.tif", upright=True).size == (20, 40)


@pytest.mark.parametrize("case", ["fraction as maker", "no EXIF at all"])
def test_exif_of_an_avif(tmp_path: Path, case: str) -> None:
    exif = Image.Exif()
    exif[MAKER], exif[TURNED[0]] = "a maker", 6
    data = saved(picture(), "AVIF", exif=exif)
    entry = struct.pack(">HHI", MAKER, 2, 8)
    assert data.count(entry) == 1
    damaged = {"fraction as maker": data.replace(entry, struct.pack(">HHI", MAKER, 5, 1))}
    (tmp_path / "x.avif").write_bytes(damaged.get(case, data.replace(b"MM\0*", b"XXXX")))
    image = load_image(tmp_path / "x.avif", upright=True)
    assert image.size == (20, 40) and np.abs(np.asarray(image)[0, 0] - [200.0, 30, 40]).max() < 20


def test_files_without_anything_to_leave_out(tmp_path: Path) -> None:
    for content in (b"", b"text", saved(picture(), "GIF"), saved(picture(), "PNG"), saved(picture(), "TIFF")):
        (tmp_path / "x").write_bytes(content)
        assert without_metadata(tmp_path / "x") is None
