"""Published tensors -> our networks; sizes are inferred from the shapes of the tensors."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.models.discriminator import Discriminator
from t2i.models.encoders.inception import InceptionImageEncoder
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generator
from t2i.published.files import State
from t2i.published.names import discriminator_name, generator_name, image_encoder_name, text_encoder_name

BASE_SIZE = 64
"""Side of the first image of every published generator."""


def text_encoder(state: State, vocabulary: Vocabulary) -> TextEncoder:
    """The encoder of a text_encoder*.pth, in eval mode.

    Raises:
        InputError: it was trained with another vocabulary, or is no text encoder.
    """
    words, word_dim = _shape(state, "encoder.weight", 2, "text encoder")
    if words != len(vocabulary):
        raise InputError(
            f"the text encoder has {words} words and the vocabulary {len(vocabulary)}; a rebuilt vocabulary does not "
            "fit: give the captions.pickle that came with the checkpoint (--captions)"
        )
    half = _shape(state, "rnn.weight_hh_l0", 2, "text encoder")[1]
    encoder = TextEncoder(vocabulary, embedding_dim=2 * half, word_dim=word_dim)
    return _filled(encoder, state, text_encoder_name, "text encoder")


def image_encoder(state: State, *, align_corners: bool) -> InceptionImageEncoder:
    """The encoder of an image_encoder*.pth, in eval mode.

    Args:
        align_corners: how its input is resized, which the file does not say: true for DM-GAN's, false for AttnGAN's.
    """
    encoder = InceptionImageEncoder(_shape(state, "emb_cnn_code.weight", 2, "image encoder")[0], align_corners)
    return _filled(encoder, state, image_encoder_name, "image encoder")


def generator(state: State) -> Generator:
    """The generator of a netG_epoch_*.pth, bird_AttnGAN2.pth, bird_DMGAN.pth or the like, in eval mode.

    Raises:
        InputError: it is neither AttnGAN nor DM-GAN.
    """
    gates, embedding_dim = _shape(state, "ca_net.fc.weight", 2, "generator")
    condition_dim = gates // 4  # mu and logvar, each behind a gated linear unit
    noise_dim = _shape(state, "h_net1.fc.0.weight", 2, "generator")[1] - condition_dim
    if noise_dim < 1:
        raise InputError(f"the generator has {noise_dim} dimensions of noise; it is damaged or of another model")
    model = "attngan" if "h_net2.att.conv_context.weight" in state else "dmgan"
    refinements = _count(state, r"h_net(\d+)\.residual\.")
    network = Generator(
        model=model, embedding_dim=embedding_dim, noise_dim=noise_dim, condition_dim=condition_dim,
        base_size=BASE_SIZE, image_size=BASE_SIZE << refinements,
        ngf=_shape(state, "img_net1.img.0.weight", 4, "generator")[1],
        residual_blocks=_count(state, r"h_net2\.residual\.(\d+)\.") if refinements else 1, norm_act="glu_batchnorm",
    )  # fmt: skip
    return _filled(network, state, generator_name, "generator")


def discriminator(state: State) -> Discriminator:
    """The discriminator of a netD*.pth, in eval mode."""
    norm = "spectral" if "img_code_s16.0.module.weight_bar" in state else "batch"
    weight = ".module.weight_bar" if norm == "spectral" else ".weight"
    blocks = _count(state, r"img_code_(s32_1|s64_1|s64_2|s32|s64)\.0")
    if blocks not in (0, 2, 4):
        raise InputError("the discriminator has no published size; legal are those of 64, 128 and 256 pixels")
    size = {0: 64, 2: 128, 4: 256}[blocks]
    ndf = _shape(state, f"img_code_s16.0{weight}", 4, "discriminator")[0]
    embedding_dim = _shape(state, f"COND_DNET.jointConv.0{weight}", 4, "discriminator")[1] - 8 * ndf
    network = Discriminator(size, ndf, embedding_dim, norm)  # type: ignore[arg-type]
    return _filled(network, state, partial(discriminator_name, size=size, norm=norm), "discriminator")


def _filled(network: Any, state: State, names: Callable[[str], str], what: str) -> Any:
    """The network with the published tensors, in eval mode.

    Args:
        names: our name of a tensor -> the published one.
        what: the network's name in messages.

    Raises:
        InputError: tensors are missing, left over, of another size or kind, or have numbers that are not finite.
    """
    ours, used, missing = {}, set(), []
    for name, tensor in network.state_dict().items():
        published = names(name)
        value = state.get(published)
        used.add(published)
        if value is None and name.endswith("num_batches_tracked"):  # torch before 0.4.1 did not count
            value = tensor
        if value is None:
            missing.append(published)
        elif value.numel() != tensor.numel():
            shapes = f"{list(value.shape)} where {list(tensor.shape)} fits the other tensors"
            raise InputError(f"the {what} has {published} of shape {shapes}; it is damaged or of another model")
        elif value.is_floating_point() < tensor.is_floating_point() or value.layout != torch.strided or value.is_meta:
            kind = f"{value.dtype}, {value.layout}"
            raise InputError(f"the {what} has {published} of type {kind}; dense floating-point numbers are needed")
        else:
            ours[name] = value.reshape(tensor.shape).to(tensor.dtype)
            if not ours[name].isfinite().all():
                raise InputError(f"the {what} has numbers in {published} that are NaN or infinite; it is damaged")
    unknown = sorted(set(state) - used)
    for problem, keys in (("lacks", missing), ("has, besides,", unknown)):
        if keys:
            some = ", ".join(keys[:3]) + (", ..." if len(keys) > 3 else "")
            raise InputError(f"the {what} {problem} {len(keys)} tensors ({some}); it is damaged or of another model")
    network.load_state_dict(ours)
    return network.eval()


def _shape(state: State, name: str, axes: int, what: str) -> tuple[int, ...]:
    if name not in state or state[name].ndim != axes:
        raise InputError(f"no {what} of the published models: it has no {name} with {axes} axes")
    return tuple(state[name].shape)


def _count(state: State, pattern: str) -> int:
    """Number of different values that the group of a pattern has among the names."""
    return len({match[1] for match in (re.match(pattern, name) for name in state) if match})
