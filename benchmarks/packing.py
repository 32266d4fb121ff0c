"""What packing costs: images a second in one process and in two against Pillow alone in as many, and reading at random.

    python -m benchmarks.packing --data coco --folder data/coco --image-size 256

Pillow alone decodes, crops and resizes the same pictures and keeps nothing. Records are repeated until
``--images`` pictures are packed: by default equally many for each of two workers, and enough that starting them counts
for little. (A worker fills one file of 256 pictures at a time, so that otherwise one may work alone for two seconds at
the end.) Prints a table and a line of JSON.
"""

import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.raw_data import parser_for, records_of
from benchmarks.timing import spread, take_turns
from t2i.data.packed import PackedSplit
from t2i.sources.pack_writer import SHARD, pack
from t2i.sources.records import Record

COCO_IMAGES = 123_287  # train and val of 2014 and 2017


def main() -> None:
    """Measure, three times each, in turns."""
    parser = parser_for("python -m benchmarks.packing")
    parser.add_argument("--images", type=int, default=20 * SHARD, help=f"how many to pack ({20 * SHARD})")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    found = [record for records in records_of(given).values() for record in records]
    many = enumerate(islice(cycle(found), given.images))
    records = [replace(record, name=f"{number}/{record.name}") for number, record in many]
    side = round(given.image_size * given.resize_ratio)

    def alone() -> None:
        decode_all(records, side)

    def alone_in_two() -> None:
        context = multiprocessing.get_context("fork")  # nothing has threads yet
        halves = [context.Process(target=decode_all, args=(records[start::2], side)) for start in (0, 1)]
        for half in halves:
            half.start()
        for half in halves:
            half.join()

    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "prepared"

        def packed(processes: int) -> Callable[[], None]:
            def run() -> None:
                pack(
                    {"train": records}, out, image_size=given.image_size, resize_ratio=given.resize_ratio,
                    processes=processes,
                )  # fmt: skip

            return run

        works = {
            "Pillow, 1 process": alone, "packing, 1 process": packed(1),
            "Pillow, 2 processes": alone_in_two, "packing, 2 processes": packed(2),
        }  # fmt: skip
        seconds = take_turns(works, given.repeats)
        size = sum(file.stat().st_size for file in out.glob("*.pixels")) / len(records)
        train = PackedSplit(out, "train")
        order = np.random.default_rng(0).integers(0, len(train), 4000)
        begin = time.perf_counter()
        for i in order:
            train.image(int(i)).max()  # touches every pixel
        reads = len(order) / (time.perf_counter() - begin)
    rates = {name: given.images / statistics.median(times) for name, times in seconds.items()}
    for name, rate in rates.items():
        ratio = rate / rates["Pillow, 1 process"]
        print(f"{name:<22} {rate:8.1f} images/s  x{ratio:.2f}  spread {spread(seconds[name]):.0%}")
    for processes in ("1 process", "2 processes"):
        overhead = 1 - rates[f"packing, {processes}"] / rates[f"Pillow, {processes}"]
        print(f"packing in {processes} is {overhead:.0%} slower than Pillow alone in as many")
    print(f"{size / 1e3:.0f} kB an image; random reads {reads:,.0f} images/s")
    hours = COCO_IMAGES / rates["packing, 2 processes"] / 3600
    print(
        f"all {COCO_IMAGES:,} images of MS-COCO at this rate and size: {hours:.1f} h, {COCO_IMAGES * size / 1e9:.1f} GB"
    )
    print(
        json.dumps(
            {
                "data": given.data, "image_size": given.image_size, "images": given.images, "rates": rates,
                "bytes_an_image": size, "random_reads": reads,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10,
            }
        )
    )  # fmt: skip


def decode_all(records: list[Record], side: int) -> None:
    """Decode, crop and resize, and keep nothing."""
    for record in records:
        image = record.load()
        scale = side / min(image.size)
        image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)


if __name__ == "__main__":
    main()
