"""GAN trainings that go on from model files."""

from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.checkpoints import model_file
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import StoppedError
from t2i.models.discriminator import Discriminator
from t2i.models.encoders.damsm import Damsm
from t2i.models.generators.generator import Generator
from t2i.training.gan.discriminators import MultiScaleDiscriminator
from t2i.training.gan.start import GanStart
from t2i.training.gan.train import train_gan
from t2i.training.loop.checkpoint import CheckpointPolicy
from tests.helpers import GAN, PAPER, PAPER_DMGAN, changed, same_weights, small_damsm

STAY: dict[str, Any] = {"optimizer": {"lr_generator": 0.0, "lr_discriminator": 0.0}, "steps": 1}
"""Changes to GAN: one step, after which weights are what they started as."""


@pytest.fixture(scope="module")
def damsm(striped: Path, vocabulary: Vocabulary) -> Damsm:
    return small_damsm(striped, vocabulary, steps=1)[0]


def trained(
    striped: Path, damsm: Damsm, *changes: dict[str, Any], **more: Any
) -> tuple[Generator, MultiScaleDiscriminator]:
    generator, discriminators, _ = train_gan(PackedSplit(striped, "train"), damsm, **changed(GAN, *changes), **more)
    return generator, discriminators


def start_of(generator: Generator, discriminators: MultiScaleDiscriminator | None, path: Path) -> GanStart:
    """What is read of model files of the networks."""
    model_file.save(path, "gan", {"generator": generator.to_checkpoint()})
    content = model_file.load(path, "gan")["generator"]
    if discriminators is None:
        return GanStart(content)
    model_file.save(path, "discriminators", discriminators.to_checkpoint())
    return GanStart(content, model_file.load(path, "discriminators"))


@pytest.mark.parametrize("changes", [{}, PAPER, PAPER_DMGAN])
def test_both_generators_and_the_discriminators_start_with_the_weights_of_the_files(
    striped: Path, damsm: Damsm, tmp_path: Path, changes: dict[str, Any]
) -> None:
    g, d = trained(striped, damsm, changes, {"steps": 2, "seed": 1})
    start = start_of(g, d, tmp_path / "x.pt")
    for ema_decay in (0.0, 0.9):  # the averaged generator is the one that is trained, or mostly what it was before
        stay = changed(STAY, {"optimizer": {"ema_decay": ema_decay}})
        same_g, same_d = trained(striped, damsm, changes, stay, start=start)
        for (name, one), two in zip(g.named_parameters(), same_g.parameters(), strict=True):
            torch.testing.assert_close(one, two, rtol=0, atol=1e-6, msg=name)
        for (name, one), two in zip(d.named_parameters(), same_d.parameters(), strict=True):
            assert torch.equal(one, two), name
    _, others = trained(striped, damsm, changes, STAY, start=GanStart(start.generator))
    assert not any(torch.equal(a, b) for a, b in zip(d.parameters(), others.parameters(), strict=True) if a.ndim > 1)


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_discriminators_come_back_with_what_their_norms_have_seen(tmp_path: Path, norm: Any) -> None:
    torch.manual_seed(0)
    arguments: dict[str, Any] = {"ndf": 8, "embedding_dim": 6, "norm": norm, "projection_dim": 4}
    d = MultiScaleDiscriminator([16, 32], negative_captions="next", **arguments)
    for scale, size in enumerate(d.image_sizes):
        d[scale](torch.randn(2, 3, size, size), torch.randn(2, 6))  # moves running statistics or singular vectors
    model_file.save(tmp_path / "d.pt", "discriminators", d.to_checkpoint())
    content = model_file.load(tmp_path / "d.pt", "discriminators")
    assert list(content["scales"]) == ["16", "32"]
    torch.manual_seed(1)
    other = MultiScaleDiscriminator([16, 32], negative_captions="next", **arguments)
    other.load_start(content)
    assert same_weights(d, other)
    assert same_weights(d[1], Discriminator.from_checkpoint(content["scales"]["32"]))
    names = " ".join(d.state_dict())
    assert ("running_mean" in names, "0._u" in names) == (norm == "batch", norm == "spectral")


def test_the_largest_scale_is_trained_from_the_start_and_not_replaced(
    striped: Path, damsm: Damsm, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"generator": {"base_size": 8}, "steps": 4, "grow_at": 0.5}
    g, _ = trained(striped, damsm, changes, {"grow_at": 0.0, "seed": 1})
    slow = {"optimizer": {"lr_generator": 1e-7}}
    after, _ = trained(striped, damsm, changes, slow, start=start_of(g, None, tmp_path / "x.pt"))
    for before, now in zip(g.refinements[-1].parameters(), after.refinements[-1].parameters(), strict=True):
        assert torch.allclose(before, now, atol=1e-5)
    assert not same_weights(g.refinements[-1], after.refinements[-1])


def test_a_training_that_was_stopped_goes_on_to_the_same_bits(striped: Path, damsm: Damsm, tmp_path: Path) -> None:
    start = start_of(*trained(striped, damsm, PAPER_DMGAN, {"steps": 1, "seed": 1}), tmp_path / "x.pt")
    stops = iter([None, "asked to"])
    runs: list[tuple[Generator, MultiScaleDiscriminator]] = []
    for stop in (lambda: None, lambda: next(stops, None), lambda: None):
        folder = tmp_path / ("whole" if not runs else "stopped")
        folder.mkdir(exist_ok=True)
        policy = CheckpointPolicy(folder, 1e9, stop)
        try:
            runs.append(trained(striped, damsm, PAPER_DMGAN, {"steps": 3}, start=start, checkpoints=policy))
        except StoppedError:
            assert len(runs) == 1
    assert len(runs) == 2 and all(same_weights(a, b) for a, b in zip(*runs, strict=True))
