"""Caption consistency: distance between images generated from two captions of the same real image.

The contrastive loss is meant to reduce it. The distance between images that should differ is given for comparison.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Consistency:
    """Mean cosine distances (1 - cosine, 0 to 2) of pairs of generated images; NaN where there is no pair.

    Attributes:
        same_image: two captions of one image, same noise. Small: the wording does not matter.
        other_image: captions of images of different classes, same noise. Large: the content does.
        pairs_same, pairs_other: number of pairs in each mean.
    """

    same_image: float
    other_image: float
    pairs_same: int
    pairs_other: int

    @property
    def ratio(self) -> float | None:
        """The first distance as a share of the second, which also falls when all images become alike; or None."""
        defined = self.pairs_same and self.pairs_other and self.other_image > 0
        return self.same_image / self.other_image if defined else None


_ROUNDING = 1e-12
"""Distances below this are those of equal images."""

Pairs = NDArray[np.intp]
"""Rows of two images each, [P, 2]."""


def paired_rows(image: ArrayLike, noise: ArrayLike, image_class: ArrayLike) -> tuple[Pairs, Pairs]:
    """The generated images that are compared, which share their noise.

    Args:
        image: [N] number of the real image whose caption was used.
        noise: [N] number of the noise vector; few images share one.
        image_class: [N] class of that real image.

    Returns:
        Pairs of two captions of one image, and of captions of images of different classes.
    """
    images, noises, classes = map(np.asarray, (image, noise, image_class))
    rows_of_noise = pd.Series(noises).groupby(noises).indices.values()
    pairs = np.array([pair for rows in rows_of_noise for pair in combinations(rows, 2)], dtype=np.intp).reshape(-1, 2)
    same_image, same_class = (key[pairs[:, 0]] == key[pairs[:, 1]] for key in (images, classes))
    return pairs[same_image], pairs[~same_class]


def caption_consistency(codes: ArrayLike, image: ArrayLike, noise: ArrayLike, image_class: ArrayLike) -> Consistency:
    """Compare generated images that share their noise, see :func:`paired_rows`.

    Args:
        codes: [N, D] embeddings of generated images, one for each caption and noise.
        image, noise, image_class: [N].

    Raises:
        ValueError: shapes differ, codes are not finite, or an image has two classes.
    """
    rows = np.asarray(codes, dtype=np.float64)
    if rows.ndim != 2 or rows.size == 0 or not np.isfinite(rows).all():
        raise ValueError(f"codes have shape {rows.shape} or values that are not finite; legal are finite codes [N, D]")
    keys = {"image": np.asarray(image), "noise": np.asarray(noise), "image_class": np.asarray(image_class)}
    for name, key in keys.items():
        if key.shape != rows.shape[:1]:
            raise ValueError(f"{name} has shape {key.shape}; legal is {rows.shape[:1]}, one a row of the codes")
    if pd.Series(keys["image_class"]).groupby(keys["image"]).nunique().max() > 1:
        raise ValueError("an image has two values of image_class; legal is one")
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    same, other = paired_rows(**keys)
    return Consistency(
        same_image=_mean_distance(unit, same),
        other_image=_mean_distance(unit, other),
        pairs_same=len(same),
        pairs_other=len(other),
    )


def _mean_distance(unit: NDArray[np.float64], pairs: Pairs) -> float:
    cosines = np.einsum("pd,pd->p", unit[pairs[:, 0]], unit[pairs[:, 1]])
    distance = float(1 - cosines.mean()) if len(pairs) else float("nan")
    return 0.0 if abs(distance) < _ROUNDING else distance
