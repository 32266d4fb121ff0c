"""The first image of a cold process, taken apart.

    python -m benchmarks.cold_start
    python -m benchmarks.cold_start --model models/gan.pt --repeats 7
    python -m benchmarks.cold_start --data cub --architecture dmgan --budget paper

Each line is a process of its own that does what the line before it does and a little more, the last one is the whole
``python -m t2i generate``; they take turns, and differences of the medians say what each part takes. No image can be
generated before torch is imported, so the ratio is that to importing it. With --budget the model has random weights of that
budget's sizes. Prints a table and a line of JSON.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import spread, take_turns

CAPTION = "this bird has wings that are red and has a yellow belly"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start")
    parser.add_argument("--model", type=Path, default=Path("models/gan.pt"), help="a trained gan.pt (models/gan.pt)")
    parser.add_argument("--budget", help="random weights of this budget's sizes instead")
    parser.add_argument("--data", default="toy_birds", help="whose sizes, with --budget (toy_birds)")
    parser.add_argument(
        "--architecture", choices=["attngan", "dmgan"], default="attngan", help="with --budget (attngan)"
    )
    parser.add_argument("--repeats", type=int, default=5, help="turns that count; one more warms up (5)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = given.model.resolve()
        if given.budget:
            model = Path(folder) / "gan.pt"
            command = [given.data, given.architecture, given.budget, str(model)]
            # in a process of its own, so that this one, which starts the others, stays small
            code = f"from benchmarks.cold_start import write_model; write_model(*{command!r})"
            subprocess.run([sys.executable, "-c", code], check=True)
        commands = parts(model, Path(folder) / "bird.png")
        works = {name: lambda command=command: run(command) for name, command in commands.items()}
        runs = take_turns(works, given.repeats, warm_up=1)
    medians = {name: statistics.median(seconds) for name, seconds in runs.items()}
    what = f"untrained {given.architecture}, {given.data}, {given.budget}" if given.budget else str(given.model)
    print(f"first picture of a cold process, {what}")
    before = 0.0
    for name, median in medians.items():
        print(f"  {name:<32} {median - before:+6.2f} s  {median:6.2f} s in all  spread {spread(runs[name]):4.0%}")
        before = median
    *_, imported, _, whole = medians.values()
    torch = medians["import torch"]
    print(
        f"  after the imports: {1 - imported / whole:.0%} of the time; in all x{whole / torch:.2f} of importing torch"
    )
    print(json.dumps({"what": "cold", "model": what, "seconds": runs}))


def parts(model: Path, out: Path) -> dict[str, list[str]]:
    """What is done -> the command that does it and all before."""
    load = f"from t2i import TextToImage; TextToImage.load({str(model)!r})"
    return {
        "start Python": ["-c", "pass"],
        "import torch": ["-c", "import torch"],
        "import the rest": ["-c", "import t2i.apps.cli, t2i.generation.text_to_image"],
        "load the model": ["-c", f"import t2i.apps.cli; {load}"],
        "generate and write: t2i generate": ["-m", "t2i", "generate", CAPTION, "-m", str(model), "-o", str(out)],
    }


def run(command: list[str]) -> None:
    """Run Python to the end; what it says is shown if it fails."""
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")


def write_model(data: str, architecture: str, budget: str, path: str) -> None:
    """A gan.pt with random weights that knows the words of the caption."""
    from benchmarks.synthetic import generator_content, text_encoder, vocabulary_of
    from t2i.checkpoints import model_file
    from t2i.params.reader import load

    params = load(Path("params.yaml"), data=data, model=architecture, budget=budget)
    words = text_encoder(params, vocabulary_of([CAPTION]))
    model_file.save(Path(path), "gan", {"generator": generator_content(params), "text": words.to_checkpoint()})


if __name__ == "__main__":
    main()
