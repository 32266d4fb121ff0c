"""FID, KID, precision, recall and Inception Score in closed form and beside slow loops."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from t2i.scores.distances import frechet_distance, inception_score, kernel_distance, precision_recall


def normal(count: int, features: int, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(count, features, generator=torch.Generator().manual_seed(seed)) + shift


def points(*coordinates: tuple[int, int]) -> Tensor:
    return torch.tensor(coordinates, dtype=torch.float32)


GRID = points(*((10 * x, 10 * y) for x in range(5) for y in range(4)))
"""20 points, nearest neighbours 10 apart."""


# ---- FID ----


def test_identical_sets_are_at_distance_0_and_order_does_not_matter() -> None:
    real, fake = normal(50, 6, 0), 2 * normal(40, 6, 1)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(real, real[torch.randperm(50)]) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(real, fake) == pytest.approx(frechet_distance(fake, real), rel=1e-6)
    assert frechet_distance(real, fake) > 1


def test_fid_of_gaussians_in_closed_form() -> None:
    """Features rotated into a common basis have |difference of means|^2 + sum (s_1 - s_2)^2."""
    rng = np.random.default_rng(0)
    raw = rng.standard_normal((500, 4))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw, rowvar=False))).T
    basis = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    s1, s2, shift = np.array([1, 2, 3, 4]), np.array([2, 2, 1, 5]), np.array([1, 0, -2, 0.5])
    real = torch.from_numpy(white * s1 @ basis).float()
    fake = torch.from_numpy((white[::-1] * s2 + shift) @ basis).float()
    expected = np.sum(shift**2) + np.sum((s1 - s2) ** 2)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-4)


def test_fid_of_sets_far_apart_and_of_duplicates() -> None:
    real = normal(60, 4, 0)
    assert frechet_distance(real, real + 100) == pytest.approx(4 * 100**2, rel=1e-4)  # the means alone differ
    spread = float(real.double().var(dim=0).sum())  # every image twice: variances times 2 (n - 1) / (2 n - 1)
    shrunk = (1 - (118 / 119) ** 0.5) ** 2 * spread
    assert frechet_distance(real, real.repeat(2, 1)) == pytest.approx(shrunk, abs=1e-5)


def test_fid_of_fewer_images_than_features() -> None:
    real, fake = normal(3, 64, 0), normal(2, 64, 1)
    assert np.isfinite(frechet_distance(real, fake))
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-3)


# ---- KID ----


def slow_mmd(real: Tensor, fake: Tensor) -> float:
    """The unbiased squared maximum mean discrepancy, pair by pair."""
    x, y = real.double().numpy(), fake.double().numpy()
    m = len(x)

    def kernel(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    within = sum(kernel(s[i], s[j]) for s in (x, y) for i in range(m) for j in range(m) if i != j)
    across = sum(kernel(a, b) for a in x for b in y)
    return within / (m * (m - 1)) - 2 * across / m**2


def test_kid_agrees_with_a_slow_loop() -> None:
    real, fake = normal(25, 5, 0), 1.5 * normal(25, 5, 1, shift=0.5)
    mean, std = kernel_distance(real, fake, subset_size=25, subsets=3, seed=0)  # every subset is the whole set
    assert mean == pytest.approx(slow_mmd(real, fake), rel=1e-4) and std < 1e-5
    assert kernel_distance(fake, real, subset_size=25, subsets=3, seed=0)[0] == pytest.approx(mean, rel=1e-4)


def test_kid_of_identical_disjoint_and_duplicated_sets() -> None:
    real = normal(40, 5, 0)
    # the same images on both sides: below 0, since pairs of an image with itself count across alone
    same = kernel_distance(real, real, subset_size=40, subsets=2, seed=0)[0]
    assert same == pytest.approx(slow_mmd(real, real), abs=1e-4) and same < 0
    far = kernel_distance(real, real + 10, subset_size=40, subsets=2, seed=0)[0]
    assert far == pytest.approx(slow_mmd(real, real + 10), rel=1e-4) and far > 1e5
    two = normal(400, 5, 1), normal(400, 5, 2)
    mean, std = kernel_distance(*two, subset_size=100, subsets=50, seed=0)
    assert abs(mean) < std < 0.01 * slow_mmd(two[0][:40], two[1][:40] + 2)  # two samples of one distribution: about 0
    twice = real[:20].repeat(2, 1)
    assert kernel_distance(real, twice, subset_size=40, subsets=1, seed=0)[0] == pytest.approx(
        slow_mmd(real, twice), abs=1e-4
    )


def test_kid_of_subsets_and_seeds() -> None:
    real, fake = normal(60, 5, 0), normal(50, 5, 1, shift=1.0)
    mean, std = kernel_distance(real, fake, subset_size=20, subsets=200, seed=0)
    assert kernel_distance(real, fake, subset_size=20, subsets=200, seed=0) == (mean, std)
    assert kernel_distance(real, fake, subset_size=20, subsets=200, seed=1) != (mean, std)
    whole = slow_mmd(real[:50], fake)
    assert std > 0 and mean == pytest.approx(whole, rel=0.2)


@pytest.mark.parametrize("subset_size", [7, 40])  # 4 of each: fewer and more pairs than there are in all
def test_kid_of_few_and_of_many_subsets_agrees_with_a_slow_loop_over_the_same(subset_size: int) -> None:
    real, fake = normal(60, 5, 0), normal(50, 5, 1, shift=1.0)
    rng = np.random.RandomState(3)
    drawn = [[rng.choice(len(side), subset_size, replace=False) for side in (fake, real)] for _ in range(4)]
    expected = [slow_mmd(real[of_real], fake[of_fake]) for of_fake, of_real in drawn]
    mean, std = kernel_distance(real, fake, subsets=4, subset_size=subset_size, seed=3)
    assert (mean, std) == pytest.approx((np.mean(expected), np.std(expected)))


# ---- Precision and recall ----


def slow_precision_recall(real: Tensor, fake: Tensor, k: int) -> tuple[float, float]:
    def share(points: Tensor, among: Tensor) -> float:
        inside = 0
        for point in points:
            for i, centre in enumerate(among):
                others = sorted(float((centre - other).norm()) for j, other in enumerate(among) if j != i)
                if float((point - centre).norm()) <= others[k - 1]:
                    inside += 1
                    break
        return inside / len(points)

    return share(fake, real), share(real, fake)


@pytest.mark.parametrize("k", [1, 3])
def test_precision_and_recall_agree_with_a_slow_loop(k: int) -> None:
    real, fake = normal(40, 3, 0), 0.7 * normal(30, 3, 1, shift=1.2)
    precision, recall = precision_recall(real, fake, neighbours=k)
    assert (precision, recall) == pytest.approx(slow_precision_recall(real, fake, k))
    assert 0 < recall < precision < 1
    assert precision_recall(fake, real, neighbours=k) == (recall, precision)  # sides swapped


def test_precision_and_recall_of_identical_and_disjoint_sets() -> None:
    assert precision_recall(GRID, GRID) == (1, 1)
    assert precision_recall(GRID, GRID[torch.randperm(20)]) == (1, 1)
    assert precision_recall(GRID, GRID + 1000) == (0, 0)
    square = points((20, 10), (20, 20), (30, 10), (30, 20))  # balls reach one point farther, and across the corner
    assert precision_recall(GRID, square) == pytest.approx((1, 16 / 20))


def test_precision_and_recall_of_duplicates() -> None:
    collapsed = GRID[:2].repeat(10, 1)  # two images again and again: their neighbours are at distance 0
    assert precision_recall(GRID, collapsed) == pytest.approx((1, 2 / 20))
    assert precision_recall(collapsed, GRID) == pytest.approx((2 / 20, 1))
    assert precision_recall(GRID, GRID.repeat(4, 1)) == (1, 1)
    assert precision_recall(GRID, (GRID + 1).repeat(4, 1)) == (1, 0)  # near every real image, but balls of radius 0


def test_precision_and_recall_of_a_copy_that_misses_a_part() -> None:
    real = torch.cat([normal(40, 2, 0), normal(10, 2, 1, shift=100.0)])
    assert precision_recall(real, real[:40]) == pytest.approx((1, 0.8))
    assert precision_recall(real[:40], real) == pytest.approx((0.8, 1))


# ---- IS ----


def test_inception_score_of_sure_and_unsure_judges() -> None:
    classes = torch.arange(200) % 5
    sure = 100.0 * nn.functional.one_hot(classes, 5)
    assert inception_score(sure, splits=1, seed=0) == pytest.approx((5, 0))
    mean, std = inception_score(sure, splits=10, seed=0)
    assert 4 < mean < 5 and std > 0
    assert inception_score(sure, splits=10, seed=0) == (mean, std)
    assert inception_score(sure, splits=10, seed=1) != (mean, std)
    assert inception_score(torch.zeros(20, 5), seed=0) == pytest.approx((1, 0))


def test_inception_score_agrees_with_a_slow_loop() -> None:
    logits = normal(12, 4, 0)
    p = logits.double().softmax(1).numpy()
    q = p.mean(axis=0)
    divergences = [sum(row[k] * np.log(row[k] / q[k]) for k in range(4)) for row in p]
    assert inception_score(logits, splits=1, seed=0)[0] == pytest.approx(np.exp(np.mean(divergences)))


# ---- Arguments ----


def test_bad_arguments() -> None:
    good = normal(4, 3, 0)
    for real, fake, message in (
        (good[:1], good, r"real has features of shape \(1, 3\)"),
        (good, good[:1], "fake has features"),
        (good, good[:, :2], "real has 3 features, fake 2"),
        (good, good * float("nan"), "fake has features that are not finite"),
    ):
        for score in (
            frechet_distance,
            lambda a, b: kernel_distance(a, b, subset_size=2, seed=0),
            precision_recall,
        ):
            with pytest.raises(ValueError, match=message):
                score(real, fake)
    with pytest.raises(ValueError, match=r"\[2, 2\]"):
        frechet_distance(good[:, :1], good[:, :1])
    for size in (1, 5):
        with pytest.raises(ValueError, match=f"subset_size is {size}; legal are 2 to 4, the number of images"):
            kernel_distance(good, normal(9, 3, 1), subset_size=size, seed=0)
    for neighbours in (0, 4):
        with pytest.raises(ValueError, match=f"neighbours is {neighbours}; legal are 1 to 3, the number of other"):
            precision_recall(normal(9, 3, 1), good, neighbours=neighbours)
    with pytest.raises(ValueError, match="splits is 10; legal are 1 to 4"):
        inception_score(good, seed=0)
    with pytest.raises(ValueError, match="not finite"):
        inception_score(good / 0, splits=1, seed=0)
