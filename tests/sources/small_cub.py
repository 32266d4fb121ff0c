"""CUB-200-2011 made small."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i.errors import InputError
from t2i.sources import cub

NAMES = {
    "train": ["001.Auk/auk_1", "001.Auk/auk_2", "002.Wren/wren_1", "002.Wren/wren.2", "002.Wren/wren_3"],
    "test": ["003.Crow/crow_1", "003.Crow/crow_2"],
}
BOX = (20.0, 10.0, 15.0, 8.0)


def pixels(seed: int) -> np.ndarray:
    """Noise, 50 x 60."""
    return np.random.default_rng(seed).integers(0, 256, (50, 60, 3), dtype=np.uint8)


def make(folder: Path) -> Path:
    """A small data set; image i (from 1) has the noise of seed i."""
    images = folder / "CUB_200_2011" / "images"
    lines: list[str] = []
    boxes: list[str] = []
    for split, names in NAMES.items():
        (folder / split).mkdir(parents=True)
        (folder / split / "filenames.pickle").write_bytes(pickle.dumps(names, 2))
        for name in names:
            number = len(lines) + 1
            for path in (images / f"{name}.png", folder / "text" / f"{name}.txt"):
                path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels(number)).save(images / f"{name}.png")
            (folder / "text" / f"{name}.txt").write_text(f"bird {number}\nit is small\n")
            lines.append(f"{number} {name}.png\n")
            boxes.append(f"{number} {' '.join(map(str, BOX))}\n")
    (images.parent / "images.txt").write_text("".join(lines))
    (images.parent / "bounding_boxes.txt").write_text("".join(boxes))
    return folder


def refused(folder: Path) -> str:
    """The message with which the data set is refused."""
    with pytest.raises(InputError) as caught:
        cub.read(folder, captions_per_image=10)
    assert "\n" not in str(caught.value)
    return str(caught.value)
