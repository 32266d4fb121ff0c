"""Time and memory of training steps of t2i, compared with plain ones (benchmarks/reference.py).

    python -m benchmarks.train_step --recipe paper --budget small --steps 12
    python -m benchmarks.train_step --recipe paper --budget paper --data cub --batch-size 4 --what attngan
    python -m benchmarks.train_step --recipe paper --budget paper --data cub --batch-size 2 --count

Images are made up at the size of the budget and captions at the length of the data set's, since their content does not
matter, and all networks are untrained. Each measurement runs in a process of its own, so that its peak memory is its
own; variants alternate, ``--repeats`` times. ``--count`` counts arithmetic operations instead, which bound what doing
less work can gain. Prints a table and a line of JSON for each training.
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.options import add_selectors, load_params, make_parser, one_line_errors, sizes_text
from benchmarks.process import Measurement, run_module
from benchmarks.reference import plain_damsm, plain_gan
from benchmarks.report import report
from benchmarks.synthetic import damsm_encoders, synthetic_split, vocabulary_of
from benchmarks.timing import spread
from t2i.data.packed import PackedSplit, damsm_folder
from t2i.pipeline.arguments import damsm_arguments, gan_arguments
from t2i.pipeline.run import peak_memory
from t2i.runtime.device import current_device
from t2i.training.damsm import train_damsm
from t2i.training.gan.train import train_gan
from t2i.training.loop.checkpoint import CheckpointPolicy

TRAININGS = ("attngan", "dmgan", "damsm")
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"precision": "fp32"},
    "fp32": {"precision": "fp32"},
    "auto": {"precision": "auto"},
    "checkpointing": {"precision": "auto", "gradient_checkpointing": True},
}
"""Variant -> its arguments of the training; all but the first are t2i's."""
WARM_UP = 2  # steps that are not timed
_STAGES = (("pretrain_damsm", "attngan"), ("train_gan", "attngan"), ("train_gan", "dmgan"))  # with a batch size each


@one_line_errors("train_step")
def main() -> None:
    """Measure and report."""
    given = parser().parse_args()
    if given.variant:
        print(json.dumps(count(given) if given.count else measure(given, given.steps + WARM_UP)))
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(given, Path(folder) / "prepared")


def compare(given: argparse.Namespace, prepared: Path) -> None:
    """Measure every variant of every training in turn, on made-up images written to ``prepared``."""
    made_up_split(given, prepared)
    for what in given.what:
        # DAMSM pretraining is not checkpointed
        variants = [name for name in given.variants if what != "damsm" or VARIANTS[name].keys() == {"precision"}]
        if not variants:
            continue
        runs: dict[str, list[Measurement]] = {name: [] for name in variants}
        for _ in range(1 if given.count else given.repeats):
            for name in variants:
                runs[name].append(_in_own_process(what, name, prepared))
        (report_counts if given.count else report_steps)(f"{what}, {sizes_text(given)}", runs)


def parser() -> argparse.ArgumentParser:
    """The command-line options."""
    options = make_parser("train_step")
    options.add_argument("--what", nargs="+", choices=TRAININGS, default=list(TRAININGS), help="trainings")
    options.add_argument(
        "--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS)[:3], help="compared with the first of them"
    )
    add_selectors(options, recipe="paper", budget="small")
    options.add_argument("--prepared", type=Path, help=argparse.SUPPRESS)  # packed images, of another benchmark as well
    options.add_argument("--batch-size", type=int, help="images a step; None: that of the budget")
    options.add_argument("--max-words", type=int, help="of a caption; None: that of the data set")
    options.add_argument("--steps", type=int, default=6, help=f"that are timed, after {WARM_UP} that warm up")
    options.add_argument("--repeats", type=int, default=3, help="processes of each variant")
    options.add_argument("--count", action="store_true", help="count operations of a step instead")
    options.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)  # one measurement, in this process
    return options


def made_up_split(given: argparse.Namespace, folder: Path) -> PackedSplit:
    """Images of the size that the options choose, with captions a fifth of which exceed the number of words read."""
    params = load_params(given)
    longest = given.max_words or params.dataset.max_words
    batches = [given.batch_size or load_params(given, model).stage(stage)["batch_size"] for stage, model in _STAGES]
    return synthetic_split(
        folder, images=max(64, *batches), words=(min(6, longest), math.ceil(1.25 * longest)),
        image_size=params.stage("preprocess")["image_size"], resize_ratio=params.dataset.resize_ratio,
        damsm_image_size=params.stage("preprocess")["damsm_image_size"],
    )  # fmt: skip


def _in_own_process(what: str, variant: str, prepared: Path) -> Measurement:
    own = ["--what", what, "--variant", variant, "--prepared", str(prepared)]
    return run_module("benchmarks.train_step", *sys.argv[1:], *own)


def measure(given: argparse.Namespace, steps: int) -> Measurement:
    """Run a training for some steps: median time of those that are not warm-up, peak memory, and memory before it."""
    (what,) = given.what
    plain = given.variant == "plain"
    params = load_params(given, "attngan" if what == "damsm" else what)
    pack = PackedSplit(damsm_folder(given.prepared) if what == "damsm" else given.prepared, "train")
    vocabulary = vocabulary_of(pack.captions["text"])
    arguments = (damsm_arguments if what == "damsm" else gan_arguments)(params)
    arguments.pop("epochs", None)  # the length is in steps
    arguments |= {"steps": steps, **VARIANTS[given.variant]}
    for name in ("batch_size", "max_words"):
        arguments[name] = getattr(given, name) or arguments[name]
    moments: list[float] = []

    def tick() -> None:
        if current_device().type == "cuda":
            torch.cuda.synchronize()
        moments.append(time.perf_counter())

    start = peak_memory() / 2**30
    with tempfile.TemporaryDirectory() as folder:
        arguments |= {"on_step": tick} if plain else {"checkpoints": CheckpointPolicy(Path(folder), math.inf, tick)}
        train: Callable[..., object]
        if what == "damsm":
            train = plain_damsm if plain else train_damsm
            train(pack, vocabulary, **arguments)
        else:
            train = plain_gan if plain else train_gan
            train(pack, damsm_encoders(params, vocabulary), **arguments)
    peak = peak_memory() / 2**30
    if current_device().type == "cuda":
        start, peak = 0.0, torch.cuda.max_memory_allocated() / 2**30
    times = [after - before for before, after in zip(moments[WARM_UP - 1 :], moments[WARM_UP:], strict=False)]
    return {"seconds": statistics.median(times or [0.0]), "peak_gib": peak, "start_gib": start}


def count(given: argparse.Namespace) -> Measurement:
    """Operations of one step, in 10^12; a multiplication and its addition are two. Recurrences are not counted."""
    with FlopCounterMode(display=False) as counter:
        measure(given, 1)
    return {"tflop": counter.get_total_flops() / 1e12}


def report_steps(title: str, runs: dict[str, list[Measurement]]) -> None:
    """Print times and memory of one training."""
    seconds = {name: [run["seconds"] for run in of_variant] for name, of_variant in runs.items()}
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    first = next(iter(medians.values()))
    rows = [
        {
            "variant": name,
            "s/step": f"{medians[name]:.3f}",
            "speed-up": f"x{first / medians[name]:.2f}",
            "spread": f"{spread(seconds[name]):.0%}",
            "peak memory": f"{statistics.median(run['peak_gib'] for run in of_variant):.2f} GiB",
        }
        for name, of_variant in runs.items()
    ]
    report(f"{title}, {torch.get_num_threads()} threads", rows, runs=runs)


def report_counts(title: str, runs: dict[str, list[Measurement]]) -> None:
    """Print operations of one training."""
    counts = {name: of_variant[0]["tflop"] for name, of_variant in runs.items()}
    first = next(iter(counts.values()))
    rows = [
        {"variant": name, "10^12 operations": f"{tflop:.3f}", "fewer": f"x{first / tflop:.2f}"}
        for name, tflop in counts.items()
    ]
    report(f"{title}, one step", rows, tflop=counts)


if __name__ == "__main__":
    main()
