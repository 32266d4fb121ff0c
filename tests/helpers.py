"""Small networks and trainings that several tests use."""

import contextlib
import multiprocessing
import socket
from collections.abc import Iterator, Mapping
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.damsm import Damsm
from t2i.models.generators.generator import Generator
from t2i.training.damsm import train_damsm
from t2i.training.gan.train import train_gan

Arguments = dict[str, Any]

FORKSERVER = multiprocessing.get_context("forkserver")
"""Forks a process that has imported everything and computed nothing."""

NUM_PROCESSES = 2
"""Of distributed trainings."""

DAMSM: Arguments = {
    "steps": 60, "batch_size": 8, "captions_per_image": 2, "max_words": 18, "flip": False, "embedding_dim": 16,
    "text_encoder": {
        "word_dim": 16, "dropout": 0.0, "word_init_range": 1.0, "forget_bias": 1.0, "sentence_pooling": "max"
    },
    "image_encoder": {"kind": "small", "width": 8},
    "losses": {
        "negatives": "view", "damsm_lambda": 1.0, "temperature": 0.5, "gamma1": 4.0, "gamma2": 5.0, "gamma3": 10.0
    },
    "optimizer": {"lr": 4e-3, "lr_decay": None, "lr_min_ratio": 0.1, "gradient_clip": 10.0, "reset": "never"},
    "precision": "fp32", "seed": 0,
}  # fmt: skip
GAN: Arguments = {
    "model": "attngan", "steps": 4, "batch_size": 8, "captions_per_image": 2, "max_words": 18, "flip": False,
    "generator": {
        "noise_dim": 8, "condition_dim": 8, "base_size": 16, "ngf": 8, "residual_blocks": 1,
        "norm_act": "leaky_groupnorm", "mapping_layers": 1, "binary_noise_dims": 2,
        "image_scales": "all",
    },
    "discriminator": {
        "ndf": 8, "backbone": None, "augment": [], "norm": "none", "projection_dim": 8,
        "minibatch_std": 0, "negative_captions": "hardest",
    },
    "losses": {
        "adversarial": "hinge", "damsm": 0.1, "kl": 1.0, "mode_seeking": 0.05, "matching": 1.0, "r1": 0.3,
        "r1_every": 2, "memory_bank": 20, "lambda_": 0.2, "temperature": 0.5, "shared_noise": "all", "gamma1": 4.0,
        "gamma2": 5.0, "gamma3": 10.0,
    },
    "optimizer": {
        "lr_generator": 1e-3, "lr_discriminator": 1e-3, "beta1": 0.0, "beta2": 0.99, "lr_decay_start": 0.5,
        "ema_decay": 0.5,
    },
    "init": "default", "grow_at": 0.5, "precision": "fp32", "seed": 0,
}  # fmt: skip
PAPER: Arguments = {
    "init": "orthogonal", "grow_at": 0.0,
    "generator": {"norm_act": "glu_batchnorm", "mapping_layers": 0, "binary_noise_dims": 0},
    "discriminator": {"norm": "batch", "projection_dim": 0, "negative_captions": "next"},
    "losses": {"adversarial": "bce", "matching": 0.0, "memory_bank": 0, "r1": 0.0, "mode_seeking": 0.0},
}  # fmt: skip
"""The losses, layers and initial weights of the paper, as changes to GAN."""


def changed(arguments: Mapping[str, Any], *changes: Mapping[str, Any]) -> Arguments:
    """Arguments with some replaced, group by group."""
    result = dict(arguments)
    for change in changes:
        for key, value in change.items():
            groups = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = changed(result[key], value) if groups else value
    return result


PHOTO: Arguments = {
    "grow_at": 0.0,
    "generator": {"norm_act": "leaky_batchnorm", "image_scales": "last"},
    "discriminator": {
        "backbone": {"name": "timm/test_efficientnet", "side": 128},
        "augment": ["brightness", "contrast", "translation"], "norm": "batch",
        "minibatch_std": 2, "negative_captions": "next",
    },
    "losses": {"matching": 0.0, "memory_bank": 0, "r1": 0.0},
}  # fmt: skip
"""Discriminators on frozen features of a small network, as changes to GAN; needs timm."""
PAPER_DMGAN = changed(PAPER, {"model": "dmgan", "discriminator": {"norm": "spectral"}})


def small_damsm(folder: Path, vocabulary: Vocabulary, **changes: Any) -> tuple[Damsm, list[dict[str, float]]]:
    """Encoders trained on a pack for a few steps."""
    return train_damsm(PackedSplit(folder, "train"), vocabulary, **changed(DAMSM, changes))


def small_gan(folder: Path, damsm: Damsm, **changes: Any) -> tuple[Generator, list[dict[str, float]]]:
    """A generator trained on a pack for a few steps."""
    generator, _, history = train_gan(PackedSplit(folder, "train"), damsm, **changed(GAN, changes))
    return generator, history


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    """Whether two networks have the same state, bit for bit."""
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@contextlib.contextmanager
def computing_in(precision: torch.dtype) -> Iterator[None]:
    """Networks that are made within the block, and what they compute, are of a precision, whatever says float32."""
    draw = Generator.draw_noise  # numbers of float32, whose mean depends on the order of the sum
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torch.Tensor, "float", partialmethod(torch.Tensor.to, precision))
        patched.setattr(Generator, "draw_noise", lambda *given: tuple(drawn.to(precision) for drawn in draw(*given)))
        torch.set_default_dtype(precision)
        try:
            yield
        finally:
            torch.set_default_dtype(torch.float32)


def make_generator(
    base_size: int = 8, image_size: int = 32, norm_act: str = "leaky_groupnorm", model: str = "attngan", **more: Any
) -> Generator:
    """An untrained generator of a few channels, in eval mode."""
    torch.manual_seed(0)
    return Generator(
        model=model, embedding_dim=6, noise_dim=5, condition_dim=4, base_size=base_size, image_size=image_size,
        ngf=8, residual_blocks=1, norm_act=norm_act, **more,  # type: ignore[arg-type]
    ).eval()  # fmt: skip


def generator_inputs(lengths: list[int]) -> tuple[Tensor, ...]:
    """Random noise, epsilon, sentence, words and padding of captions of so many words."""
    torch.manual_seed(1)
    n = len(lengths)
    padding = torch.arange(max(lengths))[None] >= torch.tensor(lengths)[:, None]
    return torch.randn(n, 5), torch.randn(n, 4), torch.randn(n, 6), torch.randn(n, 6, max(lengths)), padding


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return int(free.getsockname()[1])


def random_dinov2(width: int, depth: int) -> dict[str, Tensor]:
    """Random weights in the names and shapes of the published DINOv2 with patches of 14 pixels."""
    torch.manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {
        "cls_token": (1, 1, width), "pos_embed": (1, 1 + 37 * 37, width), "mask_token": (1, width),
        "patch_embed.proj.weight": (width, 3, 14, 14), "patch_embed.proj.bias": (width,),
        "norm.weight": (width,), "norm.bias": (width,),
    }  # fmt: skip
    for i in range(depth):
        layers = {"attn.qkv": (3 * width, width), "attn.proj": (width, width), "mlp.fc1": (4 * width, width),
                  "mlp.fc2": (width, 4 * width)}  # fmt: skip
        for name, shape in layers.items():
            shapes |= {f"blocks.{i}.{name}.weight": shape, f"blocks.{i}.{name}.bias": shape[:1]}
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma"):
            shapes[f"blocks.{i}.{name}"] = (width,)
    return {name: 0.1 * torch.randn(shape) for name, shape in shapes.items()}


SMALL_DINOV2 = {"hidden_dim": 32, "num_layers": 2, "num_heads": 2, "mlp_dim": 128}
"""For `t2i.scores.networks.DINOV2_SIZES`, with the weights ``random_dinov2(32, 2)``."""
