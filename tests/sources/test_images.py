"""Image files of every kind that data sets contain."""

import logging
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from t2i.errors import InputError
from t2i.sources.images import load_image
from tests.sources.image_bytes import (
    EXIF_POINTER,
    FRACTION_AS_MAKER,
    ORIENTATION,
    TURNED,
    XMP,
    Entry,
    jpeg,
    jpeg_segment,
    picture,
    png,
    png_chunk,
    saved,
    tiff,
    tiff_directory,
)

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


UNIT = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
"""RAMP as shares of white."""


def odd_floats() -> np.ndarray:
    values = UNIT * 255
    values[0], values[1], values[2] = np.nan, np.inf, -np.inf
    return values


@pytest.mark.parametrize(
    "values",
    [
        UNIT, UNIT.astype(np.float64), UNIT * 255, UNIT * 65535, UNIT * 1.2, UNIT * 1.2 - 0.1, UNIT * 280 - 20,
        (UNIT * 65535).astype(np.uint16), (UNIT * 255).astype(np.uint16), (UNIT * 255).astype(np.int32),
        (UNIT * 65535).astype(np.int32), (UNIT > 0.5).astype(np.int32), UNIT * 0, odd_floats(),
    ],
    ids=[
        "0..1", "0..1, 64 bits", "0..255", "0..65535", "lights above 1", "lights and shades", "around 0..255",
        "16 bits", "8 of 16 bits", "8 of 32 bits", "16 of 32 bits", "0 or 1", "black", "NaN and infinite",
    ],
)  # fmt: skip
def test_deep_gray_values_of_a_tiff_are_scaled(tmp_path: Path, values: np.ndarray) -> None:
    Image.fromarray(values).save(tmp_path / "deep.tif")
    finite = values[np.isfinite(values)].astype(float)
    white = next(white for white in (1, 255, 65535) if finite.max() <= white * (1 + (values.dtype.kind == "f")))
    expected = (np.nan_to_num(values, posinf=np.inf, neginf=0.0) / white).clip(0, 1) * 255
    result = np.asarray(load_image(tmp_path / "deep.tif"))
    assert np.abs(result.astype(float) - expected[:, :, None]).max() <= 1
    assert result.max() >= 250 or not finite.any()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (UNIT * 2 - 1, "gray values from -1 to 1, where black must be 0 and white 1, 255 or 65,535"),
        (UNIT * 1e6, "gray values from 0 to 1e.06"),
        (-UNIT - 1, "gray values from -2 to -1"),
        ((UNIT * 2e9).astype(np.int32), "gray values from 0 to 2e.09"),
        ((UNIT * 255).astype(np.int32) - 5, "gray values from -5 to 250"),
        (UNIT * np.nan, "none of its gray values is a number"),
    ],
)
def test_gray_values_without_a_white_are_refused(tmp_path: Path, values: np.ndarray, reason: str) -> None:
    Image.fromarray(values).save(tmp_path / "deep.tif")
    with pytest.raises(InputError, match=rf"deep.tif cannot be read \({reason}.*\): get it again"):
        load_image(tmp_path / "deep.tif")


@pytest.mark.parametrize("kind", ["png", "jp2", "pgm", "pfm"])
def test_deep_gray_values_of_other_formats_are_scaled(tmp_path: Path, kind: str) -> None:
    values = UNIT if kind == "pfm" else (UNIT * 65535).astype(np.int32 if kind == "pgm" else np.uint16)
    Image.fromarray(values).save(tmp_path / f"deep.{kind}")
    assert np.abs(np.asarray(load_image(tmp_path / f"deep.{kind}")).astype(int) - RAMP[:, :, None]).max() <= 2


def test_a_transparent_value_of_16_bits_is_white(tmp_path: Path) -> None:
    Image.fromarray((UNIT * 65535).astype(np.uint16)).save(tmp_path / "deep.png", transparency=0)
    result = np.asarray(load_image(tmp_path / "deep.png"))
    assert result[0, 0, 0] == 255 and result[0, 1, 0] < 10


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBa", "RGBX", "YCbCr", "HSV", "LAB"])
def test_unusual_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    colour = Image.new("RGB", (8, 8), (200, 60, 40))
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(colour, srgb, lab, outputMode="LAB")
    else:
        ways = {"PA": ["LA", "PA"], "RGBa": ["RGBA", "RGBa"]}
        image = colour
        for step in ways.get(mode, [mode]):
            image = image.convert(step)
    expected = colour.convert("L").convert("RGB") if mode in ("LA", "PA") else colour
    assert image is not None
    if mode in ("LA", "PA", "YCbCr", "LAB"):
        image.save(tmp_path / "x.tif")
    else:  # no format has it, but decoders give it
        saved_image = image
        colour.save(tmp_path / "x.tif")
        monkeypatch.setattr(Image, "open", lambda *_, **__: saved_image)
    result = load_image(tmp_path / "x.tif")
    assert result.mode == "RGB" and np.abs(np.asarray(result).astype(int) - np.asarray(expected)).max() <= 4


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP", "AVIF", "MPO"])
def test_the_first_of_several_frames(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ((200, 30, 40), (0, 0, 255), (0, 255, 0))]
    frames[0].save(tmp_path / "x", kind, save_all=True, append_images=frames[1:])
    assert np.abs(np.asarray(load_image(tmp_path / "x")).astype(int) - (200, 30, 40)).max() < 20


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


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_of_all_formats(tmp_path: Path, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    (tmp_path / "x").write_bytes(saved(picture(), kind, exif=exif))
    with Image.open(tmp_path / "x") as image:
        expected = ImageOps.exif_transpose(image)
    np.testing.assert_array_equal(load_image(tmp_path / "x", upright=True), expected)


def orientation(kind: int, value: bytes, count: int = 1) -> Entry:
    return (ORIENTATION, kind, count, value)


SIX = struct.pack("<H", 6)
EXIF = {
    "fraction as maker": (tiff_directory(FRACTION_AS_MAKER, TURNED), True),
    "EXIF pointer past the end": (tiff_directory(TURNED, (EXIF_POINTER, 4, 1, b"\xff" * 4)), True),
    "EXIF pointer to itself": (tiff_directory(TURNED, (EXIF_POINTER, 4, 1, struct.pack("<I", 8))), True),
    "long orientation": (tiff_directory(orientation(4, struct.pack("<I", 6))), True),
    "orientation as fraction": (tiff_directory(orientation(5, struct.pack("<II", 6, 1))), True),
    "orientation twice": (tiff_directory(orientation(3, SIX + SIX, 2)), True),
    "orientation of no number": (tiff_directory(orientation(5, struct.pack("<II", 6, 0))), False),
    "orientation NaN": (tiff_directory(orientation(11, struct.pack("<f", np.nan))), False),
    "orientation as text": (tiff_directory(orientation(2, b"6\0", 2)), False),
    "orientation as byte": (tiff_directory(orientation(1, b"\6")), False),
    "orientation 0": (tiff_directory(orientation(3, bytes(2))), False),
    "orientation 9": (tiff_directory(orientation(3, b"\t\0")), False),
    "cut": (tiff_directory(FRACTION_AS_MAKER, TURNED)[:20], False),
    "garbage": (b"garbage", False),
    "header alone": (b"II*\0", False),
    "empty": (b"", False),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("case", EXIF)
def test_odd_exif_turns_or_does_not_and_never_fails(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, case: str
) -> None:
    exif, turned = EXIF[case]
    (tmp_path / "x").write_bytes(saved(picture(), kind, exif=b"Exif\0\0" + exif))
    assert load_image(tmp_path / "x", upright=True).size == ((20, 40) if turned else (40, 20))
    assert load_image(tmp_path / "x").size == (40, 20)
    assert capfd.readouterr() == ("", "")


def test_orientation_in_xmp_and_in_a_text_of_imagemagick(tmp_path: Path) -> None:
    xmp = jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
    exif = (b"Exif\0\0" + tiff_directory(TURNED)).hex().encode()
    raw = png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n      34\n" + exif + b"\n"))
    damaged = png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"nonsense"))
    for content, size in (
        (jpeg(xmp, exif=b""), (20, 40)),
        (png(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP), turned=False), (20, 40)),
        (tiff((700, 1, len(XMP), XMP)), (20, 40)),
        (png(raw, turned=False), (20, 40)),
        (png(damaged, turned=False), (40, 20)),
    ):
        (tmp_path / "x").write_bytes(content)
        assert load_image(tmp_path / "x", upright=True).size == size


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
    with pytest.raises(
        InputError, match=r"x.jpg cannot be read \(.+\): (get it again, or|make it smaller, or)"
    ) as caught:
        load_image(path)
    assert "\n" not in str(caught.value)


ERRORS = [
    RuntimeError("a\n b"), NotImplementedError(), TypeError("x"), struct.error("x"), SystemError("x"), KeyError("x"),
    MemoryError(), RecursionError("x"), AssertionError(), AttributeError("x"), zlib.error("x"), UnicodeError("x"),
]  # fmt: skip


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", ["open", "load"])
def test_whatever_a_decoder_raises_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, method: str
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    picture().save(tmp_path / "x.png")
    monkeypatch.setattr(*{"open": (Image, "open"), "load": (Image.Image, "convert")}[method], fails)
    with pytest.raises(InputError) as caught:
        load_image(tmp_path / "x.png")
    reason = "a b" if isinstance(error, RuntimeError) and str(error).startswith("a") else str(error)
    expected = f"image {tmp_path}/x.png cannot be read ({reason or type(error).__name__}): get it again, or take it out"
    assert str(caught.value).startswith(expected)


def test_an_interruption_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    picture().save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "open", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_image(tmp_path / "x.png")


def test_what_pillow_warns_of_is_not_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.tif").write_bytes(tiff((0x010F, 3, 2, b"abcd")))  # two values where one is due
    with Image.open(tmp_path / "x.tif"), pytest.warns(UserWarning):
        Image.open(tmp_path / "x.tif").getexif()[0x010F]
    load_image(tmp_path / "x.tif", upright=True)
    logging.getLogger("PIL.TiffImagePlugin").error("More samples per pixel than can be decoded")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("upright", [False, True])
def test_heic(tmp_path: Path, upright: bool) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    (tmp_path / "photo.jpg").write_bytes(saved(picture(), "HEIF", exif=exif.tobytes()))  # whatever it is called
    image = load_image(tmp_path / "photo.jpg", upright=upright)
    assert image.size == (20, 40) and np.abs(np.asarray(image)[0, 0] - [200.0, 30, 40]).max() < 20
    (tmp_path / "photo.heic").write_bytes((tmp_path / "photo.jpg").read_bytes()[:200])
    with pytest.raises(InputError, match=r"photo.heic cannot be read \(it is an AVIF or HEIC file that is damaged, or"):
        load_image(tmp_path / "photo.heic", upright=upright)
