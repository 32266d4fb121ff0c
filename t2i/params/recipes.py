"""Legal contents of a block of ``recipes``: losses, layers and optimizers of each training."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from t2i.params.values import Count, Decay, Fraction, Natural, Positive, Section, Weight


def _power_of_two(side: int) -> int:
    if side < 128 or side & (side - 1):
        raise ValueError("legal are powers of two from 128")
    return side


class Preprocess(Section):
    """Block ``recipes.<name>.preprocess``."""

    filter: Literal["bicubic", "bilinear"]
    sides: Literal["rounded", "truncated"]


class TextEncoder(Section):
    """Block ``pretrain_damsm.text_encoder``."""

    dropout: Decay
    word_init_range: Positive
    forget_bias: Weight
    sentence_pooling: Literal["last", "max"]


class DamsmLosses(Section):
    """Block ``pretrain_damsm.losses``."""

    negatives: Literal["view", "batch"]


class DamsmOptimizer(Section):
    """Block ``pretrain_damsm.optimizer``."""

    lr: Positive
    lr_decay: Annotated[Fraction, Field(gt=0)] | None
    lr_min_ratio: Fraction
    gradient_clip: Positive
    reset: Literal["epoch", "never"]


class PretrainDamsm(Section):
    """Block ``recipes.<name>.pretrain_damsm``."""

    captions_per_image: Count
    text_encoder: TextEncoder
    losses: DamsmLosses
    optimizer: DamsmOptimizer


class Generator(Section):
    """Block ``train_gan.generator``."""

    norm_act: Literal["glu_batchnorm", "leaky_batchnorm", "leaky_groupnorm"]
    mapping_layers: Natural
    binary_noise_dims: Natural
    image_scales: Literal["all", "last"]


class Backbone(Section):
    """Block ``train_gan.discriminator.backbone``."""

    name: Annotated[str, Field(min_length=1)]
    side: Annotated[int, AfterValidator(_power_of_two)]


class Discriminator(Section):
    """Block ``train_gan.discriminator``."""

    backbone: Backbone | None
    augment: list[Literal["brightness", "contrast", "translation"]]
    norm: Literal["batch", "spectral", "none"]
    projection_dim: Natural
    minibatch_std: Natural
    negative_captions: Literal["next", "hardest"]


class GanLosses(Section):
    """Block ``train_gan.losses``: the adversarial loss and the weights of all others."""

    adversarial: Literal["bce", "hinge"]
    damsm: Weight
    kl: Weight
    mode_seeking: Weight
    matching: Weight
    r1: Weight
    r1_every: Count
    memory_bank: Natural


class GanOptimizer(Section):
    """Block ``train_gan.optimizer``."""

    lr_generator: Positive
    lr_discriminator: Positive
    beta1: Decay
    beta2: Decay
    lr_decay_start: Fraction
    ema_decay: Decay


class TrainGan(Section):
    """Block ``recipes.<name>.train_gan``."""

    captions_per_image: Literal[1, 2]
    init: Literal["orthogonal", "default"]
    generator: Generator
    discriminator: Discriminator
    losses: GanLosses
    optimizer: GanOptimizer

    @model_validator(mode="after")
    def _projection_is_there(self) -> "TrainGan":
        needs_it = self.discriminator.negative_captions == "hardest" or self.losses.matching
        if needs_it and not self.discriminator.projection_dim:
            raise ValueError("negative_captions 'hardest' and losses.matching need projection_dim to be 1 or more")
        if self.discriminator.backbone is not None and not self.discriminator.projection_dim:
            raise ValueError("a discriminator with a backbone needs projection_dim to be 1 or more")
        if self.discriminator.minibatch_std and self.discriminator.backbone is None:
            raise ValueError("discriminator.minibatch_std needs a discriminator.backbone, or to be 0")
        return self


class Recipe(Section):
    """Block ``recipes.<name>``: how images are resized, and one entry a training."""

    preprocess: Preprocess
    pretrain_damsm: PretrainDamsm
    train_gan: TrainGan
