"""Legal contents of a block of ``budgets``: sizes and lengths, how much work each stage does."""

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from t2i.params.values import Count, Decay, Natural, Section


class Preprocess(Section):
    """Block ``budgets.<name>.preprocess``."""

    image_size: Literal[32, 64, 128, 256]
    damsm_image_size: Annotated[Count, Field(ge=32)] | None
    max_images: Count | None


class Training(Section):
    """Length of a training: steps or epochs."""

    steps: Count | None = None
    epochs: Count | None = None

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("legal is one of steps and epochs")
        return self


class TextEncoder(Section):
    """Block ``pretrain_damsm.text_encoder``."""

    word_dim: Count


class JudgeEncoder(Section):
    """Block ``train_judge.image_encoder``: small, or a backbone by name."""

    BACKBONES: ClassVar[tuple[str, ...]] = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
    OTHERS: ClassVar[tuple[str, ...]] = ("small",)

    kind: str
    width: Count | None = None
    side: Annotated[Count, Field(multiple_of=32)] | None = None

    @field_validator("kind")
    @classmethod
    def _kind_is_known(cls, kind: str) -> str:
        named = cls.OTHERS + cls.BACKBONES
        if kind not in named and not re.fullmatch("timm/.+", kind):
            raise ValueError(f"legal are {', '.join(named)} and timm/<name of a network of timm>")
        return kind

    @model_validator(mode="after")
    def _sizes_belong_to_the_kind(self) -> Self:
        if (self.kind == "small") != (self.width is not None):
            raise ValueError("width belongs to kind small, which needs one, and to no other kind")
        if (self.kind in self.OTHERS) != (self.side is None):
            raise ValueError(
                f"side, the pixels that a network sees, belongs to {', '.join(self.BACKBONES)} and timm/<name>, which "
                "need one, and to no other kind"
            )
        return self


class ImageEncoder(JudgeEncoder):
    """Block ``pretrain_damsm.image_encoder``."""

    OTHERS: ClassVar[tuple[str, ...]] = ("small", "inception_v3")


class PretrainDamsm(Training):
    """Block ``budgets.<name>.pretrain_damsm``; of length 0, encoders to start from pass as they are."""

    steps: Natural | None = None
    epochs: Natural | None = None
    batch_size: Annotated[Count, Field(ge=2)]
    embedding_dim: Annotated[Count, Field(multiple_of=2)]
    text_encoder: TextEncoder
    image_encoder: ImageEncoder


class TrainJudge(Section):
    """Block ``budgets.<name>.train_judge``."""

    steps: Count
    batch_size: Annotated[Count, Field(ge=2)]
    embedding_dim: Annotated[Count, Field(multiple_of=2)]
    image_encoder: JudgeEncoder


class Generator(Section):
    """Block ``train_gan.generator``."""

    base_size: Literal[8, 16, 32, 64]
    ngf: Annotated[Count, Field(multiple_of=8)]
    residual_blocks: Count


class Discriminator(Section):
    """Block ``train_gan.discriminator``."""

    ndf: Annotated[Count, Field(multiple_of=8)]


class TrainGan(Training):
    """Block ``budgets.<name>.train_gan``."""

    batch_size: Annotated[Count, Field(ge=2)]
    grow_at: Decay
    generator: Generator
    discriminator: Discriminator
    snapshots: Count


class ScoreSnapshots(Section):
    """Block ``budgets.<name>.score_snapshots``."""

    images: Count


class Sample(Section):
    """Block ``budgets.<name>.sample``."""

    images: Count
    noises: Count
    pictures: Count
    pairs: Count


class Budget(Section):
    """Block ``budgets.<name>``: one entry a stage."""

    preprocess: Preprocess
    pretrain_damsm: PretrainDamsm
    train_judge: TrainJudge
    train_gan: TrainGan
    score_snapshots: ScoreSnapshots
    sample: Sample

    @model_validator(mode="after")
    def _image_encoder_resizes(self) -> Self:
        size, later = self.preprocess.damsm_image_size, self.preprocess.image_size
        if size not in (None, later) and self.pretrain_damsm.image_encoder.kind == "small":
            raise ValueError(
                f"preprocess.damsm_image_size {size} is for pretrained kinds of image_encoder, which resize what they "
                f"read; the small one would be trained on that size and then see images of {later}: set it null"
            )
        return self

    @model_validator(mode="after")
    def _scales_fit(self) -> Self:
        base_size, image_size = self.train_gan.generator.base_size, self.preprocess.image_size
        if base_size > image_size:
            raise ValueError(
                f"train_gan.generator.base_size {base_size} is larger than preprocess.image_size {image_size}"
            )
        return self
