"""How good and varied images look: all scores on the features of one network, with their protocol."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

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
            "train_reals", real images of the training split, and "noise".
        extractor: what the network is, for the protocol.
        folds: parts of the Inception Score, at most.
        seed: of halves, subsets and parts.

    Returns:
        "fid", "kid", "precision" and "recall" of each set, the latter two also of features of unit length ("_cosine"),
        whose neighbourhoods no picture without detail is in; "is" if the network is a classifier; "protocol". "fid" and
        "kid" hold a "position", see :func:`_positions`: where fakes and training images lie between real images of the
        same classes (0) and noise (1). Its zero is the distance of two random halves of the real images, in "kid" under
        "reals". FID depends on the number of images, so its position is that of "of_halves": distances to one half, of
        as many images each ("reals": of the other half).
    """
    real = extracted["reals"].features
    compared = {kind: of_set.features for kind, of_set in extracted.items() if kind != "reals"}
    halves = _halves({"reals": real} | compared, seed)
    fid: dict[str, Any] = {kind: _fid(real, features) for kind, features in compared.items()}
    of_halves = {kind: _fid(halves["half"], of_kind) for kind, of_kind in halves.items() if kind != "half"}
    fid |= {"of_halves": of_halves, "position": _positions(of_halves)}
    kid: dict[str, Any] = {}
    sets = "precision", "recall", "precision_cosine", "recall_cosine"
    scores: dict[str, Any] = {"fid": fid, "kid": kid, **{name: {} for name in sets}}
    noise = compared.pop("noise")  # precision and recall of it tell nothing
    fewest = min(len(real), *map(len, compared.values()))
    subset_size, neighbours = min(KID_SUBSET_SIZE, fewest), min(NEIGHBOURS, fewest - 1)
    for kind, features in compared.items():
        kid |= _kid(kind, real, features, subset_size, seed)
        shares = (
            *precision_recall(real, features, neighbours=neighbours),
            *precision_recall(normalize(real), normalize(features), neighbours=neighbours),
        )
        for name, share in zip(sets, shares, strict=True):
            scores[name][kind] = round(share, 4)
    kid |= _kid("noise", real, noise, subset_size, seed)
    if halves:
        kid |= _kid("reals", halves["half"], halves["reals"], subset_size, seed)
    kid["position"] = _positions(kid)
    for kind in ("fakes", "reals"):
        logits = extracted[kind].logits
        if logits is not None and logits.shape[1] > 1:
            mean, std = inception_score(logits, splits=min(folds, len(logits)), seed=seed)
            scores["is"] = scores.get("is", {}) | {kind: round(mean, 4), f"{kind}_std": round(std, 4)}
    scores["protocol"] = {
        "extractor": extractor,
        "features": real.shape[1],
        "real_images": len(real),
        "half_images": len(halves["half"]) if halves else None,
        "fake_images": len(extracted["fakes"].features),
        "train_images": len(extracted["train_reals"].features),
        "kid_subsets": KID_SUBSETS,
        "kid_subset_size": subset_size,
        "neighbours": neighbours,
        "seed": seed,
    }
    return scores


def _fid(real: Tensor, features: Tensor) -> float:
    return round(frechet_distance(real, features), 4)


def _kid(kind: str, real: Tensor, features: Tensor, subset_size: int, seed: int) -> dict[str, float]:
    size = min(subset_size, len(real), len(features))
    mean, std = kernel_distance(real, features, subsets=KID_SUBSETS, subset_size=size, seed=seed)
    return {kind: round(mean, 6), f"{kind}_std": round(std, 6)}


def _halves(sets: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Two random halves of "reals", called "half" and "reals", and as many images of each other set, drawn at random.

    Halves are smaller where another set has fewer images; none are given where they would be of a single image.
    """
    size = min(len(sets["reals"]) // 2, *map(len, sets.values()))
    if size < 2:
        return {}
    generator = torch.Generator().manual_seed(seed)
    drawn = {kind: of_set[torch.randperm(len(of_set), generator=generator)] for kind, of_set in sets.items()}
    return {"half": drawn["reals"][size : 2 * size]} | {kind: of_set[:size] for kind, of_set in drawn.items()}


def _positions(distances: Mapping[str, float]) -> dict[str, float | None]:
    """Where fakes and training images lie between real images of the same classes (0) and noise (1).

    Not cut off: what is nearer than the other half of the real images, by chance or because a generator knows them, is
    below 0. None where there are no halves, or noise is no farther than they are.
    """
    kinds = ("fakes", "train_reals")
    if "reals" not in distances or distances["noise"] <= distances["reals"]:
        return dict.fromkeys(kinds)
    length = distances["noise"] - distances["reals"]
    return {kind: round((distances[kind] - distances["reals"]) / length, 4) for kind in kinds}
