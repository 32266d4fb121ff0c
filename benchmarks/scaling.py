"""How time and memory grow while one thing doubles and all else stays.

    python -m benchmarks.scaling --what attngan damsm --budget paper32
    python -m benchmarks.scaling --what scoring preprocess --doublings 3
    python -m benchmarks.scaling --what dmgan --along batch pixels --doublings 3

TrainingLoop of a training against images a step, pixels an image, words a caption and images in the data set; painting and
scoring against pictures, preprocess against drawn images. Each measurement is a process of its own, so that its peak of
memory is; what a process holds before it begins is taken off. An exponent of 1 is linear growth, 0 is none; it compares
a value with the one before it. Prints a table for Markdown and a line of JSON.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TRAININGS = ("attngan", "dmgan", "damsm")
AXES = {"batch": 8, "pixels": 32, "words": 8, "images": 512}
"""What grows in a training -> where it starts; pixels as the side of the square."""
SIZES = {"batch": 16, "pixels": 64, "words": 12, "images": 512}
"""The sizes of all else."""
AMOUNTS = {"painting": 100, "scoring": 500, "preprocess": 256}
"""What else is measured -> the pictures it starts with."""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling")
    parser.add_argument("--what", nargs="+", choices=[*TRAININGS, *AMOUNTS], default=["attngan", "damsm", *AMOUNTS])
    parser.add_argument("--along", nargs="+", choices=AXES, default=list(AXES), help="what grows in trainings (all)")
    parser.add_argument("--data", default="toy_birds", help="whose sizes (toy_birds)")
    parser.add_argument("--budget", default="paper32", help="whose sizes (paper32)")
    parser.add_argument("--doublings", type=int, default=2, help="of each (2)")
    parser.add_argument("--steps", type=int, default=4, help="of a training that count (4)")
    parser.add_argument("--repeats", type=int, default=1, help="processes a measurement; medians count (1)")
    given = parser.parse_args()
    found = []
    print("| what | along | from | to | time | exponent | memory | exponent |\n|---|---|---|---|---|---|---|---|")
    for what in given.what:
        for axis in given.along if what in TRAININGS else ["pictures"]:
            start = AXES[axis] if what in TRAININGS else AMOUNTS[what]
            values = [start << level for level in range(given.doublings + 1)]
            rows = [median([measure(given, what, axis, value) for _ in range(given.repeats)]) for value in values]
            found.append({"what": what, "along": axis, "values": values, "rows": rows})
            print(row(what, axis, values, rows), flush=True)
    print(json.dumps({"data": given.data, "budget": given.budget, "doublings": given.doublings, "found": found}))


def row(what: str, axis: str, values: list[int], rows: list[dict[str, float]]) -> str:
    """A line of the table: all times and all peaks, and the exponents between neighbours."""
    amounts = [value**2 if axis == "pixels" else value for value in values]
    cells = [what, axis, *(f"{value}²" if axis == "pixels" else f"{value:,}" for value in (values[0], values[-1]))]
    for key, shown in (("seconds", "{:.3g} s"), ("gib", "{:.2f} GiB")):
        numbers = [found[key] for found in rows]
        cells.append(" → ".join(shown.format(number) for number in numbers))
        cells.append(", ".join(f"{exponent:.2f}" for exponent in exponents(amounts, numbers)))
    return f"| {' | '.join(cells)} |"


def exponents(amounts: list[int], numbers: list[float]) -> list[float]:
    """Of the power law through each two neighbours; nothing measurable counts as no growth."""
    least = 1e-6
    return [
        math.log(max(b, least) / max(a, least)) / math.log(amounts[place + 1] / amounts[place])
        for place, (a, b) in enumerate(zip(numbers, numbers[1:], strict=False))
    ]


def median(runs: list[dict[str, float]]) -> dict[str, float]:
    """Of several measurements of one thing, number by number."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def measure(given: argparse.Namespace, what: str, axis: str, value: int) -> dict[str, float]:
    """Seconds, and GiB above what the process began with, of one thing at one size."""
    if what not in TRAININGS:
        return _started("benchmarks.scaling_worker", what, str(value))
    sizes = SIZES | {axis: value}
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared"
        pack = [str(sizes[name]) for name in ("images", "pixels", "words")]
        _started("benchmarks.scaling_worker", "pack", *pack, str(prepared))
        run = _started(
            "benchmarks.train_step", "--way", "ours, fp32", "--what", what, "--data", given.data, "--budget",
            given.budget, "--prepared", str(prepared), "--batch-size", str(sizes["batch"]), "--max-words",
            str(sizes["words"]), "--steps", str(given.steps),
        )  # fmt: skip
    return {"seconds": run["seconds"], "gib": run["peak_gib"] - run["start_gib"]}


def _started(module: str, *arguments: str) -> dict[str, Any]:
    """What a process says in its last line."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{module} {' '.join(arguments)}: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
