"""Legal contents of params.yaml: sections, types and values. :mod:`t2i.params.reader` reads it."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from t2i.params.budgets import Budget
from t2i.params.datasets import Dataset, Datasets
from t2i.params.recipes import Recipe
from t2i.params.values import Count, Positive, Section, Seed, Weight, merged


class Vocab(Section):
    """Block ``vocab``."""

    splits: Annotated[list[Literal["train", "test"]], Field(min_length=1)]
    min_count: Count


class Loss(Section):
    """Block ``loss``: the numbers of the paper's equations."""

    lambda_: Annotated[Weight, Field(alias="lambda")]
    shared_noise: bool
    temperature: Positive
    damsm_lambda: Weight
    gamma1: Positive
    gamma2: Positive
    gamma3: Positive

    def keywords(self, *names: str) -> dict[str, Any]:
        """Some of the numbers as keyword arguments; ``lambda`` is a keyword of Python and becomes ``lambda_``."""
        return {name: getattr(self, name) for name in names}


class GeneratorSizes(Section):
    """Block ``models.<name>``."""

    noise_dim: Count
    condition_dim: Count


class Models(Section):
    """Block ``models``, one entry a generator."""

    attngan: GeneratorSizes
    dmgan: GeneratorSizes


class Recipes(Section):
    """Block ``recipes``."""

    quick: Recipe
    paper: Recipe


class Judge(Section):
    """Block ``judge``."""

    sentence_pooling: Literal["last", "max"]
    lr: Positive
    seed: Seed


class Evaluate(Section):
    """Block ``evaluate``."""

    extractor: Literal["judge", "inception-v3-compat"]
    candidates: Annotated[Count, Field(ge=2)]
    folds: Count
    seed: Seed


class Runtime(Section):
    """Block ``runtime``."""

    precision: Literal["auto", "fp32", "bf16"]
    preprocess_workers: Count
    training_processes: Count
    compile: bool
    gradient_checkpointing: bool
    checkpoint_seconds: Weight

    @model_validator(mode="after")
    def _compiled_or_checkpointed(self) -> "Runtime":
        if self.compile and self.gradient_checkpointing:
            raise ValueError("compile and gradient_checkpointing cannot both be true")
        return self


class Params(Section):
    """The whole of params.yaml; properties give the blocks that the selectors choose."""

    data: str
    model: str
    recipe: str
    budget: str
    seed: Seed
    datasets: Datasets
    vocab: Vocab
    loss: Loss
    models: Models
    recipes: Recipes
    budgets: dict[str, Budget]
    judge: Judge
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
        return {**dict(getattr(self.models, self.model)), **self.stage("train_gan")["generator"]}

    @property
    def requirements(self) -> dict[str, Any]:
        """Arguments of :func:`t2i.check.requirements.run_problems`: what a run asks of its data."""
        budget = self.budgets[self.budget]
        stages = ("pretrain_damsm", "train_judge", "train_gan")
        sizes = {f"budgets.{self.budget}.{stage}.batch_size": getattr(budget, stage).batch_size for stage in stages}
        scores = {"candidates": self.evaluate.candidates, "folds": self.evaluate.folds}
        return {"batch_sizes": sizes, **scores, **dict(budget.sample)}

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
    def _binary_noise_fits(self) -> "Params":
        binary, noise_dim = self.generator["binary_noise_dims"], self.generator["noise_dim"]
        if binary > noise_dim:
            raise ValueError(
                f"recipes.{self.recipe}.train_gan.generator.binary_noise_dims = {binary}: legal are 0 to noise_dim of "
                f"{self.model}, {noise_dim}"
            )
        return self
