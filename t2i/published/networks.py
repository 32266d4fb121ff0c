"""Published tensors -> our networks, and back; sizes are read off the tensors."""

import math
import re
from collections.abc import Callable
from typing import Any

from torch import nn

from t2i.data.captions import Vocabulary
from t2i.errors import InputError
from t2i.models.discriminator import Discriminator
from t2i.models.generator import Generator
from t2i.models.inception import InceptionImageEncoder
from t2i.models.text_encoder import TextEncoder
from t2i.published.files import State
from t2i.published.names import discriminator_name, generator_name, image_encoder_name, text_encoder_name

_BASE_SIZE = 64  # of every published generator


def text_encoder(state: State, vocabulary: Vocabulary) -> TextEncoder:
    """The encoder of a text_encoder*.pth, in eval mode.

    Raises:
        InputError: it was trained with another vocabulary, or is no text encoder.
    """
    words, word_dim = _shape(state, "encoder.weight", 2, "text encoder")
    if words != len(vocabulary):
        raise InputError(
            f"the text encoder knows {words} words and the vocabulary has {len(vocabulary)}; a rebuilt vocabulary does "
            "not fit: give the captions.pickle that came with the checkpoint (--captions)"
        )
    half = _shape(state, "rnn.weight_hh_l0", 2, "text encoder")[1]
    encoder = TextEncoder(vocabulary, embedding_dim=2 * half, word_dim=word_dim)
    return _filled(encoder, state, text_encoder_name, "text encoder")


def image_encoder(state: State) -> InceptionImageEncoder:
    """The encoder of an image_encoder*.pth, in eval mode."""
    encoder = InceptionImageEncoder(_shape(state, "emb_cnn_code.weight", 2, "image encoder")[0])
    return _filled(encoder, state, image_encoder_name, "image encoder")


def generator(state: State) -> Generator:
    """The generator of a netG_epoch_*.pth, bird_AttnGAN2.pth, bird_DMGAN.pth or the like, in eval mode.

    Raises:
        InputError: it is neither AttnGAN nor DM-GAN.
    """
    condition, embedding_dim = _shape(state, "ca_net.fc.weight", 2, "generator")
    inputs = _shape(state, "h_net1.fc.0.weight", 2, "generator")[1]
    model = "attngan" if "h_net2.att.conv_context.weight" in state else "dmgan"
    refinements = _count(state, r"h_net(\d+)\.residual\.")
    network = Generator(
        model=model, embedding_dim=embedding_dim, noise_dim=inputs - condition // 4, condition_dim=condition // 4,
        base_size=_BASE_SIZE, image_size=_BASE_SIZE << refinements,
        ngf=_shape(state, "img_net1.img.0.weight", 4, "generator")[1],
        residual_blocks=_count(state, r"h_net2\.residual\.(\d+)\.") if refinements else 1, layers="glu_batchnorm",
    )  # fmt: skip
    return _filled(network, state, generator_name, "generator")


def discriminator(state: State) -> Discriminator:
    """The discriminator of a netD*.pth, in eval mode."""
    norm = "spectral" if "img_code_s16.0.module.weight_bar" in state else "batch"
    weight = ".module.weight_bar" if norm == "spectral" else ".weight"
    blocks = _count(state, r"img_code_(s32_1|s64_1|s64_2|s32|s64)\.0")
    if blocks not in (0, 2, 4):
        raise InputError("the discriminator is of no published size; legal are those of 64, 128 and 256 pixels")
    size = {0: 64, 2: 128, 4: 256}[blocks]
    ndf = _shape(state, f"img_code_s16.0{weight}", 4, "discriminator")[0]
    embedding_dim = _shape(state, f"COND_DNET.jointConv.0{weight}", 4, "discriminator")[1] - 8 * ndf
    network = Discriminator(size, ndf, embedding_dim, norm)  # type: ignore[arg-type]
    return _filled(network, state, lambda name: discriminator_name(name, size, norm), "discriminator")


def to_published(network: nn.Module) -> State:
    """The state of one of our networks under the published names and in the published shapes.

    Raises:
        ValueError: a text encoder whose sentences are no last states; the published code would read others.
    """
    names: Callable[[str], str]
    if isinstance(network, TextEncoder) and network.config["sentence"] != "last":
        raise ValueError(f"sentence is {network.config['sentence']!r}; legal is last, as the published code has it")
    if isinstance(network, Discriminator):
        size = 4 << int(math.log2(_stride2(network)))
        norm = "spectral" if any("parametrizations" in name for name in network.state_dict()) else "batch"
        names = lambda name: discriminator_name(name, size, norm)  # noqa: E731
    else:
        names = {
            TextEncoder: text_encoder_name, InceptionImageEncoder: image_encoder_name, Generator: generator_name
        }[type(network)]  # type: ignore[index]  # fmt: skip
    state = {names(name): value for name, value in network.state_dict().items()}
    return {
        name: value[..., None, None] if name.endswith("conv_context.weight") else value for name, value in state.items()
    }


def _filled(network: Any, state: State, names: Callable[[str], str], what: str) -> Any:
    """The network with the published tensors, in eval mode."""
    ours, used, missing = {}, set(), []
    for name, own in network.state_dict().items():
        published = names(name)
        value = state.get(published)
        used.add(published)
        if value is None and name.endswith("num_batches_tracked"):  # torch before 0.4.1 did not count
            value = own
        if value is None:
            missing.append(published)
        elif value.numel() != own.numel():
            shapes = f"{list(value.shape)} where {list(own.shape)} fits the other tensors"
            raise InputError(f"the {what} has {published} of shape {shapes}; it is damaged or of another model")
        else:
            ours[name] = value.reshape(own.shape)
    unknown = sorted(set(state) - used)
    for problem, found in (("lacks", missing), ("has, besides,", unknown)):
        if found:
            some = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
            raise InputError(f"the {what} {problem} {len(found)} tensors ({some}); it is damaged or of another model")
    network.load_state_dict(ours)
    return network.eval()


def _shape(state: State, name: str, axes: int, what: str) -> tuple[int, ...]:
    if name not in state or state[name].ndim != axes:
        raise InputError(f"no {what} of the published models: it has no {name} with {axes} axes")
    return tuple(state[name].shape)


def _count(state: State, pattern: str) -> int:
    """How many different things the group of a pattern stands for among the names."""
    return len({found[1] for found in (re.match(pattern, name) for name in state) if found})


def _stride2(network: Discriminator) -> int:
    """By how much the trunk shrinks an image."""
    return math.prod(layer.stride[0] for layer in network.trunk if isinstance(layer, nn.Conv2d))
