"""Speed of loading batches from packed images, compared with decoding and resizing image files for each batch.

    python -m benchmarks.loading --folder data/cub
    python -m benchmarks.loading --data coco --batches 40

Both give the same bytes: the same images, crops, flips and captions. Resizing files in each step is what the published
code does, in loader processes beside the training; here without and with two of them. A first run of each has read the
files, so that they are in memory. Prints a table and a line of JSON.
"""

import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.options import add_repeats, make_parser, one_line_errors
from benchmarks.raw_data import add_raw_data, read_splits
from benchmarks.report import report_rates
from benchmarks.synthetic import vocabulary_of
from benchmarks.timing import time_alternately
from t2i.data.batches import CaptionBatches
from t2i.data.packed import PackedSplit
from t2i.pipeline.run import peak_memory
from t2i.sources.pack_writer import pack
from t2i.sources.records import Record
from t2i.sources.resizing import DEFAULT
from t2i.sources.shard_writer import load_resized


@one_line_errors("loading")
def main() -> None:
    """Measure and report."""
    parser = make_parser("loading")
    add_raw_data(parser)
    parser.add_argument("--batch-size", type=int, default=20, help="images a batch")
    parser.add_argument(
        "--batches", type=int, default=20, help="a run from files; from the pack it is ten times as many"
    )
    add_repeats(parser)
    given = parser.parse_args()
    records = read_splits(given)["train"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "prepared"
        sizes = {"image_size": given.image_size, "resize_ratio": given.resize_ratio}
        pack({"train": records}, folder, **sizes, processes=1)
        files = make_batches(UnpackedSplit(folder, records), given.batch_size)
        packed = make_batches(PackedSplit(folder, "train"), given.batch_size)
        few, many = given.batches, 10 * given.batches
        variants = {
            "files": partial(load, files, few, workers=0),
            "files, 2 workers": partial(load, files, few, workers=2),
            "packed": partial(load, packed, many, workers=0),
            "packed, 2 workers": partial(load, packed, many, workers=2),
        }
        seconds = time_alternately(variants, given.repeats, warm_up=1)
    title = f"{given.data}, batches of {given.batch_size} images of {given.image_size} pixels with two captions each"
    amounts = {name: few if name.startswith("files") else many for name in variants}
    report_rates(title, seconds, amounts, "batches", peak_gib=peak_memory() / 2**30)


class UnpackedSplit(PackedSplit):
    """A split whose images are read from their files each time."""

    def __init__(self, folder: Path, records: list[Record]) -> None:
        super().__init__(folder, "train")
        self.records = records

    def image(self, i: int) -> np.ndarray:
        """As :meth:`PackedSplit.image`."""
        resized = load_resized(self.records[i], [self.side], DEFAULT)
        assert not isinstance(resized, str), resized  # an error message; but it was packed before
        return resized[0]


def make_batches(split: PackedSplit, batch_size: int) -> CaptionBatches:
    """The batches of a training."""
    vocabulary = vocabulary_of(split.captions["text"])
    return CaptionBatches(split, vocabulary, batch_size=batch_size, max_words=18, flip=True, seed=0)


def load(batches: CaptionBatches, count: int, workers: int) -> None:
    """Load some batches and keep none."""
    for _ in batches.batches(0, count, workers):
        pass


if __name__ == "__main__":
    main()
