"""What benchmarks.scaling starts: one thing at one size in a process; prints seconds and memory as JSON.

python -m benchmarks.scaling_worker scoring 1000
python -m benchmarks.scaling_worker pack 512 64 12 FOLDER
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.synthetic import encoders, made_pack, text_to_image, vocabulary_of
from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.generation.plan import sample
from t2i.models.judge import Judge
from t2i.params.reader import load
from t2i.pipeline.run import peak_memory
from t2i.scores.evaluation import score_pictures
from t2i.sources import toy_birds
from t2i.sources.pack_writer import pack

Part = Callable[[int, Path], Callable[[], object]]
"""Number of pictures and an empty folder -> the work, ready to be done once."""

SIDE = 64
TEST_IMAGES = 50
CPU = torch.device("cpu")


def main() -> None:
    """Do one thing and say what it took."""
    what, *rest = sys.argv[1:]
    if what == "pack":
        images, side, words = map(int, rest[:3])
        made_pack(Path(rest[3]), images=images, image_size=side, words=(words, words))
        print("{}")
    else:
        print(json.dumps(measure(PARTS[what], int(rest[0]))))


def measure(part: Part, pictures: int) -> dict[str, float]:
    """Seconds of a part at a size, and GiB above what was there before it was prepared."""
    start = peak_memory()
    with tempfile.TemporaryDirectory() as folder:
        work = part(pictures, Path(folder))
        begin = time.perf_counter()
        work()
        seconds = time.perf_counter() - begin
    return {"seconds": seconds, "gib": (peak_memory() - start) / 2**30}


def preprocess(pictures: int, folder: Path) -> Callable[[], object]:
    """Invent, draw and pack birds."""

    def work() -> None:
        birds = toy_birds.read(
            Path("data/toy_birds"), train_images=pictures, test_images=1, reference_images=1, captions_per_image=10,
            image_size=SIDE, seed=0,
        )  # fmt: skip
        pack(birds, folder / "prepared", image_size=SIDE, resize_ratio=1.0, processes=1)

    return work


def painting(pictures: int, folder: Path) -> Callable[[], object]:
    """Paint a plan with a generator of the demo budget."""
    params, split = load(Path("params.yaml"), data="toy_birds", budget="demo"), _split(folder)
    vocabulary = vocabulary_of(split.captions["text"])
    captions, table = EncodedCaptions(split, vocabulary, 18), plan(split, **_plan(pictures))
    ours = text_to_image(params, vocabulary, "fp32")
    return lambda: sample(ours, captions, table, seed=0)


def scoring(pictures: int, folder: Path) -> Callable[[], object]:
    """Score pictures of noise with networks of the demo budget."""
    params, split = load(Path("params.yaml"), data="toy_birds", budget="demo"), _split(folder)
    vocabulary = vocabulary_of(split.captions["text"])
    sizes, table = params.budgets["demo"].train_judge, plan(split, **_plan(pictures))
    judge = Judge(
        vocabulary,
        classes=list(range(50)),
        attributes={},
        embedding_dim=sizes.embedding_dim,
        width=sizes.width,
        sentence=sizes.sentence,
    ).eval()
    noise = torch.randint(256, (len(table), 3, SIDE, SIDE), dtype=torch.uint8)
    damsm = encoders(params, vocabulary).eval()
    return lambda: score_pictures(
        noise, table, split, split, [split], damsm, judge, max_words=18, candidates=100, folds=10, seed=0, device=CPU
    )


def _split(folder: Path) -> PackedSplit:
    return made_pack(folder / "prepared", images=TEST_IMAGES, image_size=SIDE)


def _plan(pictures: int) -> dict[str, int]:
    """Each image is num_scales from two captions."""
    return {"images": TEST_IMAGES, "noises": max(1, pictures // (2 * TEST_IMAGES)), "seed": 0}


PARTS: dict[str, Part] = {"preprocess": preprocess, "painting": painting, "scoring": scoring}


if __name__ == "__main__":
    main()
