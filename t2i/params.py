"""What may stand in params.yaml: sections, types and legal values. `t2i.params_file` reads it."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _no_bool(value: object) -> object:
    """YAML writes ``yes`` and ``on`` as booleans, and Python takes them for 1."""
    if isinstance(value, bool):
        raise ValueError("expected a number, not true or false")
    return value


# Numbers that DVC writes as 2e-05 are strings to PyYAML; pydantic turns them back into numbers.
Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=1)]
Seed = Annotated[int, BeforeValidator(_no_bool), Field(ge=0, lt=2**31)]
Weight = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, BeforeValidator(_no_bool), Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=1)]
Decay = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, lt=1)]
Ratio = Annotated[float, BeforeValidator(_no_bool), Field(ge=1, le=4)]


class Section(BaseModel):
    """A block of params.yaml; ``dict(section)`` gives its keys as keyword arguments."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class ToyBirdsSource(Section):
    """Arguments of :func:`t2i.data.toy_birds.read`."""

    train_images: Count
    test_images: Count
    reference_images: Count
    captions_per_image: Annotated[Count, Field(ge=2)]
    seed: Seed


class CubSource(Section):
    """Arguments of :func:`t2i.data.cub.read`."""

    captions_per_image: Annotated[Count, Field(ge=2)]
    box_scale: Positive
    test_classes: Count


class CocoSource(Section):
    """Arguments of :func:`t2i.data.coco.read`."""

    captions_per_image: Annotated[Count, Field(ge=2)]


class Dataset(Section):
    """How images and captions of a data set enter training."""

    on_missing: Literal["error", "skip"]
    resize_ratio: Ratio
    flip: bool
    max_words: Count
    damsm_max_words: Count


class ToyBirds(Dataset):
    """Block ``datasets.toy_birds``."""

    source: ToyBirdsSource


class Cub(Dataset):
    """Block ``datasets.cub``."""

    source: CubSource


class Coco(Dataset):
    """Block ``datasets.coco``."""

    source: CocoSource


class OwnSource(Section):
    """Arguments of :func:`t2i.data.own.read`."""

    captions_per_image: Annotated[Count, Field(ge=2)]
    test_share: Annotated[Fraction, Field(gt=0, lt=1)]


class Own(Dataset):
    """Block ``datasets.own``."""

    source: OwnSource


class Datasets(Section):
    """Block ``datasets``, one entry a source."""

    toy_birds: ToyBirds
    cub: Cub
    coco: Coco
    own: Own


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
    mapping_layers: Annotated[int, BeforeValidator(_no_bool), Field(ge=0)]
    noise_bits: Annotated[int, BeforeValidator(_no_bool), Field(ge=0)]
    discriminator_norm: Literal["batch", "spectral", "none"]
    projection: Annotated[int, BeforeValidator(_no_bool), Field(ge=0)]
    initial_weights: Literal["orthogonal", "own"]
    adversarial: Literal["bce", "hinge"]
    mismatched: Literal["next", "hardest"]
    matching_weight: Weight
    remembered: Annotated[int, BeforeValidator(_no_bool), Field(ge=0)]
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
