"""Packed pixels of the recipe of the paper against the loader of the published code, in plain calls of Pillow."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i.data.packed import PackedSplit, damsm_folder
from t2i.sources import coco, cub
from t2i.sources.pack_writer import pack
from t2i.sources.records import Splits
from t2i.sources.resizing import Resizing
from tests.conftest import ROOT
from tests.sources import small_cub

SLICES = ROOT.parent / "shared" / "data"
Files = Mapping[str, tuple[Path, tuple[float, ...] | None]]
"""Name of an image -> its file and box."""


def published(path: Path, imsize: int, box: tuple[float, ...] | None = None) -> np.ndarray:
    """An image as the published code reads it, before its random crop."""
    image = Image.open(path).convert("RGB")
    if box is not None:
        left, top, width, height = (int(number) for number in box)
        r = int(max(width, height) * 0.75)
        x, y = int((2 * left + width) / 2), int((2 * top + height) / 2)
        image = image.crop((max(0, x - r), max(0, y - r), min(image.width, x + r), min(image.height, y + r)))
    size, (width, height) = int(imsize * 76 / 64), image.size
    if width < height:
        image = image.resize((size, int(size * height / width)), Image.Resampling.BILINEAR)
    elif height < width or width != size:
        image = image.resize((int(size * width / height), size), Image.Resampling.BILINEAR)
    return np.asarray(image)


def compared(splits: Splits, files: Files, folder: Path) -> None:
    resizing = Resizing("bilinear", "truncated")
    pack(splits, folder, image_size=64, resize_ratio=76 / 64, processes=1, resizing=resizing, damsm_image_size=299)
    for place, names in ((folder, list(splits)), (damsm_folder(folder), ["train"])):
        for opened in (PackedSplit(place, name) for name in names):
            for i, name in enumerate(opened.images["name"]):
                path, box = files[name]
                np.testing.assert_array_equal(opened.image(i), published(path, opened.image_size, box), name)


def test_birds(tmp_path: Path) -> None:
    folder = small_cub.make(tmp_path / "cub")
    images = folder / "CUB_200_2011" / "images"
    box = (20.7, 10.2, 15.9, 8.4)  # of whole pixels in CUB-200-2011; the published code truncates others
    boxes = images.parent / "bounding_boxes.txt"
    boxes.write_text(boxes.read_text().replace("20.0 10.0 15.0 8.0", " ".join(map(str, box))))
    names = [name for names in small_cub.NAMES.values() for name in names]
    files = {name: (images / f"{name}.png", box) for name in names}
    compared(cub.read(folder, captions_per_image=2), files, tmp_path / "pack")


def test_birds_of_the_slice(tmp_path: Path) -> None:
    data = SLICES / "cub-slice" / "CUB_200_2011"
    if not data.is_dir():
        pytest.skip(f"no slice of CUB-200-2011 at {data}")
    splits = {name: records[::30] for name, records in cub.read(data.parent, captions_per_image=10).items()}
    rows = {name: dict(line.split(" ", 1) for line in (data / name).read_text().splitlines())
            for name in ("images.txt", "bounding_boxes.txt")}  # fmt: skip
    boxes = {file.removesuffix(".jpg"): rows["bounding_boxes.txt"][number].split()
             for number, file in rows["images.txt"].items()}  # fmt: skip
    files = {
        record.name: (data / "images" / f"{record.name}.jpg", tuple(map(float, boxes[record.name])))
        for records in splits.values()
        for record in records
    }
    compared(splits, files, tmp_path / "pack")


def test_pictures_of_the_slice(tmp_path: Path) -> None:
    data = SLICES / "coco-slice"
    if not data.is_dir():
        pytest.skip(f"no slice of MS-COCO at {data}")
    splits = {name: records[::20] for name, records in coco.read(data, captions_per_image=5).items()}
    files: dict[str, tuple[Path, tuple[float, ...] | None]] = {}
    for records in splits.values():
        for record in records:
            (path,) = data.glob(f"*2017/*{record.name.rsplit('/', 1)[-1].rsplit('.', 1)[0]}.jpg")
            files[record.name] = (path, None)
    compared(splits, files, tmp_path / "pack")
