"""A small data set to pack, and what is in a folder."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from t2i.errors import InputError
from t2i.sources.pack_writer import pack
from t2i.sources.records import Caption, Record, Splits

SETTINGS: dict[str, Any] = {"image_size": 16, "resize_ratio": 1.25, "processes": 1}
SIDE = 20


def noise(seed: int, width: int, height: int, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def record(name: str, class_name: str = "wren", load: Callable[[], Image.Image] | None = None, **others: Any) -> Record:
    captions = others.pop("captions", (Caption("a bird"),))
    return Record(name, class_name, captions, load or partial(Image.new, "RGB", (30, 40)), **others)


def data_set() -> Splits:
    train = [
        record("a", "wren", partial(noise, 1, 50, 40), attributes={"belly": "red", "size": "big"}),
        record("b", "crow", partial(noise, 2, SIDE, 31), captions=(Caption("two", {"belly": "blue"}), Caption("3"))),
        record("c", "wren", partial(noise, 3, 10, 10, "L")),
    ]
    return {"train": train, "test": [record("d", "auk", partial(noise, 4, 33, 20, "CMYK"), attributes={"eye": "nan"})]}


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


def refused(splits: Splits, folder: Path, **other: Any) -> str:
    before = everything(folder.parent)
    with pytest.raises(InputError) as caught:
        pack(splits, folder, **{**SETTINGS, **other})
    assert everything(folder.parent) == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def failing(error: BaseException) -> Image.Image:
    raise error
