"""All scores together, on images whose quality is known, and their table."""

import json
from pathlib import Path

import pytest
import torch

from t2i.data.batches import centre_crops
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.generation.plan import sampling_plan
from t2i.models.encoders.damsm import Damsm
from t2i.models.judge import Judge
from t2i.scores.evaluation import Scores, score_pictures
from t2i.scores.summary import summary
from t2i.training.judge import train_judge
from tests.helpers import small_damsm


@pytest.fixture(scope="module")
def networks(striped: Path, vocabulary: Vocabulary) -> tuple[Damsm, Judge]:
    judge, _ = train_judge(
        PackedSplit(striped, "train"), vocabulary, steps=60, batch_size=8, lr=3e-3, embedding_dim=16, width=8,
        sentence_pooling="max", max_words=18, flip=False, gamma3=10.0, precision="fp32", seed=0,
    )  # fmt: skip
    return small_damsm(striped, vocabulary)[0], judge


def score(folder: Path, networks: tuple[Damsm, Judge], pictures: str, candidates: int = 20) -> Scores:
    test = PackedSplit(folder, "test")
    plan = sampling_plan(test, images=24, noises=2, seed=0)
    images = centre_crops(test, plan["image"].to_numpy())
    if pictures == "noise":
        images = torch.randint(256, images.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    if pictures == "large":
        images = images.repeat(1, 1, 2, 2)
    return score_pictures(
        images, plan, test, PackedSplit(folder, "train"), [test], *networks,
        max_words=18, candidates=candidates, folds=4, seed=0, device=torch.device("cpu"),
    )  # fmt: skip


def test_real_images_score_as_real_and_noise_does_not(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    real, noise = (score(striped, networks, kind) for kind in ("real", "noise"))
    assert real["fidelity"]["judge_fid"]["fakes"] < 0.2 * noise["fidelity"]["judge_fid"]["fakes"]
    for name in ("damsm", "judge"):
        assert real["r_precision"][name]["fakes"] == real["r_precision"][name]["reals"]
        assert real["r_precision"][name]["fakes"] > noise["r_precision"][name]["fakes"]
    assert real["caption_consistency"]["distance_same_image"] == pytest.approx(0, abs=1e-4)
    for name in ("top", "bottom"):
        accuracy = real["attribute_accuracy"][name]
        assert accuracy["fakes"] == accuracy["reals"] > noise["attribute_accuracy"][name]["fakes"]


def test_scores_are_json_with_protocol_and_a_table(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    scores = score(striped, networks, "noise")
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    assert scores["fidelity"]["protocol"]["extractor"] == "t2i-judge: trained in this pipeline, not Inception"
    assert scores["fidelity"]["protocol"]["real_images"] == 24 and scores["protocol"]["pictures"] == 96
    assert scores["r_precision"]["protocol"] == {"candidates": 20, "folds": 4, "seed": 0}
    table = summary(scores)
    for name in ("FID (judge)", "IS (judge)", "R-precision (damsm)", "R-precision (judge)", "top accuracy"):
        assert name in table


def test_pictures_of_another_size_are_not_scored(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    with pytest.raises(InputError, match="the pictures have 64 pixels a side and the real images 32"):
        score(striped, networks, "large")


def test_more_candidates_than_captions_are_an_input_error(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    with pytest.raises(InputError, match="R-precision: .*lower evaluate.candidates"):
        score(striped, networks, "real", candidates=500)
