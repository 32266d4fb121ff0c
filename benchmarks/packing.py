"""Speed of packing with one and two processes, compared with Pillow alone, and of random access to packed images.

    python -m benchmarks.packing --data coco --image-size 256

Pillow alone decodes, crops and resizes the same images and keeps nothing. Records are repeated until there are
``--images``: by default as many for each of two workers (one fills a file of 256 images at a time), and enough that
starting workers takes little of the time. Prints a table and a line of JSON.
"""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import chain, cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.options import add_repeats, make_parser, one_line_errors
from benchmarks.raw_data import add_raw_data, read_splits
from benchmarks.report import report_rates
from benchmarks.timing import time_alternately
from t2i.data.packed import PackedSplit
from t2i.pipeline.run import peak_memory
from t2i.sources.pack_writer import SHARD, pack
from t2i.sources.records import Record

COCO_IMAGES = 123_287  # train and val, of 2014 as of 2017
READS = 4000


@one_line_errors("packing")
def main() -> None:
    """Measure and report."""
    parser = make_parser("packing")
    add_raw_data(parser)
    parser.add_argument("--images", type=int, default=20 * SHARD, help="to pack in each run")
    add_repeats(parser)
    given = parser.parse_args()
    repeated = islice(cycle(chain(*read_splits(given).values())), given.images)
    records = [replace(record, name=f"{number}/{record.name}") for number, record in enumerate(repeated)]
    side = round(given.image_size * given.resize_ratio)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "prepared"
        sizes = {"image_size": given.image_size, "resize_ratio": given.resize_ratio}
        variants: dict[str, Callable[[], object]] = {
            "Pillow": partial(decode_all, records, side),
            "packing": partial(pack, {"train": records}, folder, **sizes, processes=1),
            "Pillow, 2 processes": partial(decode_in_two_processes, records, side),
            "packing, 2 processes": partial(pack, {"train": records}, folder, **sizes, processes=2),
        }
        seconds = time_alternately(variants, given.repeats)
        size = sum(file.stat().st_size for file in folder.glob("*.pixels")) / len(records)
        reads = reads_a_second(PackedSplit(folder, "train"))
    rates = {name: given.images / statistics.median(times) for name, times in seconds.items()}
    slower = [f"{1 - rates[f'packing{n}'] / rates[f'Pillow{n}']:.0%}" for n in ("", ", 2 processes")]
    hours = COCO_IMAGES / rates["packing, 2 processes"] / 3600
    notes = [
        f"Packing is {slower[0]} slower than Pillow with one process and {slower[1]} with two.",
        f"An image takes {size / 1e3:.0f} kB; {reads:,.0f} random reads a second.",
        f"All {COCO_IMAGES:,} images of MS-COCO would take {hours:.1f} h and {COCO_IMAGES * size / 1e9:.1f} GB.",
    ]
    report_rates(
        f"{given.data}, {given.images:,} images of {given.image_size} pixels", seconds,
        dict.fromkeys(seconds, given.images), "images", notes,
        bytes_an_image=size, random_reads=reads, peak_gib=peak_memory() / 2**30,
    )  # fmt: skip


def decode_all(records: list[Record], side: int) -> None:
    """Decode, crop and resize, and keep nothing."""
    for record in records:
        image = record.load()
        scale = side / min(image.size)
        image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)


def decode_in_two_processes(records: list[Record], side: int) -> None:
    """Decode one half of the images in each of two processes."""
    context = multiprocessing.get_context("fork")  # safe: there are no threads yet
    halves = [context.Process(target=decode_all, args=(records[start::2], side)) for start in (0, 1)]
    for half in halves:
        half.start()
    for half in halves:
        half.join()


def reads_a_second(split: PackedSplit) -> float:
    """Speed of random access, touching every pixel."""
    order = np.random.default_rng(0).integers(0, len(split), READS)
    begin = time.perf_counter()
    for i in order:
        split.image(int(i)).max()
    return READS / (time.perf_counter() - begin)


if __name__ == "__main__":
    main()
