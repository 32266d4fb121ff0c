"""Time until the first image in a new process, part by part.

    python -m benchmarks.cold_start
    python -m benchmarks.cold_start --model models/gan.pt --repeats 7
    python -m benchmarks.cold_start --recipe paper --budget paper --data cub --architecture dmgan

Each line is a new process that does what the line before it does and a little more; the last one is the whole
``python -m t2i generate``. Differences of medians are the time of each part. No image can be generated before torch is
imported, so the total is compared with importing it. With --budget the model is an untrained one of the sizes of that
budget. Prints a table and a line of JSON.
"""

import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.options import add_repeats, make_parser, one_line_errors
from benchmarks.report import report
from benchmarks.timing import Seconds, spread, time_alternately
from t2i.apps.defaults import CAPTION, GAN


@one_line_errors("cold_start")
def main() -> None:
    """Measure and report."""
    parser = make_parser("cold_start")
    parser.add_argument("--model", type=Path, default=GAN, help="a trained gan.pt")
    parser.add_argument("--budget", help="an untrained model of the sizes of this budget instead")
    parser.add_argument("--recipe", default="quick", help="with --budget, recipe of params.yaml")
    parser.add_argument("--data", default="toy_birds", help="with --budget, data of params.yaml")
    parser.add_argument("--architecture", choices=["attngan", "dmgan"], default="attngan", help="with --budget")
    add_repeats(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = given.model.resolve()
        selectors = {"data": given.data, "model": given.architecture, "recipe": given.recipe, "budget": given.budget}
        if given.budget:
            model = Path(folder) / "gan.pt"
            write_model(model, selectors)
        parts = {
            name: partial(run_python, command) for name, command in commands(model, Path(folder) / "bird.png").items()
        }
        seconds = time_alternately(parts, given.repeats, warm_up=1)
    rows, note = summary(seconds)
    of_model = f"untrained, {', '.join(selectors.values())}" if given.budget else str(given.model)
    report(f"Time until the first image, {of_model}", rows, [note], seconds=seconds)


def commands(model: Path, out: Path) -> dict[str, list[str]]:
    """Part -> arguments of a Python that does this part and all before it."""
    load = f"from t2i import TextToImage; TextToImage.load({str(model)!r})"
    return {
        "start Python": ["-c", "pass"],
        "import torch": ["-c", "import torch"],
        "import the rest": ["-c", "import t2i.apps.cli, t2i.apps.image_files, t2i.generation.text_to_image"],
        "load the model": ["-c", f"import t2i.apps.cli, t2i.apps.image_files; {load}"],
        "generate and write an image": ["-m", "t2i", "generate", CAPTION, "-m", str(model), "-o", str(out)],
    }


def run_python(arguments: list[str]) -> None:
    """Run Python to its end; if it fails, end with its message."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: {done.stderr.strip()}")


def write_model(path: Path, selectors: dict[str, str]) -> None:
    """Write a gan.pt of an untrained model that knows the words of the caption."""
    from benchmarks.synthetic import generator, text_encoder, vocabulary_of
    from t2i.checkpoints import model_file
    from t2i.params.reader import load

    params = load(Path("params.yaml"), **selectors)
    encoder = text_encoder(params, vocabulary_of([CAPTION]))
    model_file.save(path, "gan", {"generator": generator(params).to_checkpoint(), "text": encoder.to_checkpoint()})


def summary(seconds: Seconds) -> tuple[list[dict[str, str]], str]:
    """Rows of the table, and a comparison with importing torch; each part includes those before it."""
    medians = [statistics.median(times) for times in seconds.values()]
    rows = [
        {
            "part": part,
            "seconds": f"{total - before:.2f}",
            "total": f"{total:.2f}",
            "spread of the total": f"{spread(seconds[part]):.0%}",
        }
        for part, before, total in zip(seconds, [0.0, *medians], medians, strict=False)
    ]
    _, torch, imports, _, total = medians
    return (
        rows,
        f"{1 - imports / total:.0%} of the time is after the imports; the total is x{total / torch:.2f} torch's.",
    )


if __name__ == "__main__":
    main()
