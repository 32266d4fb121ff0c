"""Small data sets of drawn birds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2i.sources.records import Record, Splits
from t2i.sources.toy_birds import read
from t2i.sources.toy_birds.grammar import Grammar, load_yaml
from tests.conftest import ROOT

FOLDER = ROOT / "data" / "toy_birds"


def birds(folder: Path = FOLDER, **changes: Any) -> Splits:
    arguments = {"train_images": 6, "test_images": 3, "reference_images": 3, "captions_per_image": 10}
    return read(folder, **{**arguments, "image_size": 64, "seed": 0, **changes})


def pixels(record: Record) -> np.ndarray:
    return np.asarray(record.load())


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return load_yaml(FOLDER / "grammar.yaml", Grammar)
