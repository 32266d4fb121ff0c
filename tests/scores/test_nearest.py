"""Which training images are nearest to others, and how far they are."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from t2i.scores import nearest as module
from t2i.scores.nearest import nearest, nearest_scores


def features(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))


def test_distances_are_those_of_angles_in_whatever_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    some, others = features(7, 0), features(20, 1)
    angles = 1 - (normalize(some) @ normalize(others).T).numpy()
    for part in (2, 100):
        monkeypatch.setattr(module, "_PART", part)
        distances, rows = nearest(some, 3 * others, 4)
        assert np.array_equal(rows.numpy(), angles.argsort(axis=1)[:, :4])
        assert distances.numpy() == pytest.approx(np.sort(angles, axis=1)[:, :4], abs=1e-6)


def test_an_image_is_not_its_own_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PART", 2)
    train, rows = features(20, 0), torch.tensor([3, 0, 19])
    distances, found = nearest(train[rows], train, 1, without=rows)
    assert (found[:, 0] != rows).all() and (distances > 1e-3).all()
    assert nearest(train[rows], train, 1)[1][:, 0].tolist() == rows.tolist()


def test_a_generator_that_remembers_is_at_distance_zero() -> None:
    train = features(20, 0)
    scores = nearest_scores({"fakes": 2 * train[:5], "reals": features(9, 1), "train": train}, [0, 10, 19])
    assert scores["fakes"] == 0 < scores["reals"] and scores["train_reals"] > 0
    counts = {"training_images": 20, "fake_images": 5, "real_images": 9, "train_images": 3}
    assert counts.items() <= scores["protocol"].items()


def test_a_single_training_image_has_no_other() -> None:
    scores = nearest_scores({"fakes": features(5, 0), "reals": features(9, 1), "train": features(1, 2)}, [0])
    assert scores["train_reals"] is None and scores["fakes"] > 0
