"""Trainings, generating and scoring as on a GPU, without one.

Found here: operations on tensors of two devices, numbers read and copies waited for within a step, precisions that do
not fit under a GPU's autocast, operators without a derivative or a shape there. Not found, since nothing is computed:
wrong numbers, results that differ from run to run, speed, memory, and kernels that a GPU lacks for a precision.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch import distributed as dist

from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.plan import paired_plan, sample
from t2i.generation.text_to_image import TextToImage
from t2i.losses.damsm import sentence_scores
from t2i.models.encoders.damsm import Damsm
from t2i.models.encoders.image import SmallImageEncoder
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generator
from t2i.models.judge import Judge
from t2i.params import Params
from t2i.params.reader import load
from t2i.pipeline.arguments import damsm_arguments, gan_arguments, judge_arguments
from t2i.runtime.sync_batch_norm import SyncBatchNorm
from t2i.scores.extractors import extract_features, load_network
from t2i.scores.features import encode_images, encode_sentences, judge_attributes, judge_codes
from t2i.training import judge
from t2i.training.damsm import train_damsm
from t2i.training.gan.train import train_gan
from t2i.training.loop import loop
from tests.conftest import ROOT
from tests.runtime.gpu_process import Call, gpu_process

pytestmark = pytest.mark.slow

BF16 = "torch.bfloat16"
CONVOLUTION_BACKWARD = ("aten.convolution_backward.default", BF16)
ADAM = ("aten._fused_adam_.default", "torch.float32")

LOSSES = {"step", "d", "g", "damsm", "kl", "contrastive"}


@pytest.fixture(scope="module")
def call() -> Iterator[Call]:
    with gpu_process("tests.runtime.test_fake_device") as call:
        yield call


def params(recipe: str, model: str = "attngan") -> Params:
    return load(ROOT / "params.yaml", data="toy_birds", model=model, recipe=recipe, budget="smoke")


def encoders(vocabulary: Vocabulary) -> Damsm:
    return Damsm(TextEncoder(vocabulary, embedding_dim=8, word_dim=8), SmallImageEncoder(8, width=8))


# ---- Trainings ----


def damsm_step(folder: Path, vocabulary: Vocabulary, recipe: str) -> None:
    train_damsm(PackedSplit(folder, "train"), vocabulary, **damsm_arguments(params(recipe)) | {"steps": 1})


def gan_steps(folder: Path, vocabulary: Vocabulary, recipe: str, model: str, steps: int) -> set[str]:
    """Steps of a GAN; the last has all scales, and as negatives the sentences of those before. Names of the losses."""
    arguments = gan_arguments(params(recipe, model)) | {"steps": steps, "grow_at": (steps - 1) / steps}
    if recipe == "photo":  # a network of the same kind, but small
        arguments["discriminator"]["backbone"]["name"] = "timm/test_efficientnet"
    arguments["gradient_checkpointing"] = steps == 1 and recipe == "quick"
    generator, _, history = train_gan(PackedSplit(folder, "train"), encoders(vocabulary), **arguments)
    assert all(weight.device.type == "cpu" for weight in generator.parameters())
    return {name for row in history for name in row}


def damsm_and_gan_step_of_two_processes(folder: Path, vocabulary: Vocabulary) -> None:
    """What the first process computes; the other one, which is not there, sends nothing."""
    from torch.testing._internal.distributed.fake_pg import FakeStore

    dist.init_process_group("fake", rank=0, world_size=2, store=FakeStore())
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(loop, "restore_state", lambda *_: 0)  # state of the other one
            # torch's own is used on a GPU, but says no shapes
            patched.setattr(nn.SyncBatchNorm, "convert_sync_batchnorm", SyncBatchNorm.of)
            damsm_step(folder, vocabulary, "quick")
            gan_steps(folder, vocabulary, "quick", "attngan", 1)
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize("recipe", ["quick", "paper"])
def test_a_step_of_damsm(call: Call, striped: Path, vocabulary: Vocabulary, recipe: str) -> None:
    _, operations = call(damsm_step, striped, vocabulary, recipe)
    assert {CONVOLUTION_BACKWARD, ADAM} <= operations


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
def test_steps_of_the_papers_gan(call: Call, striped: Path, vocabulary: Vocabulary, model: str) -> None:
    losses, operations = call(gan_steps, striped, vocabulary, "paper", model, 1)
    assert losses == LOSSES
    assert {CONVOLUTION_BACKWARD, ADAM, ("aten.native_batch_norm.default", BF16)} <= operations


@pytest.mark.parametrize(("model", "steps"), [("attngan", 2), ("dmgan", 1)])
def test_steps_of_the_quick_gan(call: Call, striped: Path, vocabulary: Vocabulary, model: str, steps: int) -> None:
    losses, operations = call(gan_steps, striped, vocabulary, "quick", model, steps)
    assert losses == LOSSES | {"r1", "mode_seeking"}
    assert {CONVOLUTION_BACKWARD, ADAM, ("aten.native_group_norm.default", BF16)} <= operations


def test_a_step_of_the_gan_for_photographs(call: Call, striped: Path, vocabulary: Vocabulary) -> None:
    losses, operations = call(gan_steps, striped, vocabulary, "photo", "attngan", 1)
    assert losses == LOSSES | {"mode_seeking"}
    assert {CONVOLUTION_BACKWARD, ADAM, ("aten.native_batch_norm.default", BF16)} <= operations


def test_a_step_of_several_processes(call: Call, striped: Path, vocabulary: Vocabulary) -> None:
    _, operations = call(damsm_and_gan_step_of_two_processes, striped, vocabulary)
    assert {CONVOLUTION_BACKWARD, ADAM, ("c10d.allreduce_.default", "torch.float32")} <= operations


def judge_step(folder: Path, vocabulary: Vocabulary, fault: str = "") -> None:
    """A step of the judge, with a fault in a loss."""
    with pytest.MonkeyPatch.context() as patched:
        if fault:
            patched.setattr(judge, "sentence_scores", lambda *codes: FAULTS[fault][1](sentence_scores(*codes)))
        arguments = judge_arguments(params("quick")) | {"steps": 1}
        judge.train_judge(PackedSplit(folder, "train"), vocabulary, **arguments)


def test_a_step_of_the_judge(call: Call, striped: Path, vocabulary: Vocabulary) -> None:
    _, operations = call(judge_step, striped, vocabulary)
    assert {CONVOLUTION_BACKWARD, ADAM} <= operations


# ---- Faults ----


def with_faulty_gradient(scores: Tensor) -> Tensor:
    scores.register_hook(lambda gradient: gradient * torch.ones(gradient.shape))
    return scores


FAULTS: dict[str, tuple[str, Callable[[Tensor], Tensor]]] = {
    "tensor": ("aten.add.Tensor of tensors on cpu and cuda", lambda scores: scores + torch.zeros(scores.shape)),
    "index": ("aten.index.Tensor of tensors on cpu and cuda", lambda scores: scores[torch.arange(len(scores))]),
    "gradient": ("aten.mul.Tensor of tensors on cpu and cuda", with_faulty_gradient),
    "item": ("reading numbers", lambda scores: scores / scores.detach().norm().item()),
    "list": ("reading numbers", lambda scores: scores / sum(scores.detach().diagonal().tolist())),
    "condition": ("reading numbers", lambda scores: scores if scores.sum() > 0 else -scores),
    "numpy": ("numpy", lambda scores: scores / float(scores.detach().numpy().max())),
    "copy": ("from cuda to cpu waits", lambda scores: scores.cpu().to(scores.device, non_blocking=True)),
    "number": ("from cpu to cuda waits", lambda scores: scores * scores.new_tensor(2.0)),
    "rows": ("aten.nonzero", lambda scores: scores + scores[scores > 0].mean()),
}
"""What is done to a loss, and the beginning of the message about it."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(call: Call, striped: Path, vocabulary: Vocabulary, fault: str) -> None:
    message, _ = FAULTS[fault]
    with pytest.raises(AssertionError, match=message):
        call(judge_step, striped, vocabulary, fault)


def precisions() -> list[torch.dtype]:
    """What autocast makes of a convolution, a softmax and torch's own group norm, and the gradient of a weight."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Softmax(dim=1), nn.GroupNorm(1, 8)).to("cuda")
    hidden, found = torch.zeros(2, 3, 8, 8, device="cuda"), []
    with torch.autocast("cuda", dtype=torch.bfloat16):
        for layer in network:
            hidden = layer(hidden)
            found.append(hidden.dtype)
    hidden.sum().backward()
    gradient = network[0].weight.grad
    assert isinstance(gradient, Tensor) and gradient.device.type == "cuda"
    return [*found, gradient.dtype]


def test_autocast_is_that_of_a_gpu(call: Call) -> None:
    found, _ = call(precisions)
    assert found == [torch.bfloat16, torch.float32, torch.float32, torch.float32]


# ---- Generating and scoring ----


def generate_and_score(folder: Path, vocabulary: Vocabulary, model: str) -> list[tuple[int, ...]]:
    """All of sampling and scoring that runs on a GPU; the shapes of what it gives, which is on the processor."""
    test, device = PackedSplit(folder, "test"), torch.device("cuda")
    damsm, scorer = encoders(vocabulary).to(device).eval(), Judge(vocabulary, **JUDGE).to(device).eval()
    to_image = TextToImage(Generator(model=model, **GENERATOR), damsm.text)
    shown = to_image.generate("the top is red", n=2)
    captions, plan = EncodedCaptions(test, vocabulary), paired_plan(test, images=4, noises=1, seed=0)
    pictures = list(sample(to_image, captions, plan, seed=0, image_size=64))
    features = extract_features(pictures, load_network(scorer))
    codes = [encode_images(damsm.image, pictures, device), judge_codes(scorer, features.features, device)]
    sentences = encode_sentences(damsm.text, captions, device)
    attributes = judge_attributes(scorer, features.features, device)
    assert features.logits is not None
    tensors = [*pictures, features.features, features.logits, *codes, sentences]
    assert all(tensor.device.type == "cpu" for tensor in tensors)
    arrays: list[Any] = [shown.images[1], shown.attention[0], *attributes.values(), *tensors]
    return [np.shape(array) for array in arrays]


JUDGE: dict[str, Any] = {
    "classes": [0, 1], "attributes": {"top": ["red", "blue"]}, "embedding_dim": 8,
    "image_encoder": {"kind": "small", "width": 8},
}  # fmt: skip
GENERATOR: dict[str, Any] = {
    "embedding_dim": 8, "noise_dim": 8, "condition_dim": 8, "base_size": 16, "image_size": 32, "ngf": 8,
    "residual_blocks": 1, "norm_act": "leaky_groupnorm",
}  # fmt: skip


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
def test_generating_and_scoring(call: Call, striped: Path, vocabulary: Vocabulary, model: str) -> None:
    shapes, operations = call(generate_and_score, striped, vocabulary, model)
    assert shapes == [(32, 32, 3), (4, 16, 16), (8,), (8, 3, 64, 64), (8, 64), (8, 2), (8, 8), (8, 8), (72, 8)]
    assert ("aten.convolution.default", BF16) in operations
