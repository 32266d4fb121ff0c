"""The generator and the discriminators that a GAN training goes on from."""

import logging
from pathlib import Path
from typing import Any

from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import file_digest, weights_digest
from t2i.errors import InputError
from t2i.models.generators.generator import image_sizes
from t2i.params import Params
from t2i.pipeline.run import DAMSM, DISCRIMINATORS
from t2i.pipeline.start import TEXT, Start, Value, compare, load, read

log = logging.getLogger(__name__)


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
    path, content = load("gan", given)
    with model_file.building(path):
        config = {"mapping_layers": 0, "binary_noise_dims": 0, "image_scales": "all", **content["generator"]["config"]}
        wanted = {**params.generator, "model": params.model, "embedding_dim": embedding_dim, "image_size": image_size}
        keys = _generator_keys(params, config["model"])
        compare("gan", given, [Value(keys[name], config[name], wanted[name]) for name in keys])
    start = Start({"gan": content}, {Path("start_from.gan"): file_digest(path)})
    beside = path.with_name(DISCRIMINATORS.name)
    if not beside.is_file():
        log.info("start_from.gan: no %s beside it; discriminators start with initial weights", beside.name)
        return start
    found = read("gan", beside, "discriminators")
    with model_file.building(beside):
        made = image_sizes(*(config[name] for name in ("base_size", "image_size", "image_scales")))
        if (sizes := sorted(map(int, found["scales"]))) != made:
            raise InputError(
                f"start_from.gan: {beside} is for images of {_listed(sizes)} pixels, and {path.name} makes "
                f"{_listed(made)}: move it elsewhere, and discriminators start anew"
            )
        values = _discriminator_values(params, found, config["embedding_dim"])
        compare("gan", str(beside), values, " (or move it elsewhere: discriminators then start anew)")
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
    origin = record.get("inputs", {}).get(TEXT.as_posix())
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


def _discriminator_values(params: Params, content: dict[str, Any], embedding_dim: int) -> list[Value]:
    wanted = params.stage("train_gan")["discriminator"]
    budget, recipe = f"budgets.{params.budget}", f"recipes.{params.recipe}.train_gan.discriminator"
    configs = [scale["config"] for scale in content["scales"].values()]
    return [
        Value(f"{budget}.train_gan.discriminator.ndf", configs[0]["ndf"], wanted["ndf"]),
        Value(f"{recipe}.backbone", configs[0].get("backbone"), wanted["backbone"]),
        Value(f"{recipe}.norm", configs[0]["norm"], wanted["norm"]),
        Value(f"{recipe}.projection_dim", configs[0]["projection_dim"], wanted["projection_dim"]),
        Value(f"{recipe}.minibatch_std", configs[0].get("minibatch_std", 0), wanted["minibatch_std"]),
        Value(f"{budget}.pretrain_damsm.embedding_dim", configs[0]["embedding_dim"], embedding_dim),
    ]


def _listed(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes))
