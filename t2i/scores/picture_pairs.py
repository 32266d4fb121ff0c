"""Caption consistency beside the distances of codes: pixels, and the attributes that the judge sees."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from t2i.generation.pictures import Pictures
from t2i.scores.attributes import PREFIX

_CHUNK = 32  # pairs of images that are in memory at a time

Pairs = NDArray[np.intp]
"""Rows of two images each, [P, 2]."""


def paired_rows(image: ArrayLike, noise: ArrayLike, image_class: ArrayLike) -> tuple[Pairs, Pairs]:
    """The pairs that :func:`t2i.scores.consistency.caption_consistency` compares.

    Args:
        image: [N] number of the real image whose caption was used.
        noise: [N] number of the noise vector.
        image_class: [N] class of that real image.

    Returns:
        Pairs of two captions of one image and of captions of images of different classes; the noise of each is one.
    """
    images, classes = np.asarray(image), np.asarray(image_class)
    rows_of_noise = pd.Series(np.asarray(noise)).groupby(np.asarray(noise)).indices.values()
    pairs = [pair for rows in rows_of_noise for pair in combinations(np.sort(rows), 2)]
    both = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    same_image, same_class = (key[both[:, 0]] == key[both[:, 1]] for key in (images, classes))
    return both[same_image], both[~same_class]


def pixel_distance(pictures: Pictures, pairs: Pairs) -> float:
    """Mean absolute difference of the pixels of each pair, 0 to 1; NaN without pairs."""
    means = [
        (first - second).abs().mean(dim=(1, 2, 3)).numpy()
        for start in range(0, len(pairs), _CHUNK)
        for first, second in [(pictures.images(rows).float() for rows in pairs[start : start + _CHUNK].T.tolist())]
    ]
    return float(np.concatenate(means).mean() / 255) if means else float("nan")


def attribute_agreement(
    predicted: Mapping[str, Sequence[str]], captions: pd.DataFrame, pairs: Pairs
) -> dict[str, float | None]:
    """How often two images of a pair show the same value of an attribute, by how many of their captions mention it.

    Args:
        predicted: attribute -> N values, one for each image.
        captions: N rows aligned with the images, columns "mentioned.<attribute>", "" where it is not mentioned.
        pairs: of two captions of one image.

    Returns:
        Share of the attributes that "both" captions mention, that "one" does and that "none" does; None without any.
    """
    agreed = np.stack([np.array(values)[pairs[:, 0]] == np.array(values)[pairs[:, 1]] for values in predicted.values()])
    stated = np.stack([(captions[PREFIX + name] != "").to_numpy()[pairs].sum(axis=1) for name in predicted])
    shares = {name: agreed[stated == count] for name, count in (("both", 2), ("one", 1), ("none", 0))}
    return {name: round(float(share.mean()), 4) if share.size else None for name, share in shares.items()}
