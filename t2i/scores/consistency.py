"""Caption consistency: how near two images come that are made from two captions of one real image.

That is what the contrastive loss is for, so it stands beside the distance of images that should differ.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Consistency:
    """Mean cosine distances (1 - cosine, 0 to 2) of pairs of generated images; nan where there is no pair.

    Attributes:
        same_image: two captions of one image, one noise. Small: wording does not matter.
        other_image: captions of images of different classes, one noise. Large: content does.
        pairs_same, pairs_other: how many pairs each mean is over.
    """

    same_image: float
    other_image: float
    pairs_same: int
    pairs_other: int


def caption_consistency(codes: ArrayLike, image: ArrayLike, noise: ArrayLike, image_class: ArrayLike) -> Consistency:
    """Compare generated images that share their noise.

    No pair is ever formed: the cosines of all pairs within a set of unit vectors add up to
    (|sum of vectors|^2 - sum of |vectors|^2) / 2, and pairs of different classes are all pairs less those of one class.

    Args:
        codes: [N, D] codes of generated images, one a caption and noise.
        image: [N] number of the real image whose caption it was made from.
        noise: [N] number of the noise vector it was made from.
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
    everything, pairs_everything = _within(unit, keys["noise"])
    one_class, pairs_one_class = _within(unit, keys["noise"], keys["image_class"])
    pairs_other = pairs_everything - pairs_one_class
    return Consistency(
        same_image=1 - same / pairs_same if pairs_same else float("nan"),
        other_image=1 - (everything - one_class) / pairs_other if pairs_other else float("nan"),
        pairs_same=pairs_same,
        pairs_other=pairs_other,
    )


def _groups(*keys: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows in an order that puts equal keys side by side, and the place where each group of them begins."""
    order = np.lexsort(keys)
    changes = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    return order, np.concatenate(([0], np.flatnonzero(changes) + 1))


def _within(unit: NDArray[np.float64], *keys: NDArray[np.integer]) -> tuple[float, int]:
    """Sum of the cosines of all pairs of rows that agree in every key, and the number of these pairs."""
    order, begins = _groups(*keys)
    sizes = np.diff(begins, append=len(order))
    sums = np.add.reduceat(unit[order], begins, axis=0)
    return float((np.sum(sums**2) - np.sum(unit**2)) / 2), int(np.sum(sizes * (sizes - 1)) // 2)
