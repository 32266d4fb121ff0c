"""Variety over noise, against all pairs written out, and cases with a known answer."""

from itertools import combinations

import numpy as np
import pytest
import torch

from t2i.scores.variety import mean_distance, variety_scores


def test_agrees_with_all_pairs_of_a_group() -> None:
    rng = np.random.default_rng(0)
    features, groups = rng.standard_normal((60, 5)) + 1, rng.integers(0, 9, 60)
    features[7] = 0  # an image without any feature is as far from others as two directions at right angles
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    expected = [1 - unit[i] @ unit[j] for i, j in combinations(range(60), 2) if groups[i] == groups[j]]
    distance, pairs = mean_distance(torch.from_numpy(features).float(), groups)
    assert distance == pytest.approx(np.mean(expected), abs=1e-4) and pairs == len(expected)


def test_a_generator_that_ignores_noise_has_no_variety() -> None:
    one, other, third = torch.eye(3)
    captions = [4, 4, 9, 9, 9]
    alike = variety_scores(torch.stack([one, one, other, other, 5 * other]), captions, torch.eye(3), [0, 0, 1])
    assert alike["fakes"] == 0 and alike["reals"] == 1
    assert alike["protocol"]["fake_pairs"] == 4 and alike["protocol"]["real_pairs"] == 1
    varied = variety_scores(torch.stack([one, other, other, third, -other]), captions, torch.eye(3), [0, 0, 1])
    assert varied["fakes"] == pytest.approx((1 + 1 + 2 + 1) / 4)


def test_no_two_images_of_a_caption_have_no_distance() -> None:
    scores = variety_scores(torch.eye(3), [0, 1, 2], torch.eye(3), [5, 6, 7])
    assert scores["fakes"] is None is scores["reals"] and scores["protocol"]["fake_pairs"] == 0
