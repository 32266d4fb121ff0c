"""Plain trainings have the losses of t2i's, step by step, so that a ratio of times compares the same computation."""

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.reference import plain_damsm, plain_gan
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.models.encoders.damsm import Damsm
from t2i.training.damsm import train_damsm
from t2i.training.gan.train import train_gan
from tests.helpers import DAMSM, GAN, PAPER, changed, small_damsm

STEPS = 3
# group norm: with batch norm the two captions of an image, which pass together in t2i, would share statistics
COMPARED = changed(
    GAN, PAPER,
    {
        "steps": STEPS, "generator": {"norm_act": "leaky_groupnorm"}, "discriminator": {"norm": "none"},
        "optimizer": {"lr_decay_start": 1.0},
    },
)  # fmt: skip


def assert_close(history: list[dict[str, float]], plain: list[dict[str, float]]) -> None:
    assert len(history) == len(plain) == STEPS
    for row, expected in zip(history, plain, strict=True):
        assert row == pytest.approx(expected, rel=2e-3)


@pytest.fixture(scope="module")
def damsm(striped: Path, vocabulary: Vocabulary) -> Damsm:
    return small_damsm(striped, vocabulary, steps=2)[0]


@pytest.mark.parametrize(
    "changes", [{}, {"model": "dmgan"}, *({"losses": {"shared_noise": shared}} for shared in ("none", "z"))]
)
def test_gan_steps(striped: Path, damsm: Damsm, changes: dict[str, Any]) -> None:
    pack, arguments = PackedSplit(striped, "train"), changed(COMPARED, changes)
    network, _, history = train_gan(pack, damsm, **arguments)
    plain, plain_history = plain_gan(pack, damsm, **arguments)
    assert_close(history, plain_history)
    weights, plain_weights = (torch.cat([w.detach().flatten() for w in g.parameters()]) for g in (network, plain))
    assert (weights - plain_weights).abs().mean() < 2e-4  # those of the last step differ from the average by 4e-4


@pytest.mark.parametrize("pooling", ["last", "max"])
def test_damsm_steps(striped: Path, vocabulary: Vocabulary, pooling: str) -> None:
    changes = {"steps": STEPS, "optimizer": {"lr_decay": 1.0}, "text_encoder": {"sentence_pooling": pooling}}
    pack, arguments = PackedSplit(striped, "train"), changed(DAMSM, changes)
    histories = [train(pack, vocabulary, **arguments)[1] for train in (train_damsm, plain_damsm)]
    assert_close(*histories)


@pytest.mark.parametrize("changes", [{"losses": {"r1": 0.1}}, {"grow_at": 0.5}, {"precision": "bf16"}])
def test_what_is_not_in_the_published_code_is_refused(striped: Path, damsm: Damsm, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="recipe paper"):
        plain_gan(PackedSplit(striped, "train"), damsm, **changed(COMPARED, changes))
