"""Checkpoints and vocabularies of the published AttnGAN and DM-GAN models -> model files of this repository."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from torch import nn

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import file_digest, provenance, weights_digest
from t2i.errors import InputError
from t2i.files import short_names
from t2i.models.discriminator import Discriminator
from t2i.models.encoders.damsm import Damsm
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generator, image_sizes
from t2i.pipeline.run import DAMSM
from t2i.published import networks
from t2i.published.files import State, read_state, vocabulary

Model = Literal["attngan", "dmgan"]
Network = TypeVar("Network", bound=nn.Module)
_NORMS: dict[str, Model] = {"batch": "attngan", "spectral": "dmgan"}  # of the published discriminators


class _ModelFile(NamedTuple):
    """A model file to write: a description, the content, and digests of the files it is made of."""

    line: str
    content: dict[str, Any]
    inputs: dict[Path, str]


@dataclass(frozen=True)
class PublishedFiles:
    """The files to import; one that is not given is None.

    Attributes:
        generator: netG_epoch_*.pth, bird_AttnGAN2.pth, bird_DMGAN.pth or the like.
        text_encoder: text_encoder*.pth.
        image_encoder: image_encoder*.pth.
        captions: captions.pickle, for the vocabulary of the text encoder.
        discriminators: netD0.pth, netD1.pth, netD2.pth, in any order.
    """

    generator: Path | None = None
    text_encoder: Path | None = None
    image_encoder: Path | None = None
    captions: Path | None = None
    discriminators: Sequence[Path] = ()


def import_checkpoints(files: PublishedFiles, out: Path, model: Model | None = None) -> str:
    """Write gan.pt, damsm.pt and discriminators.pt, each if the files for it are given.

    Args:
        files: the published files.
        out: folder of the model files.
        model: whose image encoder it is, where neither generator nor discriminators tell: DM-GAN's resizes its input
            in another way, which its file does not say.

    Returns:
        A line that describes what was written.

    Raises:
        InputError: a file is missing, damaged or of another model, or files do not belong together; nothing is written.
    """
    if (problem := _missing_part(files)) is not None:
        raise InputError(problem)
    text = generator = None
    if files.text_encoder is not None and files.captions is not None:
        words = vocabulary(files.captions)
        text = _read(files.text_encoder, lambda state: networks.text_encoder(state, words))
    if files.generator is not None:
        generator = _read(files.generator, networks.generator)
    discriminators = [_read(path, networks.discriminator) for path in files.discriminators]
    _check_sizes(files.discriminators, discriminators, generator)
    _check_embedding(text, generator, discriminators)
    kind = _kind(generator, discriminators, model)
    results: dict[str, _ModelFile] = {}
    if generator is not None and text is not None:
        content = {"generator": generator.to_checkpoint(), "text": text.to_checkpoint()}
        inputs = _digests(files.generator, files.text_encoder, files.captions)
        results["gan"] = _ModelFile(_generator_line(generator), content, inputs)
    if discriminators:
        content = {"scales": {str(d.config["size"]): d.to_checkpoint() for d in discriminators}}
        results["discriminators"] = _ModelFile(_line(discriminators), content, _digests(*files.discriminators))
    if files.image_encoder is not None and text is not None:
        damsm = _encoders(files, text, kind)
        line = f"encoders of {damsm.embedding_dim} dimensions, the image encoder as in {kind}"
        inputs = _digests(files.text_encoder, files.image_encoder, files.captions)
        results["damsm"] = _ModelFile(line, damsm.to_checkpoint(), inputs)
    if text is not None:
        _check_encoders(out, results, text, files.text_encoder)
    return _write(results, out, text)


def _missing_part(files: PublishedFiles) -> str | None:
    """What is missing for the model files that the given ones are parts of, and the way out; None if nothing is."""
    if files.text_encoder is not None:
        if files.captions is None:
            return "--captions is missing: the captions.pickle that the text encoder was trained with numbers its words"
        if files.generator is None and files.image_encoder is None:
            return "a text encoder alone is no model: add --image-encoder for damsm.pt, or --generator for gan.pt"
    elif files.generator is not None:
        return "gan.pt holds the text encoder beside the generator: add --text-encoder and --captions"
    elif files.image_encoder is not None:
        return "damsm.pt holds the text encoder beside the image encoder: add --text-encoder and --captions"
    elif files.captions is not None:
        return "--captions is the vocabulary of a text encoder: add --text-encoder, or leave it out"
    elif not files.discriminators:
        return (
            "nothing to import: --text-encoder and --captions with --generator give gan.pt, with --image-encoder "
            "damsm.pt; each --discriminator goes into discriminators.pt"
        )
    return None


def _read(path: Path, network: Callable[[State], Network]) -> Network:
    """The network whose weights a file has.

    Raises:
        InputError: the file is missing or damaged, or has the weights of another network.
    """
    state = read_state(path)
    try:
        return network(state)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _check_sizes(paths: Sequence[Path], discriminators: list[Discriminator], generator: Generator | None) -> None:
    """Sort discriminators by size, and check that they are one for each scale and of one kind.

    Raises:
        InputError: they are not.
    """
    by_size: dict[int, Path] = {}
    for path, found in zip(paths, discriminators, strict=True):
        size = found.config["size"]
        if size in by_size:
            raise InputError(f"{by_size[size]} and {path} are both discriminators of {size} pixels: give one a size")
        by_size[size] = path
        for name in ("norm", "ndf", "embedding_dim"):
            one, other = discriminators[0].config[name], found.config[name]
            if one != other:
                raise InputError(f"{paths[0]} has {name} {one} and {path} has {other}: they were not trained together")
    discriminators.sort(key=lambda found: found.config["size"])
    if not by_size:
        return
    needed = image_sizes(networks.BASE_SIZE, max(by_size)) if generator is None else generator.image_sizes
    if sorted(by_size) != needed:
        whose = "the generator makes" if generator is not None else "trainings have discriminators of"
        raise InputError(
            f"the discriminators are of {_listed(sorted(by_size))} pixels, and {whose} {_listed(needed)}: "
            "give one --discriminator for each (netD0.pth, netD1.pth, ...)"
        )


def _check_embedding(
    text: TextEncoder | None, generator: Generator | None, discriminators: list[Discriminator]
) -> None:
    dims = {"the text encoder gives": text and text.config["embedding_dim"]}
    dims["the generator takes"] = generator and generator.config["embedding_dim"]
    dims["the discriminators take"] = discriminators[0].config["embedding_dim"] if discriminators else None
    known = {what: dim for what, dim in dims.items() if dim is not None}
    for what, dim in known.items():
        first, of_first = next(iter(known.items()))
        if dim != of_first:
            raise InputError(
                f"{first} sentences of {of_first} dimensions and {what} {dim}; they were not trained together"
            )


def _kind(generator: Generator | None, discriminators: list[Discriminator], model: Model | None) -> Model | None:
    """Whose code the files come from, as far as they tell.

    Raises:
        InputError: they contradict each other, or ``model``.
    """
    says: dict[str, Model] = {}
    if generator is not None and generator.refinements:  # both models have the same first stage
        says["the generator"] = generator.config["model"]
    if discriminators:
        norm = discriminators[0].config["norm"]
        says[f"the discriminators, which have {norm} norm,"] = _NORMS[norm]
    for what, kind in says.items():
        if model not in (None, kind):
            raise InputError(f"--model is {model}, and {what} is of {kind}: leave --model out")
    if len(set(says.values())) > 1:
        (one, kind), (other, other_kind) = says.items()
        raise InputError(f"{one} is of {kind} and {other} of {other_kind}; they were not trained together")
    return next(iter(says.values()), model)


def _encoders(files: PublishedFiles, text: TextEncoder, kind: Model | None) -> Damsm:
    if kind is None:
        raise InputError(
            f"{files.image_encoder} does not tell whose it is, and DM-GAN's resizes images in another way than "
            "AttnGAN's: add --model attngan or --model dmgan"
        )
    assert files.image_encoder is not None
    image = _read(files.image_encoder, partial(networks.image_encoder, align_corners=kind == "dmgan"))
    try:
        return Damsm(text, image)
    except ValueError as error:  # they have different sizes
        raise InputError(f"{files.image_encoder} does not fit {files.text_encoder}: {error}") from error


def _check_encoders(out: Path, results: Mapping[str, _ModelFile], text: TextEncoder, given: Path | None) -> None:
    """Check that model files of an earlier import or training, which stay, have the same text encoder.

    Scores by the encoders of damsm.pt are to be of those that the generator of gan.pt was trained with.

    Raises:
        InputError: one has another.
    """
    for kind in {"gan", "damsm"} - results.keys():
        path = out / f"{kind}.pt"
        if path.exists() and weights_digest(model_file.load(path, kind)["text"]["state"]) != weights_digest(
            text.to_checkpoint()["state"]
        ):
            part = {"gan": "--generator", "damsm": "--image-encoder"}[kind]
            raise InputError(f"{path} has another text encoder than {given}: add {part}, or choose another --out")


def _write(results: dict[str, _ModelFile], out: Path, text: TextEncoder | None) -> str:
    """Write model files by their kind, gan.pt last: encoders beside it are among its inputs."""
    for kind, result in reversed(results.items()):
        path = out / f"{kind}.pt"
        model_file.save(path, kind, {**result.content, "provenance": provenance({}, result.inputs)})
        if kind == "damsm" and "gan" in results:
            results["gan"].inputs[DAMSM] = file_digest(path)  # by the name that `evaluate` looks for, whatever --out
    words = "" if text is None else f", {len(text.vocabulary):,} words"
    return "; ".join(
        f"{out / f'{kind}.pt'}: {result.line}{words if kind != 'discriminators' else ''}"
        for kind, result in results.items()
    )


def _generator_line(generator: Generator) -> str:
    config = generator.config
    sizes = f"{config['image_size']} px, ngf {config['ngf']}, {config['residual_blocks']} residual blocks"
    return f"{config['model']}, {sizes}"


def _line(discriminators: list[Discriminator]) -> str:
    config, sizes = discriminators[0].config, [found.config["size"] for found in discriminators]
    return f"{_listed(sizes)} px, ndf {config['ndf']}, {config['norm']} norm"


def _listed(sizes: Sequence[int]) -> str:
    return ", ".join(map(str, sizes))


def _digests(*paths: Path | None) -> dict[Path, str]:
    """Digests of files by their names, which tell them apart."""
    given = [path for path in paths if path is not None]
    return {Path(name): file_digest(path) for name, path in zip(short_names(given), given, strict=True)}
