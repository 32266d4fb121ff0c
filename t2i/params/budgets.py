"""What may stand in a block of ``budgets``: how much work each stage does, and by which recipe."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from t2i.params.values import Count, Decay, Fraction, Natural, Positive, Section, Seed, Weight


class Preprocess(Section):
    """Block ``budgets.<name>.preprocess``."""

    image_size: Literal[32, 64, 128, 256]
    limit: Count | None


class Training(Section):
    """How long a training goes on: steps or epochs."""

    steps: Count | None = None
    epochs: Count | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("legal is one of steps and epochs")
        return self


class PretrainDamsm(Training):
    """Block ``budgets.<name>.pretrain_damsm``."""

    batch_size: Annotated[Count, Field(ge=2)]
    captions: Annotated[Count, Field(ge=2)]
    candidates: Literal["view", "batch"]
    lr: Positive
    lr_decay: Annotated[Fraction, Field(gt=0)] | None
    lr_floor: Fraction
    gradient_clip: Positive
    image_encoder: Literal["small", "inception_v3"]
    embedding_dim: Annotated[Count, Field(multiple_of=2)]
    word_dim: Count
    dropout: Decay
    word_range: Positive
    forget_bias: Weight
    sentence: Literal["last", "max"]
    width: Count


class TrainJudge(Section):
    """Block ``budgets.<name>.train_judge``."""

    steps: Count
    batch_size: Annotated[Count, Field(ge=2)]
    lr: Positive
    embedding_dim: Annotated[Count, Field(multiple_of=2)]
    width: Count
    sentence: Literal["last", "max"]
    seed: Seed


class TrainGan(Training):
    """Block ``budgets.<name>.train_gan``."""

    batch_size: Annotated[Count, Field(ge=2)]
    captions: Literal[1, 2]
    base_size: Literal[8, 16, 32, 64]
    ngf: Annotated[Count, Field(multiple_of=8)]
    ndf: Annotated[Count, Field(multiple_of=8)]
    residual_blocks: Count
    layers: Literal["glu_batchnorm", "leaky_groupnorm"]
    mapping_layers: Natural
    noise_bits: Natural
    discriminator_norm: Literal["batch", "spectral", "none"]
    projection: Natural
    initial_weights: Literal["orthogonal", "own"]
    adversarial: Literal["bce", "hinge"]
    mismatched: Literal["next", "hardest"]
    matching_weight: Weight
    remembered: Natural
    lr_generator: Positive
    lr_discriminator: Positive
    beta1: Decay
    beta2: Decay
    decay_from: Fraction
    ema_decay: Decay
    damsm_weight: Weight
    kl_weight: Weight
    diversity_weight: Weight
    gradient_penalty: Weight
    penalty_every: Count
    grow_at: Decay


class Sample(Section):
    """Block ``budgets.<name>.sample``."""

    images: Count
    noises: Count


class Budget(Section):
    """Block ``budgets.<name>``: one entry a stage."""

    preprocess: Preprocess
    pretrain_damsm: PretrainDamsm
    train_judge: TrainJudge
    train_gan: TrainGan
    sample: Sample

    @model_validator(mode="after")
    def _scales_fit(self) -> "Budget":
        if self.train_gan.base_size > self.preprocess.image_size:
            raise ValueError(
                f"train_gan.base_size {self.train_gan.base_size} is larger than preprocess.image_size "
                f"{self.preprocess.image_size}"
            )
        gan = self.train_gan
        if (gan.mismatched == "hardest" or gan.matching_weight) and not gan.projection:
            raise ValueError("train_gan.mismatched 'hardest' and matching_weight need projection to be 1 or more")
        return self
