"""What is measured against computes the same, step by step; so that a ratio of times compares like with like."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.reference import plain_damsm, plain_gan
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.damsm import Damsm
from tests.training.test_training import PAPER, damsm_of, gan_of

STEPS = 3
PLAIN: dict[str, Any] = {
    **PAPER, "norm_act": "leaky_groupnorm", "discriminator_norm": "none", "steps": STEPS, "decay_from": 1.0,
}  # fmt: skip


def close(ours: list[dict[str, float]], plain: list[dict[str, float]], relative: float) -> None:
    assert len(ours) == len(plain) == STEPS
    for a, b in zip(ours, plain, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            assert a[name] == pytest.approx(b[name], rel=relative), (name, a["step"])


@pytest.fixture(scope="module")
def damsm(striped: Path, vocabulary: Vocabulary) -> Damsm:
    return damsm_of(striped, vocabulary, steps=2)[0]


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
def test_gan_steps(striped: Path, damsm: Damsm, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def note(pack: PackedSplit, encoders: Damsm, **settings: Any) -> Any:
        seen.update(settings)
        return plain_gan(pack, encoders, **settings)

    changed = PLAIN | {"model": model}
    _, ours = gan_of(striped, damsm, **changed)
    monkeypatch.setattr("tests.training.test_training.train_gan", note)
    _, plain = gan_of(striped, damsm, **changed)
    close(ours, plain, 2e-3)
    assert seen["model"] == model


@pytest.mark.parametrize("sentence", ["last", "max"])
def test_damsm_steps(striped: Path, vocabulary: Vocabulary, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed: dict[str, Any] = {"steps": STEPS, "lr_decay": 1.0, "sentence": sentence}
    _, ours = damsm_of(striped, vocabulary, **changed)
    monkeypatch.setattr(
        "tests.training.test_training.train_damsm",
        lambda pack, words, **settings: (None, plain_damsm(pack, words, **settings)),
    )
    _, plain = damsm_of(striped, vocabulary, **changed)
    close(ours, plain, 2e-3)
