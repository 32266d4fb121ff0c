"""All scores together, on pictures whose quality is known."""

import json
from pathlib import Path

import pytest
import torch

from t2i.data.captions import Vocabulary
from t2i.data.pack import Pack
from t2i.data.pairs import centre_crops
from t2i.errors import InputError
from t2i.models.damsm import Damsm
from t2i.models.judge import Judge
from t2i.sampling import plan
from t2i.scores.report import Scores, score_pictures, summary
from t2i.training.judge import train_judge
from tests.training.test_training import damsm_of


@pytest.fixture(scope="module")
def networks(striped: Path, vocabulary: Vocabulary) -> tuple[Damsm, Judge]:
    judge, _ = train_judge(
        Pack.open(striped, "train"), vocabulary, steps=60, batch_size=8, lr=3e-3, embedding_dim=16, width=8,
        sentence="max", max_words=18, flip=False, gamma3=10.0, precision="fp32", seed=0,
    )  # fmt: skip
    return damsm_of(striped, vocabulary)[0], judge


def score(folder: Path, networks: tuple[Damsm, Judge], pictures: str, candidates: int = 20) -> Scores:
    test = Pack.open(folder, "test")
    table = plan(test, images=24, noises=2, seed=0)
    images = centre_crops(test, table["image"].to_numpy())
    if pictures == "noise":
        images = torch.randint(256, images.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    if pictures == "large":
        images = images.repeat(1, 1, 2, 2)
    return score_pictures(
        images, table, test, Pack.open(folder, "train"), [test], *networks,
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
        found = real["attribute_accuracy"][name]
        assert found["fakes"] == found["reals"] > noise["attribute_accuracy"][name]["fakes"]


def test_scores_are_json_with_protocol_and_a_table(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    scores = score(striped, networks, "noise")
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    assert scores["fidelity"]["protocol"]["extractor"] == "t2i-judge: trained in this pipeline, not Inception"
    assert scores["fidelity"]["protocol"]["real_images"] == 24 and scores["protocol"]["pictures"] == 96
    assert scores["r_precision"]["protocol"] == {"candidates": 20, "folds": 4, "seed": 0}
    table = summary(scores)
    for name in ("FID (judge)", "IS (judge)", "R-precision (damsm)", "R-precision (judge)", "top as said"):
        assert name in table


def test_pictures_of_another_size_are_not_scored(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    with pytest.raises(InputError, match="the pictures have 64 pixels a side and the real images 32"):
        score(striped, networks, "large")


def test_more_candidates_than_captions_are_an_input_error(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    with pytest.raises(InputError, match="R-precision: .*lower evaluate.candidates"):
        score(striped, networks, "real", candidates=500)
