"""Checkpoints and vocabularies of the published AttnGAN and DM-GAN models -> ours.

Sizes are read off the tensors. Names are translated one by one from ours to the published ones, so that the same table
serves both directions.
"""

import argparse
import math
import pickle
import re
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from t2i import checkpoints
from t2i.data.captions import Vocabulary
from t2i.data.unpickle import load_pickle
from t2i.errors import InputError
from t2i.models.damsm import Damsm
from t2i.models.discriminator import Discriminator
from t2i.models.generator import Generator
from t2i.models.inception import InceptionImageEncoder
from t2i.models.text_encoder import TextEncoder
from t2i.provenance import file_digest, origin

State = dict[str, Tensor]
_BASE_SIZE = 64  # of every published generator


# ---- Names: ours -> published ----


def text_encoder_name(name: str) -> str:
    """``onward.weight_ih_l0`` -> ``rnn.weight_ih_l0``."""
    part, rest = name.split(".", 1)
    return {"embedding": f"encoder.{rest}", "onward": f"rnn.{rest}", "backward_": f"rnn.{rest}_reverse"}[part]


def image_encoder_name(name: str) -> str:
    """``region_head.weight`` -> ``emb_features.weight``; the body has torchvision's names."""
    for ours, published in (("body.", ""), ("region_head.", "emb_features."), ("code_head.", "emb_cnn_code.")):
        if name.startswith(ours):
            return published + name.removeprefix(ours)
    raise KeyError(name)


_MEMORY = {"gate_of_word": "A", "gate_of_image": "B", "write_word": "M_w", "write_image": "M_r"}


def generator_name(name: str) -> str:
    """``refinements.0.residual.1.block.3.weight`` -> ``h_net2.residual.1.block.3.weight``."""
    part, *rest = name.split(".")
    if part == "conditioning":
        return ".".join(("ca_net.fc", *rest[1:]))
    if part == "initial" and rest[0] == "linear":
        return ".".join(("h_net1.fc", *rest[1:]))
    if part == "initial":  # ups.<block>.<layer>; the doubling is a layer of its own in the published blocks
        return ".".join((f"h_net1.upsample{int(rest[1]) + 1}", str(int(rest[2]) + 1), *rest[3:]))
    if part == "heads":
        return ".".join((f"img_net{int(rest[0]) + 1}.img", *rest[1:]))
    stage, block, *rest = rest
    prefix = f"h_net{int(stage) + 2}"
    if block == "attention":
        return f"{prefix}.att.conv_context.weight"
    if block == "up":
        return ".".join((prefix, "upsample", str(int(rest[0]) + 1), *rest[1:]))
    if block == "memory":
        return ".".join((prefix, _MEMORY.get(rest[0], rest[0]), *rest[1:]))
    return ".".join((prefix, block, *rest))


def discriminator_name(name: str, size: int, norm: str) -> str:
    """``trunk.11.weight`` -> ``img_code_s32.0.weight``; under spectral norm ``weight_bar`` and its two vectors."""
    name = re.sub(r"\.parametrizations\.weight\.original$", ".module.weight_bar", name)
    name = re.sub(r"\.parametrizations\.weight\.0\._(u|v)$", r".module.weight_\1", name)
    if norm == "spectral" and name.endswith(".bias") and not name.startswith(("unconditional", "conditional")):
        name = name.removesuffix("bias") + "module.bias"
    part, *rest = name.split(".")
    if part == "unconditional_head":
        return ".".join(("UNCOND_DNET.outlogits.0", *rest))
    if part == "conditional_head":
        return ".".join(("COND_DNET.outlogits.0", *rest))
    if part == "joint":
        return ".".join(("COND_DNET.jointConv.0", *rest))
    if part == "after_joint":
        return ".".join(("COND_DNET.jointConv", str(int(rest[0]) + 1), *rest[1:]))
    layers_a_block = 2 if norm == "spectral" else 3
    first_block = 2 + 3 * layers_a_block  # the four convolutions to a sixteenth of the side; the first without norm
    block, layer = divmod(int(rest[0]) - first_block, layers_a_block)
    if block < 0:
        return ".".join(("img_code_s16", *rest))
    later = {64: [], 128: ["s32", "s32_1"], 256: ["s32", "s64", "s64_1", "s64_2"]}[size]
    return ".".join((f"img_code_{later[block]}", str(layer), *rest[1:]))


# ---- Networks ----


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


def vocabulary(path: Path) -> Vocabulary:
    """The vocabulary of a captions.pickle: (train captions, test captions, id -> word, word -> id).

    Raises:
        InputError: the file is something else, or would run code.
    """
    content = load_pickle(path)
    words = content[2] if isinstance(content, list | tuple) and len(content) == 4 else None
    if not isinstance(words, dict) or set(words) != set(range(len(words))) or not words:
        raise InputError(f"{path} holds no vocabulary of the published models; it must be their captions.pickle")
    try:
        return Vocabulary([str(words[i]) for i in range(len(words))])
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def read_state(path: Path) -> State:
    """The tensors of a .pth file, without the wrappings that are about: a key "netG" or "state_dict", "module." names.

    Raises:
        InputError: the file is missing, damaged, holds no tensors, or would run code.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): put the file there") from error
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0][:160]
        raise InputError(
            f"{path} holds more than tensors and is not opened ({reason}): get it from its publisher"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no checkpoint, or a damaged one ({type(error).__name__}): get it again") from error
    for key in ("netG", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise InputError(f"{path} holds no named tensors; a published checkpoint does")
    return {name.removeprefix("module."): value for name, value in content.items()}


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


# ---- Command ----


def main(arguments: list[str] | None = None) -> None:
    """``python -m t2i.published``: write models/gan.pt, and models/damsm.pt if an image encoder is given."""
    parser = argparse.ArgumentParser(prog="python -m t2i.published", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--generator", type=Path, required=True, help="netG_epoch_*.pth, bird_AttnGAN2.pth, ...")
    parser.add_argument("--text-encoder", type=Path, required=True, help="text_encoder*.pth")
    parser.add_argument("--image-encoder", type=Path, help="image_encoder*.pth; R-precision needs it")
    parser.add_argument("--captions", type=Path, required=True, help="captions.pickle: the vocabulary")
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder of gan.pt and damsm.pt (models)")
    given = parser.parse_args(arguments)
    try:
        text = text_encoder(read_state(given.text_encoder), vocabulary(given.captions))
        painter = generator(read_state(given.generator))
        if painter.config["embedding_dim"] != text.config["embedding_dim"]:
            raise InputError(
                f"the generator reads sentences of {painter.config['embedding_dim']} dimensions and the text encoder "
                f"makes {text.config['embedding_dim']}; they were not trained together"
            )
        encoders = Damsm(text, image_encoder(read_state(given.image_encoder))) if given.image_encoder else None
        gan, damsm = given.out / "gan.pt", given.out / "damsm.pt"
        inputs = _digests(given.generator, given.text_encoder, given.captions)
        if encoders is not None:
            described = origin({}, _digests(given.text_encoder, given.image_encoder, given.captions))
            checkpoints.save(damsm, "damsm", {**encoders.content(), "origin": described})
            inputs[damsm] = file_digest(damsm)
        content = {"generator": painter.content(), "text": text.content(), "origin": origin({}, inputs)}
        checkpoints.save(gan, "gan", content)
    except (InputError, ValueError) as error:
        sys.exit(f"published: {error}")
    sizes = painter.config
    sys.stdout.write(
        f"{given.out / 'gan.pt'}: {sizes['model']}, {sizes['image_size']} px, ngf {sizes['ngf']}, "
        f"{sizes['residual_blocks']} residual blocks, {len(text.vocabulary)} words\n"
    )


def _digests(*paths: Path) -> dict[Path, str]:
    """Digests of files by their names."""
    return {Path(path.name): file_digest(path) for path in paths}


if __name__ == "__main__":
    main()
