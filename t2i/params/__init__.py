"""Legal contents of params.yaml: sections, types and values. :mod:`t2i.params.reader` reads it."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from t2i.files import evenly_spaced
from t2i.params.budgets import Budget
from t2i.params.datasets import Dataset, Datasets
from t2i.params.recipes import Recipe
from t2i.params.values import Count, Positive, Section, Seed, Weight, merged

Extractor = Literal[
    "judge", "inception-v3-compat", "inception-v3-torchvision", "dinov2-vit-b-14", "clip-vit-b-32"
]  # fmt: skip


class Vocab(Section):
    """Block ``vocab``."""

    splits: Annotated[list[Literal["train", "test"]], Field(min_length=1)]
    min_count: Count


def _no_former_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("true is all now and false is none; z shares the noise vector alone")
    return value


class Loss(Section):
    """Block ``loss``: the numbers of the paper's equations."""

    lambda_: Annotated[Weight, Field(alias="lambda")]
    shared_noise: Annotated[Literal["none", "z", "all"], BeforeValidator(_no_former_boolean)]
    temperature: Positive
    damsm_lambda: Weight
    gamma1: Positive
    gamma2: Positive
    gamma3: Positive

    def keywords(self, *names: str) -> dict[str, Any]:
        """Some of the numbers as keyword arguments; ``lambda`` is a keyword of Python and becomes ``lambda_``."""
        return {name: getattr(self, name) for name in names}


class Model(Section):
    """Block ``models.<name>``."""

    noise_dim: Count
    condition_dim: Count
    align_corners: bool


class Models(Section):
    """Block ``models``, one entry a generator."""

    attngan: Model
    dmgan: Model


class Recipes(Section):
    """Block ``recipes``."""

    quick: Recipe
    paper: Recipe
    photo: Recipe


class Judge(Section):
    """Block ``judge``."""

    sentence_pooling: Literal["last", "max"]
    lr: Positive
    seed: Seed


def _snapshot(value: object) -> object:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if value in ("last", "best") or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise ValueError("legal are last, best and the step of a snapshot")


class Sample(Section):
    """Block ``sample``."""

    protocol: Literal["published", "paired"]
    snapshot: Annotated[Literal["last", "best"] | int, BeforeValidator(_snapshot)]


def _no_repetition(names: list[Extractor]) -> list[Extractor]:
    if len(set(names)) < len(names):
        raise ValueError("each extractor may be named once")
    return names


class Evaluate(Section):
    """Block ``evaluate``."""

    extractors: Annotated[list[Extractor], Field(min_length=1), AfterValidator(_no_repetition)]
    candidates: Annotated[Count, Field(ge=2)]
    folds: Count
    seed: Seed


class Runtime(Section):
    """Block ``runtime``."""

    precision: Literal["auto", "fp32", "bf16"]
    preprocess_workers: Count
    training_processes: Count
    deterministic: bool
    gradient_checkpointing: bool
    checkpoint_seconds: Weight


class StartFrom(Section):
    """Block ``start_from``: model files, or None for initial weights."""

    damsm: Annotated[str, Field(min_length=1)] | None
    gan: Annotated[str, Field(min_length=1)] | None


class Params(Section):
    """The whole of params.yaml; properties give the blocks that the selectors choose."""

    data: str
    model: str
    recipe: str
    budget: str
    seed: Seed
    start_from: StartFrom
    datasets: Datasets
    vocab: Vocab
    loss: Loss
    models: Models
    recipes: Recipes
    budgets: dict[str, Budget]
    judge: Judge
    sample: Sample
    evaluate: Evaluate
    runtime: Runtime

    @property
    def dataset(self) -> Dataset:
        """The block of ``datasets`` that ``data`` names."""
        chosen: Dataset = getattr(self.datasets, self.data)
        return chosen

    def stage(self, name: str) -> dict[str, Any]:
        """Parameters of a stage: its block of the chosen budget and, for a training, that of the chosen recipe."""
        budget, recipe = self.budgets[self.budget], getattr(self.recipes, self.recipe)
        return merged(getattr(budget, name), getattr(recipe, name, None))

    @property
    def generator(self) -> dict[str, Any]:
        """Arguments of the chosen generator: its block of ``models`` and those of budget and recipe."""
        model: Model = getattr(self.models, self.model)
        sizes = {"noise_dim": model.noise_dim, "condition_dim": model.condition_dim}
        return {**sizes, **self.stage("train_gan")["generator"]}

    @property
    def align_corners(self) -> bool:
        """How the Inception image encoder of the chosen model resizes its input."""
        model: Model = getattr(self.models, self.model)
        return model.align_corners

    def pictures(self, captions: Sequence[int]) -> dict[str, int]:
        """Number of images in each set that stage ``sample`` generates; the set of the protocol's name is scored.

        Args:
            captions: how many each test image has.
        """
        sizes = self.budgets[self.budget].sample

        def pairs(images: int) -> int:
            return sum(min(2, captions[image]) for image in evenly_spaced(len(captions), images))

        if self.sample.protocol == "paired":
            return {"paired": sizes.noises * pairs(sizes.images)}
        return {"published": sizes.pictures, "paired": pairs(sizes.pairs)}

    def requirements(self, captions: Sequence[int]) -> dict[str, Any]:
        """Arguments of :func:`t2i.check.requirements.run_problems`: what a run asks of its data.

        Args:
            captions: how many each test image has.
        """
        budget = self.budgets[self.budget]
        stages = ("pretrain_damsm", "train_judge", "train_gan")
        sizes = {f"budgets.{self.budget}.{stage}.batch_size": getattr(budget, stage).batch_size for stage in stages}
        scores = {"candidates": self.evaluate.candidates, "folds": self.evaluate.folds}
        return {"batch_sizes": sizes, **scores, "pictures": self.pictures(captions)[self.sample.protocol]}

    @model_validator(mode="after")
    def _selectors_name_blocks(self) -> "Params":
        for selector, names in (
            ("data", list(Datasets.model_fields)),
            ("model", list(Models.model_fields)),
            ("recipe", list(Recipes.model_fields)),
            ("budget", list(self.budgets)),
        ):
            if getattr(self, selector) not in names:
                raise ValueError(f"{selector} = {getattr(self, selector)!r}: legal are {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _encoders_are_trained(self) -> "Params":
        training = self.budgets[self.budget].pretrain_damsm
        if 0 in (training.steps, training.epochs) and self.start_from.damsm is None:
            raise ValueError(
                f"budgets.{self.budget}.pretrain_damsm has no steps: only encoders that start_from.damsm names can do "
                "without"
            )
        return self

    @model_validator(mode="after")
    def _there_are_images_before_growth(self) -> "Params":
        training = self.stage("train_gan")
        if training["generator"]["image_scales"] == "last" and training["grow_at"]:
            raise ValueError(
                f"budgets.{self.budget}.train_gan.grow_at = {training['grow_at']}: must be 0 with "
                f"recipes.{self.recipe}.train_gan.generator.image_scales = 'last', which has no image before"
            )
        return self

    @model_validator(mode="after")
    def _groups_fill_batches(self) -> "Params":
        training = self.stage("train_gan")
        group, batch_size = training["discriminator"]["minibatch_std"], training["batch_size"]
        if group and batch_size % group:
            raise ValueError(
                f"budgets.{self.budget}.train_gan.batch_size = {batch_size}: must be a multiple of "
                f"recipes.{self.recipe}.train_gan.discriminator.minibatch_std, {group}"
            )
        return self

    @model_validator(mode="after")
    def _binary_noise_fits(self) -> "Params":
        binary, noise_dim = self.generator["binary_noise_dims"], self.generator["noise_dim"]
        if binary > noise_dim:
            raise ValueError(
                f"recipes.{self.recipe}.train_gan.generator.binary_noise_dims = {binary}: legal are 0 to noise_dim of "
                f"{self.model}, {noise_dim}"
            )
        return self
