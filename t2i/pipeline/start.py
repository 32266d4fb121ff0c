"""Model files that trainings go on from, as ``start_from`` of params.yaml names them: found, read, and compared."""

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import file_digest, weights_digest
from t2i.data.text.tokenizer import Tokens
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.params import Params
from t2i.pipeline.arguments import damsm_arguments
from t2i.pipeline.run import DAMSM, DISCRIMINATORS, GAN, SNAPSHOTS

log = logging.getLogger(__name__)

_TEXT = Path("start_from.damsm/text")
"""Among the inputs of encoders that started from others: the digest of the weights of that text encoder."""

_SHOWN = 10  # new words in the log


@dataclass(frozen=True)
class Start:
    """What a training goes on from.

    Attributes:
        contents: of the model files, by kind.
        inputs: their digests, for the provenance of the training.
    """

    contents: dict[str, dict[str, Any]]
    inputs: dict[Path, str]


@dataclass(frozen=True)
class _Value:
    """A size or choice that a model file was made with, and what is configured, under its key in params.yaml."""

    key: str
    of_file: Any
    configured: Any


def damsm_start(params: Params, tokens: Tokens) -> Start | None:
    """The encoders that ``start_from.damsm`` names; None if it names none.

    Args:
        params: whose sizes they must have.
        tokens: rule by which the captions are split into words.

    Raises:
        InputError: the file is missing, of another kind, or does not fit.
    """
    given = params.start_from.damsm
    if given is None:
        return None
    path, content = _load("damsm", given)
    arguments = damsm_arguments(params)
    budget, recipe = f"budgets.{params.budget}.pretrain_damsm", f"recipes.{params.recipe}.pretrain_damsm"
    with model_file.building(path):
        text = {"sentence_pooling": "last", **content["text"]["config"]}
        image, configured = content["image"]["config"], arguments["image_encoder"]
        known = Vocabulary.from_checkpoint(content["text"]["vocabulary"])
        values = [
            _Value(f"{budget}.embedding_dim", text["embedding_dim"], arguments["embedding_dim"]),
            _Value(f"{budget}.text_encoder.word_dim", text["word_dim"], arguments["text_encoder"]["word_dim"]),
            _Value(
                f"{recipe}.text_encoder.sentence_pooling", text["sentence_pooling"],
                arguments["text_encoder"]["sentence_pooling"],
            ),
            _Value(f"{budget}.image_encoder.kind", image["kind"], configured["kind"]),
            *(
                _Value(f"{budget}.image_encoder.{size}", image.get(size), configured.get(size))
                for size in ("width", "side")
            ),
            _Value(f"datasets.{params.data}.tokens", known.tokens, tokens),
        ]  # fmt: skip
        if image["kind"] == "inception_v3":
            values.append(
                _Value(f"models.{params.model}.align_corners", image.get("align_corners", False), params.align_corners)
            )
        digests = {Path("start_from.damsm"): file_digest(path), _TEXT: weights_digest(content["text"]["state"])}
    _compare("damsm", given, values)
    return Start({"damsm": content}, digests)


def vocabulary_of(start: Start, captions: Vocabulary, *, trained: bool) -> Vocabulary:
    """The words of the encoders to start from, and after them those that only the captions have.

    Args:
        captions: the words of the captions.
        trained: whether the encoders are; else nothing is learned of new words, and they stay unknown.
    """
    known = Vocabulary.from_checkpoint(start.contents["damsm"]["text"]["vocabulary"])
    if new := known.unknown(captions.words):
        count = "1 new word" if len(new) == 1 else f"{len(new):,} new words"
        names = ", ".join(new[:_SHOWN]) + (", ..." if len(new) > _SHOWN else "")
        unknown = "" if trained else "; without training they stay unknown"
        log.info("start_from.damsm: %s words and %s: %s%s", f"{len(known):,}", count, names, unknown)
    return known.extended(new) if trained else known


def gan_start(params: Params, *, embedding_dim: int, image_size: int) -> Start | None:
    """The generator that ``start_from.gan`` names, with the discriminators beside it; None if it names none.

    Args:
        params: whose sizes they must have.
        embedding_dim: of the encoders.
        image_size: of the training images.

    Raises:
        InputError: a file is missing, of another kind, or does not fit.
    """
    given = params.start_from.gan
    if given is None:
        return None
    path, content = _load("gan", given)
    with model_file.building(path):
        config = {"mapping_layers": 0, "binary_noise_dims": 0, "image_scales": "all", **content["generator"]["config"]}
        wanted = {**params.generator, "model": params.model, "embedding_dim": embedding_dim, "image_size": image_size}
        keys = _generator_keys(params, config["model"])
        _compare("gan", given, [_Value(keys[name], config[name], wanted[name]) for name in keys])
    start = Start({"gan": content}, {Path("start_from.gan"): file_digest(path)})
    beside = path.with_name(DISCRIMINATORS.name)
    if not beside.is_file():
        log.info("start_from.gan: no %s beside it; discriminators start with initial weights", beside.name)
        return start
    found = _read("gan", beside, "discriminators")
    with model_file.building(beside):
        heads = {name.split(".")[1] for name in content["generator"]["state"] if name.startswith("heads.")}
        made = [config["image_size"] >> halvings for halvings in reversed(range(len(heads)))]
        if (sizes := sorted(map(int, found["scales"]))) != made:
            raise InputError(
                f"start_from.gan: {beside} is for images of {_listed(sizes)} pixels, and {path.name} makes "
                f"{_listed(made)}: move it elsewhere, and discriminators start anew"
            )
        values = _discriminator_values(params, found, config["embedding_dim"])
        _compare("gan", str(beside), values, " (or move it elsewhere: discriminators then start anew)")
    records = [model.get("provenance", {}) for model in (content, found)]
    if records[0] != records[1] and any(record.get("settings") for record in records):  # those of imports differ
        log.warning("start_from.gan: %s is not of the training that %s is of", beside, path.name)
    inputs = start.inputs | {Path("start_from.gan/discriminators"): file_digest(beside)}
    return Start(start.contents | {"discriminators": found}, inputs)


def warn_of_other_text(start: Start, text: dict[str, Any], record: dict[str, Any]) -> None:
    """Warn if a generator was trained with another text encoder than the one that is here, and what that started from.

    Args:
        start: of :func:`gan_start`.
        text: state of the text encoder that is here.
        record: provenance of its model file.
    """
    origin = record.get("inputs", {}).get(_TEXT.as_posix())
    if weights_digest(start.contents["gan"]["text"]["state"]) not in (weights_digest(text), origin):
        log.warning(
            "start_from.gan: its generator reads sentences of another text encoder than that of %s; start_from.damsm "
            "takes the damsm.pt of its training", DAMSM,
        )  # fmt: skip


def _generator_keys(params: Params, model: str) -> dict[str, str]:
    budget, recipe = f"budgets.{params.budget}", f"recipes.{params.recipe}.train_gan.generator"
    places = {
        f"models.{model}": ("noise_dim", "condition_dim"),
        f"{budget}.train_gan.generator": ("base_size", "ngf", "residual_blocks"),
        recipe: ("norm_act", "mapping_layers", "binary_noise_dims", "image_scales"),
        f"{budget}.pretrain_damsm": ("embedding_dim",),
        f"{budget}.preprocess": ("image_size",),
    }
    return {"model": "model"} | {name: f"{block}.{name}" for block, names in places.items() for name in names}


def _discriminator_values(params: Params, content: dict[str, Any], embedding_dim: int) -> list[_Value]:
    wanted = params.stage("train_gan")["discriminator"]
    budget, recipe = f"budgets.{params.budget}", f"recipes.{params.recipe}.train_gan.discriminator"
    configs = [scale["config"] for scale in content["scales"].values()]
    return [
        _Value(f"{budget}.train_gan.discriminator.ndf", configs[0]["ndf"], wanted["ndf"]),
        _Value(f"{recipe}.backbone", configs[0].get("backbone"), wanted["backbone"]),
        _Value(f"{recipe}.norm", configs[0]["norm"], wanted["norm"]),
        _Value(f"{recipe}.projection_dim", configs[0]["projection_dim"], wanted["projection_dim"]),
        _Value(f"{recipe}.minibatch_std", configs[0].get("minibatch_std", 0), wanted["minibatch_std"]),
        _Value(f"{budget}.pretrain_damsm.embedding_dim", configs[0]["embedding_dim"], embedding_dim),
    ]


def _listed(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes))


def _compare(name: str, given: str, values: list[_Value], otherwise: str = "") -> None:
    """Refuse a file that was made with other values than those configured.

    Args:
        otherwise: another way out.

    Raises:
        InputError: names them, and the arguments of ``dvc exp run`` that fit.
    """
    others = [value for value in values if value.of_file != value.configured]
    if others:
        differences = [f"{v.key.split('.')[-1]} {_yaml(v.of_file)} (not {_yaml(v.configured)})" for v in others]
        changes = [f"-S {v.key}={_yaml(v.of_file)}" for v in others]
        what, remedy = ", ".join(differences), " ".join(changes)
        raise InputError(f"start_from.{name}: {given} has {what}; use {remedy}{otherwise}")


def _yaml(value: Any) -> str:
    """As `dvc exp run -S` takes it."""
    return value if isinstance(value, str) else json.dumps(value)


def _load(name: str, given: str) -> tuple[Path, dict[str, Any]]:
    """Path and content of the model file that ``start_from.<name>`` gives."""
    # queued runs work in a copy of the repository without such files: DVC_ROOT is the one that the user sees
    root = Path(os.environ.get("DVC_ROOT", "."))
    path = root / Path(given).expanduser()
    place = Path(os.path.abspath(path))
    outputs = [Path(os.path.abspath(root / output)) for output in (DAMSM, GAN, DISCRIMINATORS, SNAPSHOTS)]
    if any(place.is_relative_to(output) for output in outputs):
        raise InputError(
            f"start_from.{name}: {given} is what the run itself makes, and DVC removes it first: copy it to another "
            "folder (for `t2i import`: --out) and give its path there"
        )
    if not path.exists():
        raise InputError(
            f"start_from.{name}: there is no {place}; legal are an absolute path and one from the root of the "
            "repository"
        )
    return path, _read(name, path, name)


def _read(name: str, path: Path, kind: str) -> dict[str, Any]:
    try:
        return model_file.load(path, kind)
    except InputError as error:
        raise InputError(f"start_from.{name}: {error}") from error
