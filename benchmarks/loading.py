"""Batches from packed files, against decoding, cropping and resizing the picture files for each batch.

    python -m benchmarks.loading --folder data/cub
    python -m benchmarks.loading --data coco --folder data/coco --batches 40

Both ways give the same bytes: the same images, crops, flips and captions. Resizing files in each step is what the
published code does, there with loader processes beside the training, here without and with two. The files were read
before and lie in memory, for either way. Prints a table and a line of JSON.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.raw_data import parser_for, records_of
from benchmarks.synthetic import vocabulary_of
from benchmarks.timing import report, take_turns
from t2i.data.batches import CaptionBatches
from t2i.data.packed import PackedSplit
from t2i.pipeline.run import peak_memory
from t2i.sources.pack_writer import pack
from t2i.sources.records import Record
from t2i.sources.shard_writer import load_resized


def main() -> None:
    """Measure and report."""
    parser = parser_for("python -m benchmarks.loading")
    parser.add_argument("--batch-size", type=int, default=20, help="images a batch (20)")
    parser.add_argument("--batches", type=int, default=20, help="a turn, of the plain way (20)")
    parser.add_argument("--repeats", type=int, default=3, help="turns that count; one more warms up (3)")
    given = parser.parse_args()
    records = records_of(given)["train"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "prepared"
        sizes = {"image_size": given.image_size, "resize_ratio": given.resize_ratio}
        pack({"train": records}, folder, **sizes, processes=1)
        splits = PackedSplit(folder, "train"), Files(folder, records)
        ours, plain = (pairs(split, given.batch_size) for split in splits)
        many = 10 * given.batches  # ours would be over before the clock has moved much
        amounts = {"files": given.batches, "files, 2 workers": given.batches, "packed": many, "packed, 2 workers": many}
        works = {
            "files": lambda: run(plain, given.batches, 0), "files, 2 workers": lambda: run(plain, given.batches, 2),
            "packed": lambda: run(ours, many, 0), "packed, 2 workers": lambda: run(ours, many, 2),
        }  # fmt: skip
        runs = take_turns(works, given.repeats, warm_up=1)
    report(
        f"{given.data}, batches of {given.batch_size} images of {given.image_size} pixels with two captions each", runs,
        amounts, "batches", peak_gib=peak_memory() / 2**30,
    )  # fmt: skip


class Files(PackedSplit):
    """A split whose images are read from their files each time."""

    def __init__(self, folder: Path, records: list[Record]) -> None:
        super().__init__(folder, "train")
        self.records = records

    def image(self, i: int) -> np.ndarray:
        """As :meth:`PackedSplit.image`."""
        pixels = load_resized(self.records[i], self.side)
        assert not isinstance(pixels, str), pixels  # it was packed before
        return pixels


def pairs(split: PackedSplit, batch_size: int) -> CaptionBatches:
    """The batches of a training."""
    vocabulary = vocabulary_of(split.captions["text"])
    return CaptionBatches(split, vocabulary, batch_size=batch_size, max_words=18, flip=True, seed=0)


def run(batches: CaptionBatches, count: int, workers: int) -> None:
    """Load so many batches and keep none."""
    for _ in batches.batches(0, count, workers):
        pass


if __name__ == "__main__":
    main()
