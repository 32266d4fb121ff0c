"""Legal contents of the block ``datasets``: where images and captions come from and how they enter training."""

from typing import Annotated, Literal

from pydantic import Field

from t2i.params.values import Count, Fraction, Positive, Ratio, Section, Seed


class ToyBirdsSource(Section):
    """Arguments of :func:`t2i.sources.toy_birds.read`."""

    train_images: Count
    test_images: Count
    reference_images: Count
    captions_per_image: Annotated[Count, Field(ge=2)]
    wording: Fraction
    content: Fraction
    seed: Seed


class CubSource(Section):
    """Arguments of :func:`t2i.sources.cub.read`."""

    captions_per_image: Annotated[Count, Field(ge=2)]
    box_scale: Positive
    test_classes: Count


class CocoSource(Section):
    """Arguments of :func:`t2i.sources.coco.read`."""

    captions_per_image: Annotated[Count, Field(ge=2)]


class Dataset(Section):
    """How images and captions of a data set enter training."""

    tokens: Literal["ascii", "unicode"]
    on_missing: Literal["error", "skip"]
    resize_ratio: Ratio
    flip: bool
    max_words: Count
    damsm_max_words: Count
    sample_max_words: Count
    source: Section  # arguments of the reader


class ToyBirds(Dataset):
    """Block ``datasets.toy_birds``."""

    source: ToyBirdsSource


class Cub(Dataset):
    """Block ``datasets.cub``."""

    source: CubSource


class Coco(Dataset):
    """Block ``datasets.coco``."""

    source: CocoSource


class CustomSource(Section):
    """Arguments of :func:`t2i.sources.custom.read`."""

    captions_per_image: Annotated[Count, Field(ge=2)]
    test_share: Annotated[Fraction, Field(gt=0, lt=1)]


class Custom(Dataset):
    """Block ``datasets.custom``."""

    source: CustomSource


class Datasets(Section):
    """Block ``datasets``, one entry a source."""

    toy_birds: ToyBirds
    cub: Cub
    coco: Coco
    custom: Custom
