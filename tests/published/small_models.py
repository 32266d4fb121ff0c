"""Small networks of the published kinds, and their states and vocabulary as published files hold them."""

import math
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from t2i.data.text.vocabulary import Vocabulary
from t2i.models.discriminator import Discriminator
from t2i.models.encoders.inception import InceptionImageEncoder
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generator
from t2i.published import files, names

WORDS = ["<end>", "this", "bird", "is", "red"]


def small_generator(model: str, refinements: int = 2, residual_blocks: int = 2) -> Generator:
    torch.manual_seed(0)
    return Generator(
        model=model, embedding_dim=6, noise_dim=5, condition_dim=4, base_size=64, image_size=64 << refinements, ngf=3,
        residual_blocks=residual_blocks, norm_act="glu_batchnorm",
    )  # fmt: skip


def small_text_encoder() -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(Vocabulary(WORDS), embedding_dim=6, word_dim=7)


def to_published(network: nn.Module) -> files.State:
    """The state of one of our networks under the published names and in the published shapes."""
    table: dict[type[nn.Module], Callable[[str], str]] = {
        TextEncoder: names.text_encoder_name,
        InceptionImageEncoder: names.image_encoder_name,
        Generator: names.generator_name,
    }
    if isinstance(network, Discriminator):
        strides = (layer.stride[0] for layer in network.trunk if isinstance(layer, nn.Conv2d))
        norm = "spectral" if any("parametrizations" in name for name in network.state_dict()) else "batch"
        table[Discriminator] = partial(names.discriminator_name, size=4 * math.prod(strides), norm=norm)
    state = {table[type(network)](name): value for name, value in network.state_dict().items()}
    return {
        name: value[..., None, None] if name.endswith("conv_context.weight") else value for name, value in state.items()
    }


def write_captions(path: Path, words: list[str], protocol: int = 2) -> Path:
    ids = dict(enumerate(words))
    content = [[[1, 2]], [[3, 4]], ids, {word: i for i, word in ids.items()}]
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path
