"""Data sets of any size and untrained networks: their content does not change how long a computation takes."""

from collections.abc import Iterable, Mapping
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
from t2i.models.judge import Judge
from t2i.params import Params
from t2i.runtime.device import Precision
from t2i.sources.pack_writer import pack
from t2i.sources.records import Caption, Record

NUM_CLASSES = 50
NUM_WORDS = 5450  # of the captions of CUB


def synthetic_split(folder: Path, *, images: int, **arguments: Any) -> PackedSplit:
    """A packed data set of a train split alone; arguments of :func:`synthetic_pack`."""
    synthetic_pack(folder, {"train": images}, **arguments)
    return PackedSplit(folder, "train")


def synthetic_pack(
    folder: Path,
    images: Mapping[str, int],
    *,
    image_size: int,
    words: tuple[int, int] = (6, 18),
    captions_per_image: int = 10,
    resize_ratio: float = 1.0,
    damsm_image_size: int | None = None,
) -> None:
    """Pack images of one colour with captions of random words.

    Args:
        folder: where to write the packed data set.
        images: split -> number of its images.
        words: minimum and maximum length of a caption; all lengths between are equally likely.
        resize_ratio: side as packed / side of the training crop.
        damsm_image_size: of the images that DAMSM pretraining reads; None: image_size.
    """
    rng = np.random.default_rng(0)
    splits = {
        split: [
            Record(
                f"{split}/{number:06d}",
                f"class {number % NUM_CLASSES:02d}",
                tuple(Caption(_sentence(rng, words)) for _ in range(captions_per_image)),
                partial(Image.new, "RGB", (image_size, image_size), tuple(rng.integers(256, size=3).tolist())),
            )
            for number in range(count)
        ]
        for split, count in images.items()
    }
    pack(
        splits, folder, image_size=image_size, damsm_image_size=damsm_image_size, resize_ratio=resize_ratio, processes=1
    )


def _sentence(rng: np.random.Generator, words: tuple[int, int]) -> str:
    return " ".join(f"w{word}" for word in rng.integers(NUM_WORDS, size=rng.integers(*words, endpoint=True)))


def vocabulary_of(texts: Iterable[str]) -> Vocabulary:
    """The words of captions."""
    return Vocabulary.build(tokenize(text) for text in texts)


def text_encoder(params: Params, vocabulary: Vocabulary) -> TextEncoder:
    """An untrained text encoder of the chosen budget and recipe."""
    stage = params.stage("pretrain_damsm")
    return TextEncoder(vocabulary, embedding_dim=stage["embedding_dim"], **stage["text_encoder"])


def damsm_encoders(params: Params, vocabulary: Vocabulary) -> Damsm:
    """Untrained encoders of the chosen budget and recipe."""
    stage = params.stage("pretrain_damsm")
    image_encoder = build_image_encoder(embedding_dim=stage["embedding_dim"], **stage["image_encoder"])
    return Damsm(text_encoder(params, vocabulary), image_encoder)


def judge(params: Params, vocabulary: Vocabulary) -> Judge:
    """An untrained judge of the chosen budget."""
    stage = params.stage("train_judge")
    return Judge(
        vocabulary, classes=list(range(NUM_CLASSES)), attributes={}, embedding_dim=stage["embedding_dim"],
        image_encoder=stage["image_encoder"], sentence_pooling=params.judge.sentence_pooling,
    )  # fmt: skip


def generator(params: Params) -> Generator:
    """An untrained generator of the chosen data set, model, recipe and budget."""
    return Generator(
        model=params.model,
        embedding_dim=params.stage("pretrain_damsm")["embedding_dim"],
        image_size=params.stage("preprocess")["image_size"],
        **params.generator,
    )


def text_to_image(params: Params, vocabulary: Vocabulary, precision: Precision) -> TextToImage:
    """An untrained generator, as it is loaded from a model file, with an untrained text encoder."""
    loaded = Generator.from_checkpoint(generator(params).to_checkpoint())
    return TextToImage(loaded, text_encoder(params, vocabulary), precision)
