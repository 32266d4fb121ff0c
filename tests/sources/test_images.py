"""Image files of every kind that data sets contain."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i.errors import InputError
from t2i.sources.images import load_image

RAMP = np.linspace(0, 255, 64, dtype=np.uint8).reshape(8, 8)


def test_grey_palette_cmyk_and_bilevel_are_rgb(tmp_path: Path) -> None:
    grey = Image.fromarray(RAMP)
    modes = {"L": ("png", 0), "P": ("png", 31), "CMYK": ("tif", 2), "1": ("png", 255), "RGB": ("bmp", 0)}
    for mode, (suffix, off) in modes.items():
        path = tmp_path / f"{mode}.{suffix}"
        grey.convert("RGB").convert(mode).save(path)
        image = load_image(path)
        assert image.mode == "RGB" and image.size == (8, 8)
        assert np.abs(np.asarray(image).astype(int) - RAMP[:, :, None]).max() <= off


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(RAMP.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    assert np.abs(np.asarray(load_image(tmp_path / "deep.png")).astype(int) - RAMP[:, :, None]).max() <= 1


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2] = (200, 10, 10, 255)
    Image.fromarray(pixels).save(tmp_path / "seen.png")
    result = np.asarray(load_image(tmp_path / "seen.png"))
    assert (result[:2] == (200, 10, 10)).all() and (result[2:] == 255).all()


def test_upright_follows_the_camera(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (20, 10)).save(tmp_path / "turned.jpg", exif=exif)
    assert load_image(tmp_path / "turned.jpg").size == (20, 10)
    assert load_image(tmp_path / "turned.jpg", upright=True).size == (10, 20)


def bomb(side: int) -> bytes:
    """A PNG of a few kilobytes that claims side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("content", ["empty", "text", "torn", "bomb", "huge bomb", "torn header"])
def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"", "text": b"no picture", "torn": whole[: len(whole) // 2], "torn header": whole[:30],
            "bomb": bomb(10_000), "huge bomb": bomb(60_000),
        }[content]
    )  # fmt: skip
    with pytest.raises(InputError, match=r"x.jpg cannot be read \(.+\): get it again, or take it out") as caught:
        load_image(path)
    assert "\n" not in str(caught.value)
