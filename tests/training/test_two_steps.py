"""Two steps of the recipe of the paper, in float64, against stored values of plain code that knows nothing of t2i."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import _SpectralNorm

from benchmarks import reference
from t2i.data.batches import Batch
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generator
from t2i.params.reader import load
from t2i.pipeline.arguments import damsm_arguments, gan_arguments
from t2i.runtime import distributed
from t2i.training import damsm
from t2i.training.gan import optimizers, train
from tests.conftest import ROOT
from tests.helpers import Arguments, changed, computing_in
from tests.training import plain_networks as plain
from tests.training.plain_steps import CLASSES, SEED, TRAININGS, VALUES, batch, summary, two_steps

MODELS = ("attngan", "dmgan")
STORED = json.loads(VALUES.read_text())
VOCABULARY = Vocabulary(["<end>", *(f"word{number}" for number in range(plain.WORDS))])


def damsm_arguments_of_paper() -> Arguments:
    """Those of the recipe of the paper for CUB; sizes are those of :func:`text_encoder` and :func:`image_encoder`."""
    given = damsm_arguments(load(ROOT / "params.yaml", data="cub", recipe="paper", budget="paper"))
    del given["epochs"]
    return given | {"steps": 2, "batch_size": plain.N, "precision": "fp32", "seed": SEED}


def gan_arguments_of_paper(model: str) -> Arguments:
    """Those of the recipe of the paper for CUB, with the sizes of the stored values."""
    given = gan_arguments(load(ROOT / "params.yaml", data="cub", model=model, recipe="paper", budget="paper"))
    del given["epochs"]
    sizes = {
        "generator": {
            "noise_dim": plain.Z, "condition_dim": plain.CONDITION, "base_size": plain.SIDES[0], "ngf": plain.NGF,
            "residual_blocks": plain.BLOCKS,
        },
        "discriminator": {"ndf": plain.NDF},
        "steps": 2, "batch_size": plain.N, "precision": "fp32", "seed": SEED,
    }  # fmt: skip
    return changed(given, sizes)


class Pack:
    """Stands for the packed images, of which trainings read the size."""

    image_size = plain.SIDES[-1]


class Batches:
    """Stands for :class:`~t2i.data.batches.CaptionBatches`: the images and captions of the stored values."""

    steps_per_epoch = 1

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def num_steps(self, steps: int, _: None) -> int:
        return steps

    def batches(self, first: int, last: int, _: int = 0) -> Iterator[Batch]:
        for step in range(first, last):
            images, ids = batch(step)
            yield Batch(images, ids, torch.tensor(CLASSES), torch.arange(plain.N))


@torch.no_grad()
def fill(network: nn.Module, prefix: str) -> None:
    """The initial weights of the stored values."""
    for name, value in network.state_dict().items():
        if not name.endswith(("num_batches_tracked", "._u", "._v")):
            value.copy_(plain.fill(prefix + name, tuple(value.shape)))
    for name, module in network.named_modules():
        if isinstance(module, _SpectralNorm):
            weight = network.get_parameter(name.removesuffix("0") + "original")
            module._u, module._v = plain.singular_vectors(weight)


def fill_by_kind(network: nn.Module, scheme: str) -> None:
    """Stands for :func:`~t2i.models.init.init_weights`."""
    assert scheme == "orthogonal"
    fill(network, "g." if isinstance(network, Generator) else "d.")


def text_encoder(words: Vocabulary, **_: object) -> TextEncoder:
    encoder = TextEncoder(words, embedding_dim=plain.D, word_dim=plain.WORD_DIM, dropout=0.0)
    fill(encoder, "text.")
    return encoder


def image_encoder(**_: object) -> nn.Module:
    encoder = build_image_encoder("small", embedding_dim=plain.D, width=plain.WIDTH)
    fill(encoder, "image.")
    return encoder


def trained(module: Any, training: Any, what: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a training returns that starts as the plain code does; the module is where it looks for its parts."""
    monkeypatch.setattr(module, "CaptionBatches", Batches)
    with computing_in(torch.float64):
        if what == "damsm":
            monkeypatch.setattr(module, "TextEncoder", text_encoder)
            monkeypatch.setattr(module, "build_image_encoder", image_encoder)
            return training(Pack(), VOCABULARY, **damsm_arguments_of_paper())
        monkeypatch.setattr(module, "init_weights", fill_by_kind)
        encoders = Damsm(text_encoder(VOCABULARY), image_encoder()).eval()  # type: ignore[arg-type]
        return training(Pack(), encoders, **gan_arguments_of_paper(what))


def parameters(network: nn.Module) -> dict[str, list[float]]:
    return {name: summary(value) for name, value in network.named_parameters()}


def assert_close(found: Any, expected: Any, tolerance: float) -> None:
    """Every number of nested lists and dictionaries, relative or, near 0, absolute."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_close(found[key], value, tolerance)
    elif isinstance(expected[0], float):
        assert found == pytest.approx(expected, rel=tolerance, abs=tolerance)
    else:
        for row, value in zip(found, expected, strict=True):
            assert_close(row, value, tolerance)


def assert_losses(history: list[dict[str, float]], training: str, tolerance: float) -> None:
    for step, (row, expected) in enumerate(zip(history, STORED[training]["losses"], strict=True), 1):
        assert row == pytest.approx(expected | {"step": step}, rel=tolerance)


def gradient_norm(network: nn.Module) -> float:
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    return torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt().item()


def test_pretraining_takes_the_stored_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    norms: list[dict[str, float]] = []

    def recorded(encoders: Damsm) -> None:
        norms.append({"text": gradient_norm(encoders.text), "image": gradient_norm(encoders.image)})

    monkeypatch.setattr(distributed, "average_gradients", recorded)  # is called before each update
    encoders, history = trained(damsm, damsm.train_damsm, "damsm", monkeypatch)
    assert_losses(history, "damsm", 1e-11)
    assert_close(_lists(norms), _lists(STORED["damsm"]["gradient_norms"]), 1e-10)
    after = {"text": parameters(encoders.text), "image": parameters(encoders.image)}
    assert_close(after, STORED["damsm"]["weights"], 1e-9)


def test_the_plain_pretraining_of_the_benchmarks_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    _, history = trained(reference, reference.plain_damsm, "damsm", monkeypatch)
    assert_losses(history, "damsm", 1e-10)  # weights end at another learning rate: it is constant there


@pytest.mark.parametrize("model", MODELS)
def test_gan_training_takes_the_stored_steps(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    networks: list[nn.Module] = []
    norms: list[float] = []

    def recorded(network: nn.Module) -> None:
        networks.append(network)
        norms.append(gradient_norm(network))

    monkeypatch.setattr(optimizers, "average_gradients", recorded)  # is called before each update
    average, _, history = trained(train, train.train_gan, model, monkeypatch)
    assert_losses(history, model, 1e-11)
    order = ("d0", "d1", "d2", "g")
    assert norms == pytest.approx([of[name] for of in STORED[model]["gradient_norms"] for name in order], rel=1e-10)
    after = dict(zip(order, networks, strict=False)) | {"average": average}
    assert_close({name: parameters(network) for name, network in after.items()}, STORED[model]["weights"], 1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_the_plain_gan_training_of_the_benchmarks_agrees(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real images pass DM-GAN's discriminators twice there, which brings spectral norm closer to its limit."""
    tolerance = 1e-10 if model == "attngan" else 1e-5
    training = partial(reference.plain_gan, together=True)
    average, history = trained(reference, training, model, monkeypatch)
    assert_losses(history, model, tolerance)
    names = [name for name, _ in Generator(**average.config).named_parameters()]  # there convolutions are unfused
    found = dict(zip(names, map(summary, average.parameters()), strict=True))
    assert_close(found, STORED[model]["weights"]["average"], tolerance)


@pytest.mark.parametrize("training", TRAININGS)
def test_the_stored_values_are_those_of_the_plain_code(training: str) -> None:
    found = two_steps(training)
    for name in ("losses", "gradient_norms", "weights"):
        assert_close(_lists(found[name]), _lists(STORED[training][name]), 1e-10)


def _lists(rows: Any) -> Any:
    """Losses and norms with a list in place of each number."""
    return rows if isinstance(rows, dict) else [{key: [value] for key, value in row.items()} for row in rows]
