"""R-precision against a slow loop, cases with a known answer, and bad arguments."""

from typing import Any

import numpy as np
import pytest

from t2i.scores import r_precision as module
from t2i.scores.r_precision import _other_captions, r_precision


def _case(n: int = 40, m: int = 60, d: int = 7, classes: int = 4, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    captions, caption_class = rng.standard_normal((m, d)), rng.integers(0, classes, m)
    true = rng.integers(0, m, n)
    return {
        "image_codes": captions[true] + rng.standard_normal((n, d)),
        "caption_codes": captions,
        "true_caption": true,
        "image_class": caption_class[true],
        "caption_class": caption_class,
    }


def test_agrees_with_a_slow_loop() -> None:
    case = _case()
    result = r_precision(**case, candidates=12, folds=3, seed=5)

    rng = np.random.default_rng(5)
    others = _other_captions(case["image_class"], case["caption_class"], 11, rng)
    hits = []
    for code, true, wrong in zip(case["image_codes"], case["true_caption"], others, strict=True):
        scores = [
            code @ caption / np.linalg.norm(code) / np.linalg.norm(caption)
            for caption in case["caption_codes"][[true, *wrong]]
        ]
        hits.append(all(scores[0] > score for score in scores[1:]))
    parts = np.array_split(rng.permutation(np.array(hits)), 3)
    assert [len(part) for part in parts] == [14, 13, 13]
    assert result.folds == pytest.approx([part.mean() for part in parts])
    assert result.mean == pytest.approx(np.mean(result.folds))
    assert result.std == pytest.approx(np.std(result.folds, ddof=0))
    assert 0 < result.mean < 1


def test_candidates_are_distinct_of_other_classes_and_evenly_drawn() -> None:
    caption_class = np.array([2, 0, 1, 0, 2, 2, 1, 0])
    image_class = np.repeat([0, 1, 2], 4000)
    drawn = _other_captions(image_class, caption_class, 3, np.random.default_rng(0))
    assert drawn.shape == (12000, 3)
    assert (np.diff(np.sort(drawn, axis=1), axis=1) > 0).all()
    assert (caption_class[drawn] != image_class[:, None]).all()
    for one in range(3):
        legal = np.flatnonzero(caption_class != one)
        share = np.bincount(drawn[image_class == one].ravel(), minlength=8)[legal] / 4000
        assert share == pytest.approx(3 / len(legal), abs=0.04)


def test_a_perfect_encoder_scores_1_and_a_shuffled_one_by_chance() -> None:
    rng = np.random.default_rng(1)
    codes = rng.standard_normal((3000, 64))
    rows = np.arange(3000)
    perfect = r_precision(codes, codes, rows, rows % 50, rows % 50, seed=0)
    assert (perfect.mean, perfect.std, len(perfect.folds)) == (1.0, 0.0, 10)
    chance = r_precision(rng.standard_normal((3000, 64)), codes, rows, rows % 50, rows % 50, seed=0)
    assert chance.mean == pytest.approx(0.01, abs=0.008)


@pytest.mark.parametrize("d", [1, 3, 8, 17, 100])
def test_ties_are_no_hits(d: int) -> None:
    rng = np.random.default_rng(d)
    same = np.tile(rng.standard_normal(d), (60, 1))
    rows = np.arange(60)
    images = np.abs(rng.standard_normal((60, d)))
    assert r_precision(images, same, rows, rows % 3, rows % 3, candidates=30, seed=0).mean == 0.0
    assert r_precision(images, np.zeros((60, d)), rows, rows % 3, rows % 3, candidates=30, seed=0).mean == 0.0


def test_length_of_codes_does_not_matter_and_seed_decides() -> None:
    case = _case()
    first = r_precision(**case, candidates=12, seed=0)
    longer = {**case, "image_codes": case["image_codes"] * 8, "caption_codes": case["caption_codes"] * 0.25}
    assert r_precision(**longer, candidates=12, seed=0) == first
    assert r_precision(**case, candidates=12, seed=1) != first


def test_chunks_do_not_change_the_score(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = r_precision(**_case(), candidates=12, seed=0)
    monkeypatch.setattr(module, "_CHUNK", 1)
    assert r_precision(**_case(), candidates=12, seed=0) == whole


def test_the_pool_may_just_suffice_and_says_so_where_it_does_not() -> None:
    rows = np.arange(12)
    codes = np.eye(12)
    assert r_precision(codes, codes, rows, rows % 3, rows % 3, candidates=9, folds=1, seed=0).mean == 1.0
    with pytest.raises(ValueError, match=r"takes 9 captions of .* outside class 0 there are only 8 \(of 12\)"):
        r_precision(codes, codes, rows, rows % 3, rows % 3, candidates=10, folds=1, seed=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"candidates": 1}, "candidates is 1"),
        ({"folds": 0}, "folds is 0"),
        ({"folds": 41}, "folds is 41; legal are 1 to 40"),
        ({"image_codes": np.zeros((40, 6))}, "D = 6"),
        ({"image_codes": np.full((40, 7), np.nan)}, "image_codes"),
        ({"caption_codes": np.zeros(7)}, "caption_codes"),
        ({"true_caption": np.zeros(39, dtype=int)}, "true_caption has shape"),
        ({"true_caption": np.full(40, 60)}, "legal are rows 0 to 59"),
        ({"true_caption": np.full(40, -1)}, "legal are rows 0 to 59"),
        ({"true_caption": np.zeros(40)}, "true_caption is float64"),
        ({"image_class": np.full(40, 9)}, "not aligned"),
        ({"caption_class": np.zeros(40, dtype=int)}, "caption_class has shape"),
    ],
)
def test_bad_arguments(changes: dict[str, object], message: str) -> None:
    arguments: dict[str, Any] = {**_case(), "candidates": 12, "seed": 0, **changes}
    with pytest.raises(ValueError, match=message):
        r_precision(**arguments)
