"""Scores of snapshots are those that evaluation gives the same sample."""

from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.data.batches import EncodedCaptions, centre_crops
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.pictures import PAIRED, load_sample, save_sample
from t2i.generation.plan import cut_captions, paired_plan
from t2i.models.judge import Judge
from t2i.scores.evaluation import score_pictures
from t2i.scores.snapshots import SampleScorer
from t2i.training.judge import train_judge
from tests.helpers import small_damsm

PROTOCOL: dict[str, Any] = {"candidates": 20, "folds": 4, "seed": 0}


@pytest.fixture(scope="module")
def judge(striped: Path, vocabulary: Vocabulary) -> Judge:
    return train_judge(
        PackedSplit(striped, "train"), vocabulary, steps=20, batch_size=8, lr=3e-3, embedding_dim=16,
        image_encoder={"kind": "small", "width": 8},
        sentence_pooling="max", max_words=18, flip=False, gamma3=10.0, precision="fp32", seed=0,
    )[0]  # fmt: skip


def test_a_sample_scores_as_in_evaluation(tmp_path: Path, striped: Path, vocabulary: Vocabulary, judge: Judge) -> None:
    test, device = PackedSplit(striped, "test"), torch.device("cpu")
    captions = cut_captions(EncodedCaptions(test, vocabulary, 4), seed=0)
    plan = paired_plan(test, images=20, noises=1, seed=1)
    images = centre_crops(test, plan["image"].to_numpy())
    images[::3] = torch.randint(256, images[::3].shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    scorer = SampleScorer(plan, captions.texts(), test, [test], judge, **PROTOCOL, device=device)
    scores = scorer(images.split(7))
    assert scores == scorer(images.split(40))

    damsm = small_damsm(striped, vocabulary, steps=1)[0]
    save_sample(tmp_path / "samples", {PAIRED: (plan, [images])}, captions.texts(), 4, {})
    splits = {"train": PackedSplit(striped, "train"), "test": test}
    whole = score_pictures(load_sample(tmp_path / "samples")[0], splits, damsm, judge, **PROTOCOL, device=device)
    fidelity, distances = whole["fidelity"]["judge"], whole["caption_consistency"]
    assert scores["fid"] == fidelity["fid"]["fakes"] and scores["kid"] == fidelity["kid"]["fakes"]
    assert scores["r_precision"] == whole["r_precision"]["judge"]["fakes"]
    ratio = distances["distance_same_image"] / distances["distance_other_image"]
    assert scores["consistency"] == pytest.approx(ratio, rel=1e-2)  # of rounded distances
    assert scorer.protocol["fake_images"] == 40 and scorer.protocol["real_images"] == 24
    assert scorer.criterion == "kid"  # 24 and 40 images for 64 features
    assert scorer.protocol["kid_subset_size"] == fidelity["protocol"]["kid_subset_size"]


def test_a_tiny_sample_has_fewer_folds_and_maybe_no_consistency(striped: Path, judge: Judge) -> None:
    test = PackedSplit(striped, "test")
    plan = paired_plan(test, images=1, noises=1, seed=0)
    texts = test.captions["text"].tolist()
    scorer = SampleScorer(plan, texts, test, [test], judge, **PROTOCOL, device=torch.device("cpu"))
    images = torch.randint(256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    scores = scorer([images])
    assert scores["consistency"] is None and scores["fid"] is not None and scorer.protocol["folds"] == 2


def test_fid_chooses_where_there_are_as_many_images_as_features(striped: Path, vocabulary: Vocabulary) -> None:
    test, device = PackedSplit(striped, "test"), torch.device("cpu")
    plan, texts = paired_plan(test, images=20, noises=1, seed=0), test.captions["text"].tolist()
    narrow = Judge(vocabulary, classes=[], attributes={}, embedding_dim=4, image_encoder={"kind": "small", "width": 3})
    scorer = SampleScorer(plan, texts, test, [test], narrow, **PROTOCOL, device=device)
    assert scorer.criterion == scorer.protocol["best_by"] == "fid"  # 24 and 40 images for 24 features
