"""What a run takes in time, memory and disk, roughly: a few steps of each training, measured, times their number."""

import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from t2i.check.data import vocabulary_of
from t2i.check.findings import Findings, duration, gib
from t2i.check.machine import DISTRIBUTED, free_memory
from t2i.check.reading import contents_of, pack_arguments
from t2i.check.trial import Trial
from t2i.data.packed import DAMSM_FOLDER
from t2i.errors import InputError
from t2i.files import evenly_spaced
from t2i.params import Params
from t2i.pipeline.scratch import scratch_folder
from t2i.runtime.device import current_device
from t2i.sources.missing import MissingItems
from t2i.sources.pack_writer import pack
from t2i.sources.records import Splits

TRAININGS = ("pretrain_damsm", "train_judge", "train_gan")
_MAX_PIXELS = 12 * 128 * 128  # in a batch that is tried on a processor; larger ones take more in proportion
_FORWARD = 1 / 3  # share of a training step that is spent on the forward pass


def check_cost(params: Params, splits: Splits) -> Findings:
    """Try each training on a few images, and say what the whole run takes."""
    found = Findings("run, roughly")
    scratch = scratch_folder()
    try:
        scratch.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="check-", dir=scratch) as folder:  # on the disk of the run
            _Cost(params, splits, Path(folder)).measure(found)
    except OSError as error:
        found.problems.append(f"{error.filename or scratch}: {error.strerror}, and a run writes there")
    except InputError as error:
        found.problems.append(str(error))
    return found


class _Cost:
    """The sums of a run.

    Args:
        folder: for the images and models of the trials.
    """

    def __init__(self, params: Params, splits: Splits, folder: Path) -> None:
        self.params, self.splits, self.folder = params, splits, folder
        self.images = sum(map(len, splits.values()))
        self.side = params.stage("preprocess")["image_size"]
        self.trained = 0  # training images that are packed for the trials
        self.seconds = 0.0
        self.steps: dict[str, int] = {}  # of each training
        self.per_image: dict[str, float] = {}  # training -> seconds of a step for each image of its batch
        self.states: list[int] = []  # bytes of each training's checkpoint

    def measure(self, found: Findings) -> None:
        """Add a line for each stage, the total, and what does not fit."""
        packed = self._preprocess(found)
        for stage in TRAININGS:
            trial = self._training(stage, found)
        snapshots = self._snapshots(trial.picture, found)
        pictures = self._scores(trial.picture, found)
        models, checkpoints = sum(self.states) / 3 + snapshots * trial.generator, 2 * max(self.states)
        kept = packed + pictures * self.side**2 * 3 + models
        disk = 2 * kept + checkpoints  # DVC keeps a second copy in its cache
        found.add("in all", f"{duration(self.seconds)}, {gib(disk)} of disk")
        if disk > (free := shutil.disk_usage(".").free):
            found.problems.append(f"the run needs roughly {gib(disk)} of disk, and {gib(free)} are free: make room")

    def _preprocess(self, found: Findings) -> float:
        """Pack as many images as the trials need; returns bytes of all images as packed."""
        count = max(size for size in self.params.requirements([])["batch_sizes"].values())
        few = {
            name: [records[i] for i in evenly_spaced(len(records), count if name == "train" else 2)]
            for name, records in self.splits.items()
        }
        few_images = sum(map(len, few.values()))
        missing = MissingItems(self.params.dataset.on_missing)
        begin = time.perf_counter()
        meta = pack(few, self.folder / "prepared", **pack_arguments(self.params), processes=1, missing_items=missing)
        seconds = (time.perf_counter() - begin) / few_images * self.images / self.params.runtime.preprocess_workers
        vocabulary_of(contents_of(self.splits), self.params).save(self.folder / "vocabulary.json")
        (self.folder / "params.json").write_text(self.params.model_dump_json(by_alias=True), encoding="utf-8")
        self.trained = meta["splits"]["train"]["images"]
        self.seconds += seconds
        found.add("preprocess", f"{self.images:,} images: {duration(seconds)}")
        damsm_bytes: float = meta[DAMSM_FOLDER]["bytes"] if DAMSM_FOLDER in meta else 0
        second = damsm_bytes / len(few["train"]) * len(self.splits["train"])
        return sum(sum(split["shards"]) for split in meta["splits"].values()) / few_images * self.images + second

    def _training(self, stage: str, found: Findings) -> Trial:
        settings = self.params.stage(stage)
        batch_size: int = settings["batch_size"]
        steps = settings["steps"]
        if steps is None:
            steps = settings["epochs"] * (len(self.splits["train"]) // batch_size)
        self.steps[stage] = steps
        processes = self.params.runtime.training_processes if stage in DISTRIBUTED else 1
        on_gpu = current_device().type == "cuda"
        share = math.ceil(batch_size / processes) if on_gpu else batch_size  # of a GPU; a processor computes all of it
        group = (settings["discriminator"]["minibatch_std"] or 1) if stage == "train_gan" else 1
        tried = min(share, self.trained)  # fewer, where unreadable images are left out
        if not on_gpu:
            damsm_side = self.params.stage("preprocess")["damsm_image_size"]
            side = damsm_side if damsm_side and stage == "pretrain_damsm" else self.side
            tried = min(tried, max(2, group, _MAX_PIXELS // side**2))
        tried -= tried % group if tried > group else 0
        trial = _run_trial(stage, self.folder, tried)
        grow_at = settings.get("grow_at", 0.0) if self.params.start_from.gan is None else 0.0
        self.per_image[stage] = (grow_at * trial.early + (1 - grow_at) * trial.late) / tried
        self.states.append(trial.state)
        fixed = trial.start + trial.state  # what does not grow with the batch
        memory = fixed * (1 if on_gpu else processes) + max(0, trial.peak - fixed) * share / tried
        a_step = self.per_image[stage] * share
        self.seconds += steps * a_step
        where = f" on {processes} GPUs" if on_gpu and processes > 1 else ""
        each = " of each" if where else ""
        found.add(
            stage,
            f"{steps:,} steps of {batch_size} images{where}, {a_step:.2f} s each: {duration(steps * a_step)}, "
            f"{gib(memory)} of memory{each}",
        )
        if memory > (free := free_memory()):
            can_recompute = stage == "train_gan" and not self.params.runtime.gradient_checkpointing
            found.problems.append(
                f"{stage} needs roughly {gib(memory)} of memory, and {gib(free)} are free: lower "
                f"budgets.{self.params.budget}.{stage}.batch_size"
                + (" or set runtime.gradient_checkpointing=true" if can_recompute else "")
            )
        return trial

    def _snapshots(self, seconds_a_picture: float, found: Findings) -> int:
        """Sampling and scoring of the snapshots; returns how many there are."""
        count = min(self.params.stage("train_gan")["snapshots"], self.steps["train_gan"])
        tests = self.splits["test"]
        chosen = evenly_spaced(len(tests), self.params.stage("score_snapshots")["images"])
        pictures = count * sum(min(2, len(tests[i].captions)) for i in chosen)
        reals = sum(len(records) for name, records in self.splits.items() if name != "train")
        scoring = _FORWARD * self.per_image["train_judge"] * (pictures + reals)
        seconds = pictures * seconds_a_picture + scoring
        self.seconds += seconds
        found.add(
            "score_snapshots", f"{count} snapshot{'s' * (count > 1)}, {pictures:,} images in all: {duration(seconds)}"
        )
        return count

    def _scores(self, seconds_a_picture: float, found: Findings) -> int:
        """Sampling and scoring; returns the number of generated images."""
        tests = len(self.splits["test"])
        sets = self.params.pictures([len(record.captions) for record in self.splits["test"]])
        pictures, scored = sum(sets.values()), sets[self.params.sample.protocol]
        reals = sum(len(records) for name, records in self.splits.items() if name != "train")
        sampling = pictures * seconds_a_picture
        # the judge sees fakes, training images, noise and reals; DAMSM fakes and reals
        scoring = _FORWARD * (
            self.per_image["train_judge"] * (pictures + 2 * scored + reals)
            + self.per_image["pretrain_damsm"] * (scored + tests)
        )
        found.add("sample", f"{pictures:,} images: {duration(sampling)}")
        found.add("evaluate", duration(scoring))
        self.seconds += sampling + scoring
        return pictures


def _run_trial(stage: str, folder: Path, batch_size: int) -> Trial:
    """Run :mod:`t2i.check.trial` in a process of its own.

    Raises:
        InputError: it failed; the last line of what it printed, unless it was killed.
    """
    command = [sys.executable, "-m", "t2i.check.trial", stage, str(folder), str(batch_size)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        # a trial that is killed has printed warnings at most
        printed = done.stderr.strip().splitlines() if done.returncode > 0 else []
        last = (printed or [f"exit code {done.returncode}, perhaps for lack of memory"])[-1]
        raise InputError(f"a trial of {stage} with {batch_size} images failed: {last}")
    return Trial(**json.loads(done.stdout.splitlines()[-1]))
