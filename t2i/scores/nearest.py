"""The training images nearest to generated ones: whether a generator remembers images or makes new ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from t2i.data.batches import centre_crops
from t2i.data.packed import PackedSplit
from t2i.figures.grid import GridRow, caption_grid
from t2i.figures.page import Pixels
from t2i.files import evenly_spaced
from t2i.generation.pictures import Pictures

_HEADINGS = ("nearest training image", "second", "third", "fourth")
_ROWS = 8
_PART = 64  # images whose distances are computed at a time: those of all may be larger than the memory


def nearest_scores(features: Mapping[str, Tensor], train_rows: list[int]) -> dict[str, Any]:
    """How far images are from the nearest training image, by the cosine distance of features.

    Angles, because features of images without detail are short, and so near to all others.

    Args:
        features: [N, F] of "fakes", "reals" and all training images, "train".
        train_rows: of the training images that are compared with the others.

    Returns:
        Median distance of "fakes", "reals" and "train_reals" (None if there is but one), and the protocol.
    """
    train = features["train"]
    rows = torch.tensor(train_rows)
    medians = {kind: round(float(nearest(features[kind], train, 1)[0].median()), 4) for kind in ("fakes", "reals")}
    others = nearest(train[rows], train, 1, without=rows)[0].median() if len(train) > 1 else None
    return {
        **medians,
        "train_reals": None if others is None else round(float(others), 4),
        "protocol": {
            "features": "judge",
            "distance": "cosine distance to the nearest training image, median; of a training image, to another one",
            "training_images": len(train),
            "fake_images": len(features["fakes"]),
            "real_images": len(features["reals"]),
            "train_images": len(rows),
        },
    }


def nearest(features: Tensor, among: Tensor, count: int, *, without: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Cosine distances to the nearest of other features, nearest first, and their rows.

    Args:
        features: [N, F].
        among: [M, F].
        count: how many of each, k, at most M.
        without: row of ``among`` that is left out for each of the N, [N]; None: none is.

    Returns:
        Distances float32 [N, k], 0 to 2, and rows int64 [N, k].
    """
    among = normalize(among).T
    distances = torch.empty(len(features), count)  # not a list: what is kept would lie between large freed tensors
    rows = torch.empty(len(features), count, dtype=torch.int64)
    for start in range(0, len(features), _PART):
        part = slice(start, start + _PART)
        similarities = normalize(features[part]) @ among
        if without is not None:
            similarities[torch.arange(len(similarities)), without[part]] = -torch.inf
        found = similarities.topk(count, dim=1)
        distances[part], rows[part] = 1 - found.values, found.indices
    return distances.clamp_(min=0), rows


def draw_nearest(
    path: Path, pictures: Pictures, captions: list[str], features: Mapping[str, Tensor], train: PackedSplit
) -> None:
    """Draw evenly spaced pictures, the training images nearest to each, and their distances.

    Args:
        path: PNG to write, replaced at once.
        captions: text of each caption of the test split.
        features: of "fakes", these pictures, and of "train", all images of ``train``.
    """
    rows, count = evenly_spaced(len(pictures.plan), _ROWS), min(len(_HEADINGS), len(train))
    distances, found = nearest(features["fakes"][rows], features["train"], count)
    shown = pictures.images(rows)
    caption_grid(
        path,
        [
            GridRow(
                captions[pictures.plan["caption"].iloc[row]],
                _arrays(torch.cat([shown[number : number + 1], centre_crops(train, found[number].tolist())])),
                ["distance", *(f"{distance:.2f}" for distance in distances[number].tolist())],
            )
            for number, row in enumerate(rows)
        ],
        ["generated", *_HEADINGS[:count]],
    )


def _arrays(images: Tensor) -> list[Pixels]:
    """Shape: uint8 [N, 3, S, S] -> N images [S, S, 3]."""
    return list(np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy()))
