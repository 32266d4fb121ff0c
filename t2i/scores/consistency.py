"""Caption consistency: distance between images generated from two captions of the same real image.

The contrastive loss is meant to reduce it. The distance between images that should differ is given for comparison.
"""

from dataclasses import dataclass

import numpy as np
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


def caption_consistency(codes: ArrayLike, image: ArrayLike, noise: ArrayLike, image_class: ArrayLike) -> Consistency:
    """Compare generated images that share their noise.

    Linear in N: the cosines of all pairs within a set of unit vectors add up to
    (|sum of vectors|^2 - sum of |vectors|^2) / 2; pairs of different classes are all pairs minus those of one class.

    Args:
        codes: [N, D] embeddings of generated images, one for each caption and noise.
        image: [N] number of the real image whose caption was used.
        noise: [N] number of the noise vector.
        image_class: [N] class of that real image.

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
    if len(_groups(keys["image"], keys["image_class"])[1]) != len(np.unique(keys["image"])):
        raise ValueError("an image has two values of image_class; legal is one")
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    same, pairs_same = _within(unit, keys["noise"], keys["image"])
    total, pairs_total = _within(unit, keys["noise"])
    one_class, pairs_one_class = _within(unit, keys["noise"], keys["image_class"])
    pairs_other = pairs_total - pairs_one_class
    return Consistency(
        same_image=1 - same / pairs_same if pairs_same else float("nan"),
        other_image=1 - (total - one_class) / pairs_other if pairs_other else float("nan"),
        pairs_same=pairs_same,
        pairs_other=pairs_other,
    )


def _groups(*keys: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """An order of the rows that puts equal keys next to each other, and where each group of equal keys begins."""
    order = np.lexsort(keys)
    changes = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    return order, np.concatenate(([0], np.flatnonzero(changes) + 1))


def _within(unit: NDArray[np.float64], *keys: NDArray[np.integer]) -> tuple[float, int]:
    """Sum of the cosines of all pairs of rows with equal keys, and the number of these pairs."""
    order, begins = _groups(*keys)
    sizes = np.diff(begins, append=len(order))
    sums = np.add.reduceat(unit[order], begins, axis=0)
    return float((np.sum(sums**2) - np.sum(unit**2)) / 2), int(np.sum(sizes * (sizes - 1)) // 2)
