"""The loops on striped pictures: they learn, and the same seed gives the same weights."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from t2i import runtime
from t2i.data.captions import Vocabulary
from t2i.data.pack import Pack
from t2i.data.pairs import EncodedCaptions, centre_crops
from t2i.models.damsm import Damsm, encode_images, encode_sentences
from t2i.training.damsm import train_damsm
from t2i.training.gan import draw_noise, train_gan
from t2i.training.judge import train_judge
from t2i.training.watch import Watch
from tests.models.test_generator import make as make_generator

PAPER = {
    "mapping_layers": 0, "noise_bits": 0,
    "layers": "glu_batchnorm", "discriminator_norm": "batch", "projection": 0, "initial_weights": "orthogonal",
    "adversarial": "bce", "mismatched": "next", "matching_weight": 0.0, "remembered": 0,
    "gradient_penalty": 0.0, "diversity_weight": 0.0, "grow_at": 0.0,
}  # fmt: skip
CPU = torch.device("cpu")


def damsm_of(folder: Path, vocabulary: Vocabulary, **changed: Any) -> tuple[Damsm, list[dict[str, float]]]:
    settings: dict[str, Any] = {
        "steps": 60, "epochs": None, "batch_size": 8, "captions": 2, "candidates": "view", "lr": 4e-3,
        "lr_decay": None, "lr_floor": 0.1, "gradient_clip": 10.0, "embedding_dim": 16, "word_dim": 16,
        "image_encoder": "small", "width": 8, "inception_body": None, "dropout": 0.0, "word_range": 1.0,
        "forget_bias": 1.0, "sentence": "max", "max_words": 18, "flip": False, "gamma1": 4.0, "gamma2": 5.0,
        "gamma3": 10.0, "temperature": 0.5, "contrastive_weight": 1.0, "precision": "fp32", "seed": 0,
    }  # fmt: skip
    return train_damsm(Pack.open(folder, "train"), vocabulary, **(settings | changed))


@pytest.fixture(scope="module")
def damsm(striped: Path, vocabulary: Vocabulary) -> Damsm:
    return damsm_of(striped, vocabulary)[0]


def gan_of(folder: Path, damsm: Damsm, **changed: Any) -> tuple[Any, list[dict[str, float]]]:
    settings: dict[str, Any] = {
        "model": "attngan", "steps": 4, "epochs": None, "batch_size": 8, "captions": 2, "max_words": 18,
        "noise_dim": 8, "condition_dim": 8, "base_size": 16, "ngf": 8, "ndf": 8, "residual_blocks": 1,
        "layers": "leaky_groupnorm", "mapping_layers": 1, "noise_bits": 2, "discriminator_norm": "none",
        "projection": 8, "initial_weights": "own",
        "adversarial": "hinge", "mismatched": "hardest", "matching_weight": 1.0, "remembered": 20,
        "lr_generator": 1e-3, "lr_discriminator": 1e-3, "beta1": 0.0, "beta2": 0.99, "decay_from": 0.5,
        "ema_decay": 0.5, "damsm_weight": 0.1, "kl_weight": 1.0, "gradient_penalty": 0.3, "penalty_every": 2,
        "grow_at": 0.5,
        "contrastive_weight": 0.2, "temperature": 0.5, "shared_noise": True, "gamma1": 4.0, "gamma2": 5.0,
        "gamma3": 10.0, "precision": "fp32", "seed": 0, "flip": False, "diversity_weight": 0.05,
    }  # fmt: skip
    return train_gan(Pack.open(folder, "train"), damsm, **(settings | changed))


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_damsm_learns_to_match_stripes_with_their_captions(striped: Path, vocabulary: Vocabulary) -> None:
    damsm, curves = damsm_of(striped, vocabulary)
    assert curves[-1]["words"] + curves[-1]["sentence"] < 0.7 * (curves[0]["words"] + curves[0]["sentence"])
    pack = Pack.open(striped, "test")
    codes = encode_images(damsm.image, centre_crops(pack), CPU)
    captions = EncodedCaptions(pack, vocabulary, 18)
    sentences = encode_sentences(damsm.text, captions, CPU, 0)
    assert codes.shape == (24, 16) and sentences.shape == (72, 16)
    # the caption that names both colours (the second of each image) fits its image better than others on average
    cosine = torch.nn.functional.cosine_similarity(codes[:, None], sentences[1::3][None], dim=2)
    assert cosine.diagonal().mean() > cosine.mean() + 0.1


def test_damsm_learns_from_more_captions_of_the_batch(striped: Path, vocabulary: Vocabulary) -> None:
    first = {}
    for captions, candidates in ((2, "view"), (2, "batch"), (3, "batch")):
        _, curves = damsm_of(striped, vocabulary, captions=captions, candidates=candidates)
        assert curves[-1]["sentence"] < 0.8 * curves[0]["sentence"]
        first[captions, candidates] = damsm_of(striped, vocabulary, captions=captions, candidates=candidates, steps=1)
    # the first step begins with the same weights: the more there is to choose from, the harder it is
    losses = {key: curves[0]["sentence"] for key, (_, curves) in first.items()}
    assert losses[2, "view"] + 0.3 < losses[2, "batch"] and losses[2, "batch"] + 0.3 < losses[3, "batch"]
    words = [curves[0]["words"] for _, curves in first.values()]
    assert words[0] == words[1]


def test_each_sentence_is_that_of_its_own_caption_whatever_it_is_encoded_with(
    striped: Path, vocabulary: Vocabulary, damsm: Damsm
) -> None:
    pack = Pack.open(striped, "test")
    captions = EncodedCaptions(pack, vocabulary, 4)  # two in three captions are shortened at random, in their order
    found = encode_sentences(damsm.text, captions, CPU, 0)
    ids = captions.padded(np.arange(len(captions)), np.random.default_rng(0))
    with torch.no_grad():
        torch.testing.assert_close(found, damsm.text(ids).sentence)


def test_damsm_repeats_to_the_bit_and_follows_its_seed(striped: Path, vocabulary: Vocabulary) -> None:
    one, two, other = (damsm_of(striped, vocabulary, steps=4, seed=seed, dropout=0.3)[0] for seed in (0, 0, 1))
    assert same(one, two) and not same(one, other)


def test_judge_reads_attributes_and_classes(striped: Path, vocabulary: Vocabulary) -> None:
    pack = Pack.open(striped, "train")
    judge, curves = train_judge(
        pack, vocabulary, steps=60, batch_size=8, lr=3e-3, embedding_dim=16, width=8, sentence="max",
        max_words=18, flip=False, gamma3=10.0, precision="fp32", seed=0,
    )  # fmt: skip
    assert curves[-1]["attributes"] < curves[0]["attributes"]
    found = judge.attributes_of(centre_crops(pack), CPU)
    for name in ("top", "bottom"):
        right = sum(a == b for a, b in zip(found[name], pack.images[f"is.{name}"], strict=True))
        assert right >= 30
    assert len(judge.classes) == pack.images["class_id"].nunique()
    features, logits = judge.features_and_logits(centre_crops(pack))
    assert features.shape == (32, 64) and logits.shape == (32, len(judge.classes))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"shared_noise": False},
        {"precision": "bf16"},
        PAPER,
        PAPER | {"model": "dmgan", "discriminator_norm": "spectral"},
        {"model": "dmgan"},
        {"captions": 1},
    ],
)
def test_gan_trains_with_either_recipe_and_repeats_to_the_bit(
    striped: Path, damsm: Damsm, changed: dict[str, Any]
) -> None:
    one, curves = gan_of(striped, damsm, **changed)
    two, _ = gan_of(striped, damsm, **changed)
    assert same(one, two) and one.config["image_size"] == 32
    assert len(curves) == 4 and ("contrastive" in curves[0]) == (changed.get("captions") != 1)
    assert all(value == value and abs(value) < 1e4 for row in curves for value in row.values())


def test_gan_changes_with_lambda_and_leaves_the_encoders_alone(striped: Path, damsm: Damsm) -> None:
    before = {name: value.clone() for name, value in damsm.state_dict().items()}
    with_it, without = (gan_of(striped, damsm, contrastive_weight=weight)[0] for weight in (5.0, 0.0))
    assert not same(with_it, without)
    assert all(torch.equal(value, before[name]) for name, value in damsm.state_dict().items())


def test_the_largest_scale_rests_until_it_is_its_turn(striped: Path, damsm: Damsm) -> None:
    one, four, grown = (
        gan_of(striped, damsm, steps=steps, grow_at=share)[0] for steps, share in ((1, 0.9), (4, 0.9), (4, 0.6))
    )
    assert not same(one.initial, four.initial)
    for part in ("refinements", "heads.1"):
        assert same(one.get_submodule(part), four.get_submodule(part))
        assert not same(one.get_submodule(part), grown.get_submodule(part))


def test_the_largest_scale_starts_as_the_one_before_it(striped: Path, damsm: Damsm) -> None:
    for share, alike in ((0.5, True), (0.0, False)):
        hardly = gan_of(striped, damsm, base_size=8, grow_at=share, lr_generator=1e-8)[0]
        for parts in (hardly.refinements, hardly.heads):
            before, last = (torch.cat([value.flatten() for value in part.parameters()]) for part in parts[-2:])
            assert torch.allclose(before, last, atol=1e-5) is alike


@pytest.mark.parametrize("changed", [{}, PAPER, PAPER | {"model": "dmgan", "discriminator_norm": "spectral"}])
def test_gradient_checkpointing_changes_no_byte(striped: Path, damsm: Damsm, changed: dict[str, Any]) -> None:
    (one, curves), (other, again) = (
        gan_of(striped, damsm, gradient_checkpointing=on, **changed) for on in (False, True)
    )
    assert same(one, other) and curves == again


@pytest.mark.slow
@pytest.mark.skipif(shutil.which(os.environ.get("CXX", "g++")) is None, reason="there is no C++ compiler")
def test_a_compiled_generator_learns_the_same(striped: Path, damsm: Damsm, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[torch.nn.Module] = []

    def compile_each(*modules: torch.nn.Module) -> None:
        compiled.extend(modules)
        really(*modules)

    really = runtime.compile_each
    monkeypatch.setattr(runtime, "compile_each", compile_each)
    (one, curves), (other, again) = (
        gan_of(striped, damsm, compiled=on, **(PAPER | {"steps": 3})) for on in (False, True)
    )
    assert [type(module).__name__ for module in compiled] == ["InitialStage", "AttentionStage"]
    assert [row.keys() for row in curves] == [row.keys() for row in again]
    # A first step of Adam is as long for a gradient of rounding errors as for any other: only losses before it agree
    for row, same_row, tolerance in zip(curves, again, (1e-4, 2e-3, 2e-3), strict=True):
        assert list(row.values()) == pytest.approx(list(same_row.values()), rel=tolerance)
    for (name, a), b in zip(one.named_parameters(), other.parameters(), strict=True):
        assert (a - b).abs().mean() < 2e-4, name  # single weights may have taken a step the other way
    for (name, a), b in zip(one.named_buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-2, atol=1e-3, msg=name)


def test_watching_does_not_change_the_training(striped: Path, damsm: Damsm, tmp_path: Path) -> None:
    watch = Watch(Pack.open(striped, "test"), damsm, tmp_path / "grid.png", 18)
    watched = gan_of(striped, damsm, watch=watch)[0]
    assert same(watched, gan_of(striped, damsm)[0]) and list(watch.pictures) == [1, 2, 4]


@pytest.mark.parametrize("shared", [True, False])
def test_both_captions_of_an_image_share_their_noise_unless_told_otherwise(shared: bool) -> None:
    generator = make_generator()
    noise, epsilon = draw_noise(generator, 3, 2, shared, np.random.default_rng(0), CPU)
    assert noise.shape == (6, 5) and epsilon.shape == (6, 4)
    for vectors in (noise, epsilon):
        assert torch.equal(vectors[:3], vectors[3:]) is shared
        assert len(vectors[:3].unique(dim=0)) == 3
