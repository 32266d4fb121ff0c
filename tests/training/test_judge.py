"""Training of the judge on striped images."""

import math
from pathlib import Path

import torch

from t2i.data.batches import centre_crops
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.judge import Judge
from t2i.scores.features import judge_attributes
from t2i.training.judge import train_judge


def trained(
    pack: PackedSplit, vocabulary: Vocabulary, *, steps: int, batch_size: int
) -> tuple[Judge, list[dict[str, float]]]:
    return train_judge(
        pack, vocabulary, steps=steps, batch_size=batch_size, lr=3e-3, embedding_dim=16, max_words=18, flip=False,
        image_encoder={"kind": "small", "width": 8}, sentence_pooling="max", gamma3=10.0, precision="fp32", seed=0,
    )  # fmt: skip


def test_attributes_that_few_or_no_images_have(striped: Path, vocabulary: Vocabulary) -> None:
    pack = PackedSplit(striped, "train")
    pack.images.loc[2:, "true.top"] = ""
    pack.images["true.bottom"] = ""
    judge, history = trained(pack, vocabulary, steps=8, batch_size=4)
    assert list(judge.attributes) == ["top"] and all(math.isfinite(row["attributes"]) for row in history)


def test_judge_predicts_attributes_and_classes(striped: Path, vocabulary: Vocabulary) -> None:
    pack = PackedSplit(striped, "train")
    judge, history = trained(pack, vocabulary, steps=60, batch_size=8)
    assert history[-1]["attributes"] < history[0]["attributes"]
    assert len(judge.classes) == pack.images["class_id"].nunique()
    features, logits = judge.features_and_logits(centre_crops(pack))
    assert features.shape == (32, 64) and logits.shape == (32, len(judge.classes))
    predicted = judge_attributes(judge, features, torch.device("cpu"))
    for name in ("top", "bottom"):
        right = sum(a == b for a, b in zip(predicted[name], pack.images[f"true.{name}"], strict=True))
        assert right >= 30
