"""Caption consistency beside the distances of codes: pixels, and the attributes that the judge sees."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from t2i.generation.pictures import Pictures
from t2i.scores.attributes import PREFIX
from t2i.scores.consistency import Pairs

_CHUNK = 32  # pairs of images that are in memory at a time


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
