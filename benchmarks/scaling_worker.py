"""A single measurement of benchmarks.scaling, in a process of its own; prints seconds and memory as JSON.

    python -m benchmarks.scaling_worker scoring 1000
    python -m benchmarks.scaling_worker pack IMAGES SIDE WORDS FOLDER

The second writes a packed data set for a training step.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch

from benchmarks import synthetic
from benchmarks.options import one_line_errors
from benchmarks.synthetic import damsm_encoders, synthetic_split, text_to_image, vocabulary_of
from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.pictures import PAIRED, load_sample, save_sample
from t2i.generation.plan import paired_plan, sample
from t2i.params import Params
from t2i.params.reader import load
from t2i.pipeline.run import peak_memory
from t2i.scores.evaluation import Scores, score_pictures
from t2i.scores.images import noise_images
from t2i.sources import toy_birds
from t2i.sources.pack_writer import pack

Preparation = Callable[[int, Path], Callable[[], object]]
"""Number of images and an empty folder -> the work, ready to be done once."""

SIDE = 64
TEST_IMAGES = 50
MAX_WORDS = 18


@one_line_errors("scaling_worker")
def main() -> None:
    """Measure one piece of work, or pack."""
    what, *rest = sys.argv[1:]
    if what == "pack":
        images, side, words = map(int, rest[:3])
        synthetic_split(Path(rest[3]), images=images, image_size=side, words=(words, words))
        print("{}")
    else:
        print(json.dumps(measure(WORK[what], int(rest[0]))))


def measure(prepare: Preparation, images: int) -> dict[str, float]:
    """Seconds of the work, and GiB above those before its preparation."""
    start = peak_memory()
    with tempfile.TemporaryDirectory() as folder:
        work = prepare(images, Path(folder))
        begin = time.perf_counter()
        work()
        seconds = time.perf_counter() - begin
    return {"seconds": seconds, "gib": (peak_memory() - start) / 2**30}


def preprocess(images: int, folder: Path) -> Callable[[], object]:
    """Compose, draw and pack birds."""

    def work() -> None:
        splits = toy_birds.read(
            Path("data/toy_birds"), train_images=images, test_images=1, reference_images=1, captions_per_image=10,
            image_size=SIDE, seed=0,
        )  # fmt: skip
        pack(splits, folder / "prepared", image_size=SIDE, resize_ratio=1.0, processes=1)

    return work


def sampling(images: int, folder: Path) -> Callable[[], int]:
    """Generate images with a generator of budget demo."""
    params, split, vocabulary, plan = _inputs(images, folder)
    model, captions = text_to_image(params, vocabulary, "fp32"), EncodedCaptions(split, vocabulary, MAX_WORDS)
    return lambda: sum(map(len, sample(model, captions, plan, seed=0)))


def scoring(images: int, folder: Path) -> Callable[[], Scores]:
    """Score images of noise with networks of budget demo."""
    params, split, vocabulary, plan = _inputs(images, folder)
    judge, damsm = synthetic.judge(params, vocabulary).eval(), damsm_encoders(params, vocabulary).eval()
    noise = noise_images(len(plan), SIDE, seed=1)
    save_sample(folder / "samples", {PAIRED: (plan, noise)}, split.captions["text"].tolist(), MAX_WORDS, {})
    return lambda: score_pictures(
        load_sample(folder / "samples")[0], {"train": split, "test": split}, damsm, judge,
        candidates=100, folds=10, seed=0, device=torch.device("cpu"),
    )  # fmt: skip


def _inputs(images: int, folder: Path) -> tuple[Params, PackedSplit, Vocabulary, pd.DataFrame]:
    """Parameters, a test split, its words, and a plan of so many images, two for each noise vector of a test image."""
    params = load(Path("params.yaml"), data="toy_birds", model="attngan", recipe="quick", budget="demo")
    split = synthetic_split(folder / "prepared", images=TEST_IMAGES, image_size=SIDE)
    plan = paired_plan(split, images=TEST_IMAGES, noises=max(1, images // (2 * TEST_IMAGES)), seed=0)
    return params, split, vocabulary_of(split.captions["text"]), plan


WORK: dict[str, Preparation] = {"preprocess": preprocess, "sampling": sampling, "scoring": scoring}


if __name__ == "__main__":
    main()
