"""Pairs of pictures, against loops and cases with a known answer."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from t2i.generation.pictures import COLUMNS, Pictures
from t2i.scores.picture_pairs import attribute_agreement, pixel_distance


def test_pixel_distance_is_the_mean_over_all_pairs(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 3, 4, 4), dtype=np.uint8)
    images[0], images[1] = 0, 255
    np.save(tmp_path / "p.npy", images)
    pictures = Pictures(pd.DataFrame(0, index=range(30), columns=COLUMNS), tmp_path / "p.npy")
    pairs = np.array(list(combinations(range(30), 2)))  # more than are in memory at a time
    expected = np.mean([np.abs(images[i].astype(float) - images[j]).mean() / 255 for i, j in pairs])
    assert pixel_distance(pictures, pairs) == pytest.approx(expected)
    assert pixel_distance(pictures, np.array([[0, 1]])) == 1 and pixel_distance(pictures, np.array([[5, 5]])) == 0
    assert np.isnan(pixel_distance(pictures, np.empty((0, 2), dtype=int)))


def test_agreement_is_told_apart_by_how_many_captions_mention_the_attribute() -> None:
    predicted = {"body": ["red", "red", "blue", "red"], "wing": ["red", "blue", "blue", "blue"]}
    captions = pd.DataFrame({"mentioned.body": ["red", "red", "", "red"], "mentioned.wing": ["", "red", "", ""]})
    pairs = np.array([[0, 1], [2, 3]])
    # body: both mention and agree, one mentions and they differ; wing: one mentions and they differ, none and agree
    assert attribute_agreement(predicted, captions, pairs) == {"both": 1.0, "one": 0.0, "none": 1.0}
    assert attribute_agreement(predicted, captions, pairs[:1]) == {"both": 1.0, "one": 0.0, "none": None}
