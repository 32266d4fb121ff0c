"""Data sets and networks of any size, made up: how long something takes does not hang on what is in the pictures."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from t2i.data.packed import PackedSplit
from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.text_to_image import TextToImage
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generator
from t2i.params import Params
from t2i.runtime.device import Precision
from t2i.sources.pack_writer import pack
from t2i.sources.records import Caption, Record

CLASSES = 50
WORDS = 5450  # of the captions of CUB

GENERATOR_SIZES = ("base_size", "ngf", "residual_blocks", "layers", "mapping_layers", "binary_noise_dims")
"""Arguments of a generator that stand in a budget."""


def made_pack(
    folder: Path, *, images: int, image_size: int, words: tuple[int, int] = (6, 18), captions_per_image: int = 10
) -> PackedSplit:
    """A train split of one-coloured pictures with captions of random words.

    Args:
        words: least and most of a caption; all numbers between are equally likely.
    """
    rng = np.random.default_rng(0)
    records = [
        Record(
            f"{number:06d}",
            f"class {number % CLASSES:02d}",
            tuple(Caption(_sentence(rng, words)) for _ in range(captions_per_image)),
            partial(Image.new, "RGB", (image_size, image_size), tuple(rng.integers(256, size=3).tolist())),
        )
        for number in range(images)
    ]
    pack({"train": records}, folder, image_size=image_size, resize_ratio=1.0, processes=1)
    return PackedSplit(folder, "train")


def _sentence(rng: np.random.Generator, words: tuple[int, int]) -> str:
    return " ".join(f"w{word}" for word in rng.integers(WORDS, size=rng.integers(*words, endpoint=True)))


def vocabulary_of(texts: Iterable[str]) -> Vocabulary:
    """All words of captions."""
    return Vocabulary.build(tokenize(text) for text in texts)


def text_encoder(params: Params, vocabulary: Vocabulary) -> TextEncoder:
    """An untrained one of the chosen budget's sizes."""
    sizes = params.budgets[params.budget].pretrain_damsm
    return TextEncoder(vocabulary, embedding_dim=sizes.embedding_dim, word_dim=sizes.word_dim, sentence=sizes.sentence)


def encoders(params: Params, vocabulary: Vocabulary) -> Damsm:
    """Untrained ones of the chosen budget's sizes."""
    sizes = params.budgets[params.budget].pretrain_damsm
    width = {"width": sizes.width} if sizes.image_encoder == "small" else {}
    image = build_image_encoder(sizes.image_encoder, embedding_dim=sizes.embedding_dim, **width)
    return Damsm(text_encoder(params, vocabulary), image)


def generator_content(params: Params) -> dict[str, Any]:
    """What a model file would hold of an untrained generator of the chosen budget, data set and model."""
    budget = params.budgets[params.budget]
    sizes = dict(budget.train_gan)
    return Generator(
        model=params.model, embedding_dim=budget.pretrain_damsm.embedding_dim, image_size=budget.preprocess.image_size,
        **dict(getattr(params.models, params.model)), **{name: sizes[name] for name in GENERATOR_SIZES},
    ).to_checkpoint()  # fmt: skip


def text_to_image(params: Params, vocabulary: Vocabulary, precision: Precision) -> TextToImage:
    """An untrained generator and text encoder of the chosen budget, data set and model."""
    return TextToImage(Generator.from_checkpoint(generator_content(params)), text_encoder(params, vocabulary), precision)
