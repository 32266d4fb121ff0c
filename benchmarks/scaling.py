"""How time and memory grow while one quantity doubles and everything else stays.

    python -m benchmarks.scaling --what attngan damsm
    python -m benchmarks.scaling --what scoring preprocess --doublings 3
    python -m benchmarks.scaling --what dmgan --along batch pixels

Training steps are measured along images a step, pixels an image, words a caption and images in the data set; sampling
and scoring along generated images, and preprocess along drawn images. Each measurement runs in a process of its own,
so that its peak memory is its own; the memory of the process before it is subtracted. An exponent compares a value with
the one before it: 1 is linear growth, 0 is none. Prints a table and a line of JSON for each.
"""

import argparse
import math
import statistics
import tempfile
from pathlib import Path

from benchmarks.options import add_selectors, make_parser, one_line_errors, sizes_text
from benchmarks.process import Measurement, run_module
from benchmarks.report import report
from benchmarks.train_step import TRAININGS

AXES = {"batch": 8, "pixels": 32, "words": 8, "images": 512}
"""Quantity that grows in a training -> its first value; pixels as the side of the square."""
SIZES = {"batch": 16, "pixels": 64, "words": 12, "images": 512}
"""The same quantities where they do not grow."""
WORK = {"sampling": 100, "scoring": 500, "preprocess": 256}
"""Other work -> the number of images it starts with."""


@one_line_errors("scaling")
def main() -> None:
    """Measure and report."""
    parser = make_parser("scaling")
    parser.add_argument(
        "--what", nargs="+", choices=[*TRAININGS, *WORK], default=["attngan", "damsm", *WORK], help="what to measure"
    )
    parser.add_argument("--along", nargs="+", choices=AXES, default=list(AXES), help="what grows in trainings")
    add_selectors(parser, recipe="paper", budget="small")
    parser.add_argument("--doublings", type=int, default=2, help="of each quantity")
    parser.add_argument("--steps", type=int, default=4, help="of a training that are timed")
    parser.add_argument("--repeats", type=int, default=1, help="processes a measurement, of which the median counts")
    given = parser.parse_args()
    for what in given.what:
        rows, results = [], []
        for axis in given.along if what in TRAININGS else ["images"]:
            start = AXES[axis] if what in TRAININGS else WORK[what]
            values = [start << level for level in range(given.doublings + 1)]
            measured = [median([measure(given, what, axis, value) for _ in range(given.repeats)]) for value in values]
            rows.append(row(axis, values, measured))
            results.append({"along": axis, "values": values, "measured": measured})
        report(f"{what}, {sizes_text(given)}" if what in TRAININGS else what, rows, results=results)


def row(axis: str, values: list[int], measured: list[Measurement]) -> dict[str, str]:
    """A row of the table: values, times and memory, and the exponents between neighbours."""
    amounts = [value**2 if axis == "pixels" else value for value in values]
    cells = {
        "along": axis,
        "values": ", ".join(f"{value:,}²" if axis == "pixels" else f"{value:,}" for value in values),
    }
    for column, key, unit in (("time", "seconds", "{:.3g} s"), ("memory", "gib", "{:.2f} GiB")):
        numbers = [each[key] for each in measured]
        cells[column] = ", ".join(map(unit.format, numbers))
        cells[f"exponent of {column}"] = ", ".join(f"{exponent:.2f}" for exponent in exponents(amounts, numbers))
    return cells


def exponents(amounts: list[int], numbers: list[float]) -> list[float]:
    """Of the power law through each two neighbours; where nothing is measurable there is no growth."""
    smallest = 1e-6
    return [
        math.log(max(b, smallest) / max(a, smallest)) / math.log(amounts[i + 1] / amounts[i])
        for i, (a, b) in enumerate(zip(numbers, numbers[1:], strict=False))
    ]


def median(runs: list[Measurement]) -> Measurement:
    """Of several measurements of the same, number by number."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def measure(given: argparse.Namespace, what: str, axis: str, value: int) -> Measurement:
    """Seconds, and GiB above those of the process before, of one measurement."""
    if what not in TRAININGS:
        return run_module("benchmarks.scaling_worker", what, str(value))
    sizes = {name: str(size) for name, size in (SIZES | {axis: value}).items()}
    with tempfile.TemporaryDirectory() as folder:
        prepared = str(Path(folder) / "prepared")
        run_module("benchmarks.scaling_worker", "pack", sizes["images"], sizes["pixels"], sizes["words"], prepared)
        run = run_module(
            "benchmarks.train_step", "--variant", "fp32", "--what", what, "--data", given.data,
            "--recipe", given.recipe, "--budget", given.budget, "--prepared", prepared, "--steps", str(given.steps),
            "--batch-size", sizes["batch"], "--max-words", sizes["words"],
        )  # fmt: skip
    return {"seconds": run["seconds"], "gib": run["peak_gib"] - run["start_gib"]}


if __name__ == "__main__":
    main()
