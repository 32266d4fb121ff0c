"""Damaged images of every format that Pillow writes and reads: each is a picture, or one line, and soon."""

import contextlib
import os
import random
import signal
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
from PIL import Image

from t2i.errors import InputError
from t2i.sources.images import load_image
from t2i.sources.missing import MissingItems
from t2i.sources.pack_writer import pack
from t2i.sources.records import Caption, Record
from tests.sources.image_bytes import TURNED, saved

CASES = int(os.environ.get("DAMAGED_IMAGES", "600"))
"""Number of files; set it to look for more."""
SECONDS = 20
"""A decoder that takes longer for 32 x 32 pixels hangs."""
MODES = ("RGB", "L", "P", "1", "RGBA", "LA", "CMYK", "I;16", "I", "F")


@cache
def sound_files() -> dict[str, bytes]:
    """A file of each format and mode that Pillow writes."""
    Image.init()
    with contextlib.suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    pixels[:16] = (200, 30, 40)
    exif = Image.Exif()
    exif[TURNED[0]], exif[0x010F] = 6, "a maker"
    files = {}
    for kind in sorted(Image.SAVE.keys() & Image.OPEN.keys()):
        for mode in MODES:
            image = Image.fromarray(pixels)
            image = (image.convert("L") if mode in ("I;16", "I", "F") else image).convert(mode)
            # the format may lack the mode, need another program, or be deprecated
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                files[f"{kind} {mode}"] = saved(image, kind, exif=exif.tobytes())
    return files


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A file cut, overwritten, with bytes inserted or taken out, or with one part copied over another."""
    content, place = bytearray(data), chance.randrange(len(data))
    match chance.randrange(6):
        case 0:
            del content[place:]
        case 1:
            for _ in range(chance.choice([1, 3, 20])):
                content[chance.randrange(len(data))] = chance.randrange(256)
        case 2:  # lengths, sizes and pointers stand at the start
            for _ in range(chance.choice([1, 3, 20])):
                content[chance.randrange(min(len(data), 200))] = chance.choice([0, 127, 128, 255])
        case 3:
            content[place:place] = chance.randbytes(chance.choice([1, 4, 100]))
        case 4:
            del content[place : place + chance.choice([1, 4, 100])]
        case 5:
            other = chance.randrange(len(data))
            content[place : place + 50] = content[other : other + 50]
    return bytes(content)


@pytest.fixture
def in_time() -> Iterator[Callable[[], object]]:
    """Start the time that one image may take."""

    class HangsError(BaseException):
        pass

    def hangs(_: int, __: FrameType | None) -> None:
        raise HangsError

    before = signal.signal(signal.SIGALRM, hangs)
    yield lambda: signal.alarm(SECONDS)
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_sound_files_of_all_formats_are_read(tmp_path: Path) -> None:
    kinds = {name.split()[0] for name in sound_files()}
    assert kinds >= {"BMP", "DDS", "GIF", "ICO", "JPEG", "PCX", "PNG", "PPM", "SGI", "TGA", "TIFF", "WEBP"}
    for name, content in sound_files().items():
        if not name.startswith(("EPS", "ICNS")):  # a program; icons of other sizes, whose palette Pillow loses
            (tmp_path / "x").write_bytes(content)
            image = load_image(tmp_path / "x", upright=True)
            assert image.mode == "RGB" and image.size == (32, 32), name


def test_a_damaged_file_is_a_picture_or_one_line(
    tmp_path: Path, in_time: Callable[[], object], capfd: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(0)
    names = sorted(sound_files())
    pictures = 0
    for number in range(CASES):
        name = names[number % len(names)]
        (tmp_path / "x").write_bytes(damaged(sound_files()[name], chance))
        in_time()
        try:
            image = load_image(tmp_path / "x", upright=True)
        except InputError as error:
            assert str(error).startswith(f"image {tmp_path}/x cannot be read (") and str(error).isprintable(), name
        else:
            pictures += 1
            assert image.mode == "RGB" and image.width * image.height < 9e7, name
    assert CASES / 10 < pictures < CASES * 0.9
    assert capfd.readouterr() == ("", "")


def test_damaged_files_are_left_out_of_a_pack(tmp_path: Path) -> None:
    chance = random.Random(1)
    sound = sorted(sound_files().items())
    for number, (_, content) in enumerate(sound):
        (tmp_path / f"{number}").write_bytes(damaged(content, chance))
    (tmp_path / "sound").write_bytes(sound_files()["PNG RGB"])
    records = [
        Record(path.name, "a", (Caption("a bird"),), partial(load_image, path)) for path in sorted(tmp_path.iterdir())
    ]
    missing = MissingItems("skip")
    meta = pack({"train": records}, tmp_path / "pack", image_size=8, resize_ratio=1, processes=1, missing_items=missing)
    left_out = sum(problem["count"] for problem in missing.report().values())
    assert 0 < left_out < len(records) and meta["splits"]["train"]["images"] == len(records) - left_out
