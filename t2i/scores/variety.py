"""Variety: how different the images are that a generator makes of one caption with different noise."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn.functional import normalize


def variety_scores(fakes: Tensor, captions: ArrayLike, reals: Tensor, classes: ArrayLike) -> dict[str, Any]:
    """How far images of one caption are from each other, beside real images of one class, by features.

    Features and not the embeddings that caption consistency compares: those are trained to tell what a caption says,
    and noise is to vary what it does not.

    Args:
        fakes: [N, F] features of generated images, each with noise of its own.
        captions: [N] number of the caption that an image was generated from.
        reals: [M, F] features of real images.
        classes: [M] their classes.

    Returns:
        Mean cosine distance of two images, 0 to 2, of "fakes" and "reals" (None without pairs), and the protocol.
    """
    (of_fakes, fake_pairs), (of_reals, real_pairs) = mean_distance(fakes, captions), mean_distance(reals, classes)
    return {
        "fakes": of_fakes,
        "reals": of_reals,
        "protocol": {
            "features": "judge",
            "distance": "cosine distance, mean; of generated images of one caption, of real images of one class",
            "fake_pairs": fake_pairs,
            "real_pairs": real_pairs,
        },
    }


def mean_distance(features: Tensor, groups: ArrayLike) -> tuple[float | None, int]:
    """Mean cosine distance of all pairs of rows of one group, None without pairs, and the number of pairs.

    Pairs are not listed: the cosines of all ordered pairs of a group sum to the squared length of the sum of its unit
    vectors, less what each row contributes with itself.
    """
    unit: NDArray[np.float64] = normalize(features.double()).numpy()
    group = np.unique(np.asarray(groups), return_inverse=True)[1]
    counts, itself = np.bincount(group), np.bincount(group, weights=(unit**2).sum(axis=1))
    sums = np.zeros((len(counts), unit.shape[1]))
    np.add.at(sums, group, unit)
    ordered_pairs = int((counts * (counts - 1)).sum())
    if not ordered_pairs:
        return None, 0
    cosine = float(((sums**2).sum(axis=1) - itself).sum()) / ordered_pairs
    return max(0.0, round(1 - cosine, 4)), ordered_pairs // 2  # no -0.0
