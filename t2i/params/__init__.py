"""What may stand in params.yaml: sections, types and legal values. `t2i.params_file` reads it."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from t2i.params.budgets import Budget
from t2i.params.datasets import Datasets
from t2i.params.values import Count, Positive, Section, Seed, Weight


class Vocab(Section):
    """Block ``vocab``."""

    splits: Annotated[list[Literal["train", "test"]], Field(min_length=1)]
    min_count: Count


class Loss(Section):
    """Block ``loss``: the numbers of the paper's equations."""

    lambda_: Annotated[Weight, Field(alias="lambda")]
    shared_noise: bool
    temperature: Positive
    damsm_contrastive: Weight
    gamma1: Positive
    gamma2: Positive
    gamma3: Positive


class GeneratorSizes(Section):
    """Block ``models.<name>``."""

    noise_dim: Count
    condition_dim: Count


class Models(Section):
    """Block ``models``, one entry a generator."""

    attngan: GeneratorSizes
    dmgan: GeneratorSizes


class Evaluate(Section):
    """Block ``evaluate``."""

    extractor: Literal["judge", "inception-v3-compat"]
    candidates: Annotated[Count, Field(ge=2)]
    folds: Count
    seed: Seed


class Runtime(Section):
    """Block ``runtime``."""

    precision: Literal["auto", "fp32", "bf16"]
    processes: Count
    training_processes: Count
    compile: bool
    gradient_checkpointing: bool
    checkpoint_seconds: Weight

    @model_validator(mode="after")
    def _compiled_or_recomputed(self) -> "Runtime":
        if self.compile and self.gradient_checkpointing:
            raise ValueError("compile and gradient_checkpointing cannot both be true")
        return self


class Params(Section):
    """The whole of params.yaml."""

    data: str
    model: str
    budget: str
    seed: Seed
    datasets: Datasets
    vocab: Vocab
    loss: Loss
    models: Models
    budgets: dict[str, Budget]
    evaluate: Evaluate
    runtime: Runtime

    @model_validator(mode="after")
    def _selectors_name_blocks(self) -> "Params":
        for selector, names in (
            ("data", list(Datasets.model_fields)),
            ("model", list(Models.model_fields)),
            ("budget", list(self.budgets)),
        ):
            if getattr(self, selector) not in names:
                raise ValueError(f"{selector} = {getattr(self, selector)!r}: legal are {', '.join(names)}")
        return self

    @model_validator(mode="after")
    def _bits_fit_into_noise(self) -> "Params":
        bits = self.budgets[self.budget].train_gan.noise_bits
        noise_dim = getattr(self.models, self.model).noise_dim
        if bits > noise_dim:
            raise ValueError(
                f"budgets.{self.budget}.train_gan.noise_bits = {bits}: legal are 0 to noise_dim of {self.model}, "
                f"{noise_dim}"
            )
        return self
