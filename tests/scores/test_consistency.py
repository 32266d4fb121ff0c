"""Caption consistency against all pairs written out, and cases with a known answer."""

from itertools import combinations

import numpy as np
import pytest

from t2i.scores.consistency import caption_consistency, paired_rows


def test_agrees_with_all_pairs() -> None:
    rng = np.random.default_rng(0)
    n = 70
    codes, image, noise = rng.standard_normal((n, 5)), rng.integers(0, 12, n), rng.integers(0, 4, n)
    image_class = image % 3
    result = caption_consistency(codes, image, noise, image_class)

    same, other = [], []
    for i, j in combinations(range(n), 2):
        distance = 1 - codes[i] @ codes[j] / np.linalg.norm(codes[i]) / np.linalg.norm(codes[j])
        if noise[i] == noise[j] and image[i] == image[j]:
            same.append(distance)
        if noise[i] == noise[j] and image_class[i] != image_class[j]:
            other.append(distance)
    assert (result.pairs_same, result.pairs_other) == (len(same), len(other))
    assert result.same_image == pytest.approx(np.mean(same))
    assert result.other_image == pytest.approx(np.mean(other))


def test_pairs_share_their_noise_and_are_of_one_image_or_of_two_classes() -> None:
    image, noise, image_class = [5, 6, 5, 6, 7, 5], [1, 0, 1, 1, 1, 0], [0, 1, 0, 1, 0, 0]
    same, other = paired_rows(image, noise, image_class)
    assert same.tolist() == [[0, 2]]  # rows 5 and 0 are of one image, too, but of two noises
    assert sorted(other.tolist()) == [[0, 3], [1, 5], [2, 3], [3, 4]]  # 7 is another image of the class of 5


def test_known_distances_whatever_the_order_and_the_length_of_codes() -> None:
    # Two images of two classes, two captions and two noises each: captions of an image agree, images are opposite.
    codes = np.array([[2.0, 0], [1, 0], [-1, 0], [-3, 0], [0, 1], [0, 5], [0, -1], [0, -1]])
    image, noise, image_class = [7, 7, 8, 8, 7, 7, 8, 8], [0, 0, 0, 0, 1, 1, 1, 1], [1, 1, 0, 0, 1, 1, 0, 0]
    order = np.random.default_rng(0).permutation(8)
    for rows in (np.arange(8), order):
        result = caption_consistency(codes[rows], *(np.array(key)[rows] for key in (image, noise, image_class)))
        assert result.same_image == pytest.approx(0)
        assert result.other_image == pytest.approx(2)
        assert (result.pairs_same, result.pairs_other) == (4, 8)


def test_other_images_of_one_class_count_for_neither_and_no_pair_has_no_mean() -> None:
    result = caption_consistency(np.eye(3), [0, 1, 2], [0, 0, 0], [5, 5, 5])
    assert (result.pairs_same, result.pairs_other) == (0, 0)
    assert np.isnan(result.same_image) and np.isnan(result.other_image)
    result = caption_consistency(np.eye(2), [0, 0], [0, 1], [5, 5])
    assert result.pairs_same == 0


def test_the_ratio_does_not_fall_when_all_images_become_alike() -> None:
    rng = np.random.default_rng(0)
    keys = (np.repeat(np.arange(20), 2), np.zeros(40, int), np.repeat(np.arange(20), 2))
    codes, average = rng.standard_normal((40, 6)), 20 * np.ones(6)
    apart, alike = (caption_consistency(codes + shift, *keys) for shift in (0, average))
    assert alike.same_image < 0.1 * apart.same_image and apart.ratio and alike.ratio
    assert apart.ratio == apart.same_image / apart.other_image == pytest.approx(alike.ratio, rel=0.2)
    same = caption_consistency(np.ones((4, 2)), [0, 0, 1, 1], [0] * 4, [0, 0, 1, 1])
    assert same.same_image == same.other_image == 0 and same.ratio is None
    assert caption_consistency(np.eye(2), [0, 0], [0, 0], [5, 5]).ratio is None  # one image alone


def test_bad_arguments() -> None:
    codes = np.ones((3, 2))
    with pytest.raises(ValueError, match="codes have shape"):
        caption_consistency(np.ones(3), [0] * 3, [0] * 3, [0] * 3)
    with pytest.raises(ValueError, match="not finite"):
        caption_consistency(codes * np.inf, [0] * 3, [0] * 3, [0] * 3)
    with pytest.raises(ValueError, match=r"noise has shape \(2,\)"):
        caption_consistency(codes, [0] * 3, [0] * 2, [0] * 3)
    with pytest.raises(ValueError, match="two values of image_class"):
        caption_consistency(codes, [0, 0, 1], [0] * 3, [0, 1, 1])
