"""How good and varied images look: all scores on the features of one network, with their protocol."""

from collections.abc import Mapping
from typing import Any

from t2i.scores.distances import frechet_distance, inception_score, kernel_distance, precision_recall
from t2i.scores.extractors import Features

KID_SUBSETS, KID_SUBSET_SIZE = 100, 1000
"""As torch-fidelity computes KID; smaller subsets where there are fewer images."""
NEIGHBOURS = 3
"""Of precision and recall, as published; fewer where there are not so many other images."""


def fidelity_scores(extracted: Mapping[str, Features], extractor: str, *, folds: int, seed: int) -> dict[str, Any]:
    """All scores of this module on the features of one network, with their protocol.

    Args:
        extracted: features of images: "reals", which the others are compared with, "fakes", and for comparison
            "train_reals" and "noise".
        extractor: what the network is, for the protocol.
        folds: parts of the Inception Score, at most.
        seed: of subsets and parts.

    Returns:
        "fid", "kid", "precision" and "recall"; "is" if the network is a classifier; "protocol". "position" is where the
        FID lies between that of training images (0) and that of noise (1); None where these two are equal.
    """
    real = extracted["reals"].features
    compared = {kind: of_set.features for kind, of_set in extracted.items() if kind != "reals"}
    fid: dict[str, float | None] = {
        kind: round(frechet_distance(real, features), 4) for kind, features in compared.items()
    }
    scores: dict[str, Any] = {"fid": fid | {"position": _position(fid)}, "kid": {}, "precision": {}, "recall": {}}
    del compared["noise"]  # the other scores of it tell nothing more
    fewest = min(len(real), *map(len, compared.values()))
    subset_size, neighbours = min(KID_SUBSET_SIZE, fewest), min(NEIGHBOURS, fewest - 1)
    for kind, features in compared.items():
        mean, std = kernel_distance(real, features, subsets=KID_SUBSETS, subset_size=subset_size, seed=seed)
        scores["kid"] |= {kind: round(mean, 6), f"{kind}_std": round(std, 6)}
        precision, recall = precision_recall(real, features, neighbours=neighbours)
        scores["precision"][kind], scores["recall"][kind] = round(precision, 4), round(recall, 4)
    for kind in ("fakes", "reals"):
        logits = extracted[kind].logits
        if logits is not None and logits.shape[1] > 1:
            mean, std = inception_score(logits, splits=min(folds, len(logits)), seed=seed)
            scores["is"] = scores.get("is", {}) | {kind: round(mean, 4), f"{kind}_std": round(std, 4)}
    scores["protocol"] = {
        "extractor": extractor,
        "features": real.shape[1],
        "real_images": len(real),
        "fake_images": len(extracted["fakes"].features),
        "train_images": len(extracted["train_reals"].features),
        "kid_subsets": KID_SUBSETS,
        "kid_subset_size": subset_size,
        "neighbours": neighbours,
        "seed": seed,
    }
    return scores


def _position(fid: Mapping[str, float | None]) -> float | None:
    fakes, nearest, farthest = fid["fakes"], fid["train_reals"], fid["noise"]
    assert fakes is not None and nearest is not None and farthest is not None
    return round((fakes - nearest) / (farthest - nearest), 4) if farthest != nearest else None
