"""All scores together, on images whose quality is known, and their table."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase

from t2i.ablation.metrics import read_scores
from t2i.data.batches import EncodedCaptions, centre_crops
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.generation.pictures import load_sample, save_sample
from t2i.generation.plan import cut_captions, sample, sampling_plans
from t2i.generation.text_to_image import TextToImage
from t2i.models.encoders.damsm import Damsm
from t2i.models.encoders.text import Text, TextEncoder
from t2i.models.generators.generator import Generated
from t2i.models.judge import Judge
from t2i.scores.evaluation import Scores, score_pictures
from t2i.scores.extractors import Pretrained
from t2i.scores.features import encode_sentences
from t2i.scores.networks import CLASSES, DinoV2
from t2i.scores.summary import summary
from t2i.training.judge import train_judge
from tests.helpers import make_generator, small_damsm

Sets = dict[str, tuple[pd.DataFrame, list[Tensor]]]


@pytest.fixture(scope="module")
def networks(striped: Path, vocabulary: Vocabulary) -> tuple[Damsm, Judge]:
    judge, _ = train_judge(
        PackedSplit(striped, "train"), vocabulary, steps=60, batch_size=8, lr=3e-3, embedding_dim=16,
        image_encoder={"kind": "small", "width": 8},
        sentence_pooling="max", max_words=18, flip=False, gamma3=10.0, precision="fp32", seed=0,
    )  # fmt: skip
    return small_damsm(striped, vocabulary)[0], judge


def score(
    folder: Path, networks: tuple[Damsm, Judge], pictures: str, candidates: int = 20, protocol: str = "paired",
    **extractors: Any,
) -> Scores:  # fmt: skip
    """Scores of images of a kind; with the published protocol, its pairs are noise."""
    test = PackedSplit(folder, "test")
    sets: Sets = {}
    plans = sampling_plans(test, protocol=protocol, images=24, noises=2, pictures=100, pairs=10, seed=0)
    for name, plan in plans.items():
        images = centre_crops(test, plan["image"].to_numpy())
        if pictures == "noise" or name != protocol:
            images = torch.randint(256, images.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
        if pictures == "large":
            images = images.repeat(1, 1, 2, 2)
        sets[name] = (plan, [images])
    return score_sets(folder, networks, sets, test.captions["text"].tolist(), 18, candidates, **extractors)


def score_sets(
    folder: Path, networks: tuple[Damsm, Judge], sets: Sets, captions: list[str], max_words: int,
    candidates: int = 20, splits: Mapping[str, PackedSplit] | None = None, **extractors: Any,
) -> Scores:  # fmt: skip
    with TemporaryDirectory() as samples:
        save_sample(Path(samples), sets, captions, max_words, {})
        return score_pictures(
            load_sample(Path(samples))[0], splits or {name: PackedSplit(folder, name) for name in ("train", "test")},
            *networks, candidates=candidates, folds=4, seed=0, device=torch.device("cpu"), **extractors,
        )  # fmt: skip


def test_real_images_score_as_real_and_noise_does_not(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    real, noise = (score(striped, networks, kind) for kind in ("real", "noise"))
    assert real["fidelity"]["judge"]["fid"]["fakes"] < 0.2 * noise["fidelity"]["judge"]["fid"]["fakes"]
    assert real["fidelity"]["judge"]["kid"]["fakes"] < 0.2 * noise["fidelity"]["judge"]["kid"]["fakes"]
    assert real["fidelity"]["judge"]["precision"]["fakes"] == real["fidelity"]["judge"]["recall"]["fakes"] == 1
    assert noise["fidelity"]["judge"]["recall"]["fakes"] < 0.2
    for name in ("damsm", "judge"):
        assert real["r_precision"][name]["fakes"] == real["r_precision"][name]["reals"]
        assert real["r_precision"][name]["fakes"] > noise["r_precision"][name]["fakes"]
    assert real["caption_consistency"]["distance_same_image"] == pytest.approx(0, abs=1e-4)
    assert real["caption_consistency"]["pixels_same_image"] == 0 < noise["caption_consistency"]["pixels_same_image"]
    assert real["caption_consistency"]["attribute_agreement"]["both"] == 1
    assert real["nearest"]["fakes"] < noise["nearest"]["fakes"]
    assert real["variety"]["fakes"] == 0 < noise["variety"]["fakes"]  # the same image for every noise
    assert real["variety"]["reals"] == 0 < real["variety"]["protocol"]["real_pairs"]  # stripes of a class are equal
    for name in ("top", "bottom"):
        accuracy = real["attribute_accuracy"][name]
        assert accuracy["fakes"] == accuracy["reals"] > noise["attribute_accuracy"][name]["fakes"]


def test_scores_are_json_with_protocol_and_a_table(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    scores = score(striped, networks, "noise")
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores
    fidelity = scores["fidelity"]["judge"]["protocol"]
    assert fidelity["extractor"] == "t2i-judge: trained in this pipeline, not Inception"
    assert (fidelity["real_images"], fidelity["fake_images"], scores["protocol"]["pictures"]) == (24, 96, 96)
    assert fidelity["kid_subset_size"] == 24
    protocol = {"candidates": 20, "folds": 4, "seed": 0, "sample": "paired", "max_words": 18}
    assert scores["r_precision"]["protocol"] == protocol
    assert scores["caption_consistency"]["protocol"]["sample"] == "paired"
    table = summary(scores)
    for name in ("FID (judge)", "IS (judge)", "R-precision (damsm)", "R-precision (judge)", "top accuracy"):
        assert name in table


class MeanColour(DinoV2):
    """Stands for a pretrained network, whose size and resizing would take seconds."""

    def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
        FeatureExtractorBase.__init__(self, name, features_list)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        return (images.float().mean(dim=(2, 3)),)


def test_several_networks_in_one_run(
    striped: Path, networks: tuple[Damsm, Judge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CLASSES, "dinov2-vit-b-14", MeanColour)
    pretrained = [Pretrained("dinov2-vit-b-14", striped)]
    names = ["dinov2-vit-b-14", "judge"]
    scores = score(striped, networks, "real", pretrained=pretrained, extractors=names)
    assert list(scores["fidelity"]) == names
    assert scores["fidelity"]["judge"] == score(striped, networks, "real")["fidelity"]["judge"]
    assert [scores["fidelity"][name]["protocol"]["features"] for name in names] == [3, 64]
    assert "is" in scores["fidelity"]["judge"] and "is" not in scores["fidelity"]["dinov2-vit-b-14"]
    compared = {metric.name for metric in read_scores(scores)}  # in ablation tables
    for name in ("FID", "KID", "precision", "recall"):
        assert {f"{name} (judge)", f"{name} (dinov2-vit-b-14)"} <= compared
    assert "IS (judge)" in compared and "FID (dinov2-vit-b-14)" in summary(scores)
    alone = score(striped, networks, "real", pretrained=pretrained, extractors=names[:1])
    assert alone["fidelity"] == {"dinov2-vit-b-14": scores["fidelity"]["dinov2-vit-b-14"]}


def test_the_nearest_training_images_are_drawn(tmp_path: Path, striped: Path, networks: tuple[Damsm, Judge]) -> None:
    score(striped, networks, "real", figure=tmp_path / "nearest.png")
    with Image.open(tmp_path / "nearest.png") as figure:
        assert figure.width > 5 * 128


def test_pictures_of_another_size_are_not_scored(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    with pytest.raises(InputError, match="the pictures have 64 pixels a side and the real images 32"):
        score(striped, networks, "large")


def test_more_candidates_than_captions_are_an_input_error(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    with pytest.raises(InputError, match="R-precision: .*lower evaluate.candidates"):
        score(striped, networks, "real", candidates=500)


def test_the_published_pictures_are_scored_and_the_pairs_beside_them_compared(
    striped: Path, networks: tuple[Damsm, Judge]
) -> None:
    scores = score(striped, networks, "real", protocol="published")  # its pairs are noise
    assert scores["protocol"]["pictures"] == 100 and scores["protocol"]["test_images"] == 24
    for protocol in (scores["protocol"], scores["r_precision"]["protocol"]):
        assert (protocol["sample"], protocol["max_words"]) == ("published", 18)
    for name in ("damsm", "judge"):
        assert scores["r_precision"][name]["fakes"] == scores["r_precision"][name]["reals"]
    accuracy = scores["attribute_accuracy"]["top"]
    assert accuracy["fakes"] == accuracy["reals"] and 50 < accuracy["mentions"] < 85  # two captions in three name it
    consistency = scores["caption_consistency"]
    assert min(consistency["distance_same_image"], consistency["pixels_same_image"]) > 0.01  # of real images it is 0
    assert (consistency["protocol"]["sample"], consistency["protocol"]["pairs_same"]) == ("paired", 10)


@pytest.mark.parametrize("protocol", ["paired", "published"])
def test_r_precision_reads_the_words_that_pictures_were_generated_from(
    striped: Path, vocabulary: Vocabulary, networks: tuple[Damsm, Judge], protocol: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    test = PackedSplit(striped, "test")
    model = TextToImage(make_generator(), TextEncoder(vocabulary, embedding_dim=6, word_dim=5), "fp32")
    captions = cut_captions(EncodedCaptions(test, vocabulary, 3), seed=0)  # two captions in three are cut
    plans = sampling_plans(test, protocol=protocol, images=24, noises=2, pictures=100, pairs=10, seed=0)
    generated: list[list[int]] = []
    forward = model.forward

    def record(ids: Tensor, *noise: Tensor) -> tuple[Generated, Text]:
        generated.extend(ids.tolist())
        return forward(ids, *noise)

    monkeypatch.setattr(model, "forward", record)
    sets = {name: (plan, list(sample(model, captions, plan, seed=0))) for name, plan in plans.items()}

    scored: list[list[list[int]]] = []

    def encode(encoder: TextEncoder, captions: EncodedCaptions, device: torch.device) -> Tensor:
        scored.append(captions.padded(np.arange(len(captions))).tolist())
        return encode_sentences(encoder, captions, device)

    monkeypatch.setattr("t2i.scores.evaluation.encode_sentences", encode)
    score_sets(striped, networks, sets, captions.texts(), 3)
    assert len(scored) == 2  # by the encoders that trained the generator, and by the judge
    rows = [caption for plan in plans.values() for caption in plan["caption"]]
    for of_encoder in scored:
        assert generated == [of_encoder[caption] for caption in rows]


def test_captions_of_another_split_are_refused(striped: Path, networks: tuple[Damsm, Judge]) -> None:
    test = PackedSplit(striped, "test")
    (plan,) = sampling_plans(test, protocol="paired", images=24, noises=1, pictures=1, pairs=1, seed=0).values()
    sets: Sets = {"paired": (plan, [centre_crops(test, plan["image"].to_numpy())])}
    with pytest.raises(InputError, match=r"the sample has 71 captions and the test split 72; run `dvc repro sample`"):
        score_sets(striped, networks, sets, ["a"] * 71, 18)
    with pytest.raises(InputError, match=r"caption 'zebra' of image 'test/0' has no word of the vocabulary"):
        score_sets(striped, networks, sets, ["zebra"] * 72, 18)


def test_real_images_of_captions_are_those_of_the_test_split_wherever_it_is(
    striped: Path, networks: tuple[Damsm, Judge]
) -> None:
    def scores(*names: str) -> Scores:
        train, test = (PackedSplit(striped, name) for name in ("train", "test"))
        splits = {name: test if name == "test" else train for name in names}
        plans = sampling_plans(test, protocol="paired", images=24, noises=1, pictures=1, pairs=1, seed=0)
        sets = {name: (plan, [centre_crops(test, plan["image"].to_numpy())]) for name, plan in plans.items()}
        return score_sets(striped, networks, sets, test.captions["text"].tolist(), 18, splits=splits)

    first, last = scores("train", "test", "reference"), scores("reference", "train", "test")
    for score in ("r_precision", "attribute_accuracy"):
        assert first[score] == last[score]
        assert all(of["fakes"] == of["reals"] for name, of in first[score].items() if name != "protocol")
    assert first["fidelity"]["judge"]["protocol"]["real_images"] == len(PackedSplit(striped, "train")) + 24


def test_the_judge_compares_captions_where_other_networks_give_the_fid(
    striped: Path, networks: tuple[Damsm, Judge], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    features = Judge.features_and_logits

    def count(judge: Judge, images: Tensor) -> tuple[Tensor, Tensor]:
        seen.append(len(images))
        return features(judge, images)

    monkeypatch.setattr(Judge, "features_and_logits", count)
    monkeypatch.setitem(CLASSES, "dinov2-vit-b-14", MeanColour)
    pretrained = [Pretrained("dinov2-vit-b-14", striped)]
    alone = score(striped, networks, "real", pretrained=pretrained, extractors=["dinov2-vit-b-14"])
    assert sum(seen) == 96 + 24 + 32  # fakes, real images and training images, each once
    seen.clear()
    assert score(striped, networks, "real")["r_precision"] == alone["r_precision"]
    assert sum(seen) == 96 + 24 + 32 + 96  # with noise
