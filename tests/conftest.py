"""Small data sets that several tests use."""

import logging
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from t2i.data.packed import PackedSplit
from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.sources.pack_writer import pack
from t2i.sources.records import Caption, Record, Splits

ROOT = Path(__file__).parents[1]

# Two test processes run side by side, and their networks are tiny: more threads would only wait for each other. What
# tests start reads the environment.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (40, 60, 220), "white": (250, 250, 250)}


def draw_stripes(top: str, bottom: str, size: int) -> Image.Image:
    """Two stripes: the simplest image that a caption can describe."""
    pixels = np.zeros((size, size, 3), np.uint8)
    pixels[: size // 2], pixels[size // 2 :] = COLOURS[top], COLOURS[bottom]
    return Image.fromarray(pixels)


def stripes(split: str, count: int, size: int = 32) -> list[Record]:
    """Records of striped images with three captions each."""
    records = []
    for number in range(count):
        top, bottom = (list(COLOURS)[(number // step + (split == "test")) % 4] for step in (1, 4))
        texts = (f"the top is {top}", f"{bottom} below and {top} above", f"a {bottom} ground")
        mentioned = ({"top": top}, {"top": top, "bottom": bottom}, {"bottom": bottom})
        records.append(
            Record(
                f"{split}/{number}", f"{top}-{bottom}", tuple(map(Caption, texts, mentioned)),
                partial(draw_stripes, top, bottom, size), {"top": top, "bottom": bottom},
            )
        )  # fmt: skip
    return records


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long first, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def striped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A packed data set of 32-pixel stripes: 32 train and 24 test images."""
    folder = tmp_path_factory.mktemp("striped") / "prepared"
    splits: Splits = {"train": stripes("train", 32), "test": stripes("test", 24)}
    pack(splits, folder, image_size=32, resize_ratio=1.0, processes=1)
    return folder


@pytest.fixture(scope="session")
def vocabulary(striped: Path) -> Vocabulary:
    """The words of the striped train captions."""
    return Vocabulary.build(tokenize(text) for text in PackedSplit(striped, "train").captions["text"])


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Stages configure the loggers of t2i for their process; the next test shall not see that."""
    yield
    for name in ("t2i", "stages", "__main__"):
        logger = logging.getLogger(name)
        logger.handlers, logger.level, logger.propagate = [], logging.NOTSET, True
