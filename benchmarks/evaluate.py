"""Peak memory and time of stages `sample` and `evaluate`, as generated images become more.

    python -m benchmarks.evaluate --recipe paper --budget paper --data coco --images 2000
    python -m benchmarks.evaluate --recipe paper --budget smoke --set budgets.smoke.preprocess.image_size=256 \
        --images 2000 8000 30000 --reals 40000

Real images are made up, and networks untrained. Full-size networks take hours for thousands of images on a processor:
the second command has small ones, but images of full size. Each stage runs in a process of its own, so that its peak
memory is its own. Prints a table and a line of JSON.
"""

import argparse
import importlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.options import add_selectors, make_parser, one_line_errors, sizes_text
from benchmarks.process import Measurement, run_module
from benchmarks.report import report
from benchmarks.synthetic import damsm_encoders, judge, synthetic_pack, text_to_image, vocabulary_of
from t2i.checkpoints import model_file
from t2i.data.packed import PackedSplit
from t2i.errors import InputError
from t2i.params import Params
from t2i.params.reader import load
from t2i.pipeline.run import DAMSM, GAN, JUDGE, PREPARED, peak_memory

CAPTIONS = 5
"""Captions of each made-up image."""

STAGES = ("sample", "evaluate")


@one_line_errors("evaluate")
def main() -> None:
    """Measure and report."""
    given = parser().parse_args()
    if given.stage:
        print(json.dumps(measure(given.stage, params_of(given, *given.images), given.folder)))
        return
    if given.folder is not None:
        given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        compare(given, Path(folder))


def parser() -> argparse.ArgumentParser:
    """The command-line options."""
    options = make_parser("evaluate")
    add_selectors(options, recipe="paper", budget="smoke")
    options.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="changes of params.yaml")
    options.add_argument("--images", nargs="+", type=int, default=[500, 1000, 2000], help="that are scored")
    options.add_argument("--reals", type=int, default=2000, help="real images that they are compared with")
    options.add_argument("--folder", type=Path, help="where to write made-up data; None: where temporary files are")
    options.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)  # one measurement, in this process
    return options


def compare(given: argparse.Namespace, folder: Path) -> None:
    """Measure both stages for each number of images, on data written to ``folder``."""
    prepare(params_of(given, max(given.images)), folder, images=max(given.images), reals=given.reals)
    rows, results = [], []
    for images in given.images:
        params = params_of(given, images)
        row = {"images": f"{params.pictures([CAPTIONS] * given.reals)[params.sample.protocol]:,}"}
        for stage in STAGES:
            own = ["--images", str(images), "--folder", str(folder), "--stage", stage]
            measured = run_module("benchmarks.evaluate", *sys.argv[1:], *own)
            row |= {stage: f"{measured['seconds']:,.0f} s", f"memory of {stage}": f"{measured['peak_gib']:.2f} GiB"}
            results.append({"images": images, "stage": stage, **measured})
        rows.append(row)
    report(", ".join([f"{given.reals:,} real images", sizes_text(given), *given.set]), rows, results=results)


def params_of(given: argparse.Namespace, images: int) -> Params:
    """params.yaml with the blocks and changes that the options choose, and so many generated images."""
    sizes = {"pictures": images, "images": images // 2, "noises": 1}
    changes = [f"budgets.{given.budget}.sample.{name}={value}" for name, value in sizes.items()]
    return load(Path("params.yaml"), [*given.set, *changes], data=given.data, recipe=given.recipe, budget=given.budget)


def prepare(params: Params, folder: Path, *, images: int, reals: int) -> None:
    """Write prepared/ and models/: as many training images as generated ones, and untrained networks.

    Raises:
        InputError: the disk is too small.
    """
    side = params.stage("preprocess")["image_size"]
    needed, free = (2 * images + reals) * 3 * side**2, shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(f"{needed / 2**30:.0f} GiB are needed in {folder} and {free / 2**30:.0f} free: make room")
    synthetic_pack(folder / PREPARED, {"train": images, "test": reals}, image_size=side, captions_per_image=CAPTIONS)
    vocabulary = vocabulary_of(PackedSplit(folder / PREPARED, "test").captions["text"])
    model = text_to_image(params, vocabulary, "fp32")
    networks = {"generator": model.generator.to_checkpoint(), "text": model.text_encoder.to_checkpoint()}
    model_file.save(folder / GAN, "gan", networks)
    model_file.save(folder / DAMSM, "damsm", damsm_encoders(params, vocabulary).to_checkpoint())
    model_file.save(folder / JUDGE, "judge", judge(params, vocabulary).to_checkpoint())


def measure(stage: str, params: Params, folder: Path) -> Measurement:
    """Run a stage on the data in ``folder``: its time, its peak memory, and that of the process before it."""
    work = importlib.import_module(f"stages.{stage}").main
    os.chdir(folder)
    start, begin = peak_memory() / 2**30, time.perf_counter()
    work(params)
    return {"seconds": time.perf_counter() - begin, "peak_gib": peak_memory() / 2**30, "start_gib": start}


if __name__ == "__main__":
    main()
