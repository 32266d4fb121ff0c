"""Training steps of t2i against plain ones (benchmarks/reference.py), measured in turns.

    python -m benchmarks.train_step --budget paper --data cub --prepared prepared --batch-size 4
    python -m benchmarks.train_step --budget paper32 --steps 12 --what attngan dmgan damsm
    python -m benchmarks.train_step --budget paper --data cub --prepared prepared --batch-size 2 --count

Needs images packed at the size of the budget (`dvc repro preprocess` with it); their content does not matter, and
Inception gets random weights. Each measurement is a process of its own, so that peaks of memory are its own; the plain
one, ours in float32 and ours as `precision: auto` has it, or what `--ways` names, take turns, `--repeats` times.
``--count`` counts arithmetic operations instead, which bound what less work alone can gain. Prints a table and JSON
lines.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.reference import plain_damsm, plain_gan
from benchmarks.synthetic import encoders
from benchmarks.timing import spread
from t2i.data.packed import PackedSplit
from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.params.reader import load
from t2i.pipeline.run import peak_memory
from t2i.runtime.device import current_device
from t2i.training.damsm import train_damsm
from t2i.training.gan.train import train_gan
from t2i.training.loop.checkpoint import CheckpointPolicy

WAYS: dict[str, dict[str, Any]] = {
    "plain": {"precision": "fp32"},
    "ours, fp32": {"precision": "fp32"},
    "ours, auto": {"precision": "auto"},
    "compiled": {"precision": "auto", "compiled": True},
    "checkpointing": {"precision": "auto", "gradient_checkpointing": True},
}
WARM_UP = 2  # steps that do not count


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_step")
    parser.add_argument(
        "--what", nargs="+", choices=["attngan", "dmgan", "damsm"], default=["attngan", "dmgan", "damsm"]
    )
    parser.add_argument(
        "--ways",
        nargs="+",
        choices=WAYS,
        default=list(WAYS)[:3],
        help="that take turns; the first is what others are compared with",
    )
    parser.add_argument("--data", default="toy_birds", help="whose sizes (toy_birds)")
    parser.add_argument("--budget", default="paper32", help="whose sizes (paper32)")
    parser.add_argument("--prepared", type=Path, default=Path("prepared"), help="packed images (prepared)")
    parser.add_argument("--batch-size", type=int, help="images a step (that of the budget)")
    parser.add_argument("--max-words", type=int, help="of a caption (that of the data set)")
    parser.add_argument("--steps", type=int, default=6, help=f"that count; {WARM_UP} more warm up (6)")
    parser.add_argument("--repeats", type=int, default=3, help="turns (3)")
    parser.add_argument("--count", action="store_true", help="operations of one step instead of times")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)  # one measurement, in its own process
    given = parser.parse_args()
    if given.way:
        print(json.dumps(count(given) if given.count else measure(given)))
        return
    try:
        PackedSplit(given.prepared, "train")
    except InputError as error:
        sys.exit(f"train_step: {error}")
    for what in given.what:
        # those of DAMSM know nothing but precision
        ways = [way for way in given.ways if what != "damsm" or set(WAYS[way]) == {"precision"}]
        found: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(1 if given.count else given.repeats):
            for way in ways:
                command = [sys.executable, "-m", "benchmarks.train_step", *sys.argv[1:], "--what", what, "--way", way]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    sys.exit(done.stderr)
                found[way].append(json.loads(done.stdout.splitlines()[-1]))
        (report_counts if given.count else report)(what, given, found)


def count(given: argparse.Namespace) -> dict[str, float]:
    """Operations of one step, in 10^12; a multiplication and its addition are two. Recurrences are not counted."""
    given.steps = 1 - WARM_UP
    with FlopCounterMode(display=False) as counter:
        measure(given)
    return {"tflop": counter.get_total_flops() / 1e12}


def report_counts(what: str, given: argparse.Namespace, found: dict[str, list[dict[str, float]]]) -> None:
    """Print what was counted of one training."""
    print(f"{what}, sizes of {given.data} in budget {given.budget}, operations of one step")
    counts = {way: runs[0]["tflop"] for way, runs in found.items()}
    first = next(iter(counts.values()))
    for way, tflop in counts.items():
        print(f"  {way:<13} {tflop:8.3f} x 10^12  x{first / tflop:4.2f}")
    print(json.dumps({"what": what, "data": given.data, "budget": given.budget, "tflop": counts}))


def report(what: str, given: argparse.Namespace, found: dict[str, list[dict[str, float]]]) -> None:
    """Print what was measured of one training."""
    print(f"{what}, sizes of {given.data} in budget {given.budget}, {torch.get_num_threads()} threads")
    seconds = {way: statistics.median(run["seconds"] for run in runs) for way, runs in found.items()}
    first = next(iter(seconds.values()))
    for way, runs in found.items():
        turns = spread([run["seconds"] for run in runs])
        peak = statistics.median(run["peak_gib"] for run in runs)
        ratio = first / seconds[way]
        print(f"  {way:<13} {seconds[way]:8.3f} s/step  x{ratio:4.2f}  spread {turns:4.0%}  peak {peak:5.2f} GiB")
    print(json.dumps({"what": what, "data": given.data, "budget": given.budget, "runs": found}))


def measure(given: argparse.Namespace) -> dict[str, float]:
    """Median time of a step, peak of memory, and what of it was there before the training, of one way."""
    (what,) = given.what
    model = "attngan" if what == "damsm" else what
    params = load(Path("params.yaml"), data=given.data, model=model, budget=given.budget)
    budget, loss, dataset = params.budgets[given.budget], params.loss, getattr(params.datasets, given.data)
    pack = PackedSplit(given.prepared, "train")
    vocabulary = Vocabulary.build(tokenize(text) for text in pack.captions["text"])
    block = dict(budget.pretrain_damsm if what == "damsm" else budget.train_gan)
    steps = given.steps + WARM_UP
    settings: dict[str, Any] = block | {
        "steps": steps, "epochs": None, "batch_size": given.batch_size or block["batch_size"],
        "max_words": given.max_words or (dataset.damsm_max_words if what == "damsm" else dataset.max_words),
        "flip": dataset.flip,
        "temperature": loss.temperature, "gamma1": loss.gamma1, "gamma2": loss.gamma2, "gamma3": loss.gamma3,
        "seed": 0, **WAYS[given.way],
    }  # fmt: skip
    moments: list[float] = []
    start = peak_memory() / 2**30

    def tick(*_: Any) -> None:
        moments.append(time.perf_counter())

    plain = given.way == "plain"
    with tempfile.TemporaryDirectory() as folder:
        clock = CheckpointPolicy(Path(folder), float("inf"), tick, lambda _: None)
        watched: dict[str, Any] = {"watch": tick} if plain else {"resume": clock}
        if what == "damsm":
            settings |= {"contrastive_weight": loss.damsm_contrastive, "captions": 2, "candidates": "view"} | watched
            plain_damsm(pack, vocabulary, **settings) if plain else train_damsm(
                pack, vocabulary, **settings, inception_body=None
            )
        else:
            settings |= {"model": model, "contrastive_weight": loss.lambda_, "shared_noise": loss.shared_noise}
            settings |= dict(getattr(params.models, model)) | watched
            damsm = encoders(params, vocabulary)
            plain_gan(pack, damsm, **settings) if plain else train_gan(pack, damsm, **settings)
    peak = peak_memory() / 2**30
    if current_device().type == "cuda":
        start, peak = 0.0, torch.cuda.max_memory_allocated() / 2**30
    times = [b - a for a, b in zip(moments[WARM_UP - 1 :], moments[WARM_UP:], strict=False)]
    return {"seconds": statistics.median(times or [0.0]), "peak_gib": peak, "start_gib": start}


if __name__ == "__main__":
    main()
