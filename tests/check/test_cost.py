"""Time, memory and disk of a run, from a few steps of each training."""

import re
import subprocess
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from t2i.check import cost
from t2i.check.cost import check_cost
from t2i.check.data import check_data
from t2i.check.findings import Findings, duration, gib
from t2i.check.trial import STEPS, Trial
from t2i.errors import InputError
from t2i.params.reader import load
from tests.conftest import ROOT

BIRDS = [f"datasets.toy_birds.source.{split}_images={count}" for split, count in
         (("train", 60), ("test", 40), ("reference", 20))]  # fmt: skip
TRIAL = Trial(early=0.1, late=0.3, start=10**8, peak=5 * 10**8, state=10**7, picture=0.01)


def measured(monkeypatch: pytest.MonkeyPatch, *changes: str) -> Findings:
    monkeypatch.chdir(ROOT)
    params = load(ROOT / "params.yaml", [*BIRDS, *changes])
    _, splits = check_data(params)
    assert splits is not None
    return check_cost(params, splits)


@pytest.mark.slow
def test_a_run_of_drawn_birds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(monkeypatch, "budget=smoke", "recipe=quick")
    lines = dict(found.lines)
    assert (
        list(lines) == ["preprocess", *cost.TRAININGS, "score_snapshots", "sample", "evaluate", "in all"]
        and found.problems == []
    )
    assert re.fullmatch(r"12 steps of 8 images, \d+\.\d\d s each: \d+ s, [\d.]+ GiB of memory", lines["train_gan"])
    assert re.fullmatch(r"80 images: \d+ s", lines["sample"])


@pytest.mark.slow
def test_a_training_that_fails_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "TRAININGS", ("train_gan",))  # without the encoders of the training before it
    (problem,) = measured(monkeypatch, "budget=smoke").problems
    assert problem.startswith("a trial of train_gan with 8 images failed: ") and "damsm.pt" in problem


@pytest.mark.parametrize(
    ("code", "printed", "reason"),
    [
        (-9, "torch.py:1: UserWarning: old\n", "exit code -9, perhaps for lack of memory"),
        (1, "", "exit code 1, perhaps for lack of memory"),
        (1, "Traceback\nMemoryError\n", "MemoryError"),
    ],
)
def test_a_killed_training_is_not_blamed_on_a_warning(
    code: int, printed: str, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = subprocess.CompletedProcess([], code, "", printed)
    monkeypatch.setattr("t2i.check.cost.subprocess.run", lambda *_, **__: ended)
    with pytest.raises(InputError, match=f"^a trial of train_gan with 4 images failed: {reason}$"):
        cost._run_trial("train_gan", tmp_path, 4)


@pytest.mark.slow
def test_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: dict[str, int] = {}

    def run_trial(stage: str, folder: Path, batch_size: int) -> Trial:
        tried[stage] = batch_size
        assert (folder / "params.json").is_file() and (folder / "prepared" / "meta.json").is_file()
        return TRIAL

    monkeypatch.setattr(cost, "_run_trial", run_trial)
    monkeypatch.setattr(cost, "current_device", lambda: torch.device("cpu"))
    changes = ["budgets.smoke.train_gan.steps=1000", "budgets.smoke.preprocess.image_size=256", "budget=smoke"]
    found = measured(monkeypatch, *changes, "budgets.smoke.train_gan.grow_at=0.5")
    lines = dict(found.lines)
    assert tried == dict.fromkeys(cost.TRAININGS, 3)  # batches of 16 and 8 images would take too much of a processor
    # 8 / 3 x (0.1 + 0.3) / 2 s; memory of the batch alone grows: 0.11 + 0.39 x 8 / 3 GB
    assert lines["train_gan"] == "1,000 steps of 8 images, 0.53 s each: 9 min, 1.1 GiB of memory"
    assert lines["pretrain_damsm"].startswith("30 steps of 16 images, 1.60 s each: 48 s")
    assert lines["sample"] == "80 images: 1 s"
    # 1.6 s to generate; the judge takes 1 / 30 s for an image: 160 fakes and 60 real ones
    assert lines["score_snapshots"] == "2 snapshots, 160 images in all: 9 s"
    tried.clear()
    measured(monkeypatch, *changes, "recipe=photo")
    assert tried == dict.fromkeys(cost.TRAININGS, 3) | {"train_gan": 4}  # the spread is of four images
    few = dict(measured(monkeypatch, *changes, "budgets.smoke.train_gan.steps=1").lines)
    assert few["score_snapshots"].startswith("1 snapshot, 80 images")
    published = dict(measured(monkeypatch, *changes, "sample.protocol=published").lines)
    assert published["sample"] == "320 images: 3 s"  # 240, and two for each of the 40 test images

    monkeypatch.setattr(cost, "free_memory", lambda: 10**9)
    problems = measured(monkeypatch, *changes).problems
    assert problems[2].startswith("train_gan needs roughly") and problems[2].endswith("gradient_checkpointing=true")
    monkeypatch.setattr("t2i.check.cost.shutil.disk_usage", lambda _: type("Usage", (), {"free": 10**7}))
    assert "of disk, and 0.0 GiB are free: make room" in measured(monkeypatch, *changes).problems[-1]


def test_trials_are_on_the_disk_of_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folders = []

    def measure(self: cost._Cost, _: Findings) -> None:
        folders.append(self.folder)

    monkeypatch.setattr(cost._Cost, "measure", measure)
    monkeypatch.chdir(tmp_path)
    assert check_cost(load(ROOT / "params.yaml"), {}).problems == []
    assert folders[0].parent == tmp_path / ".scratch" and not list((tmp_path / ".scratch").iterdir())

    def refuse(_: Path, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "there")

    monkeypatch.setattr(Path, "mkdir", refuse)
    line = "there: Permission denied, and a run writes there"
    assert check_cost(load(ROOT / "params.yaml"), {}).problems == [line]


def test_an_unreadable_image_is_left_out_where_the_run_leaves_it_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "custom"
    for split, count in (("train", 40), ("test", 6)):
        (folder / split).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (40, 40), (number, 0, 0)).save(folder / split / f"{number}.png")
            (folder / split / f"{number}.txt").write_text(f"picture {number}\nnumber {number}\n")
    monkeypatch.chdir(tmp_path)
    changes = ["data=custom", "budget=smoke", "datasets.custom.on_missing=skip", "evaluate.candidates=11"]
    params = load(ROOT / "params.yaml", changes)
    found, splits = check_data(params)
    assert splits is not None, found.problems
    for image in (folder / "train").glob("*.png"):
        if image.stem != "0":
            image.write_bytes(b"no image")
    tried = set()

    def run_trial(_stage: str, _folder: Path, batch_size: int) -> Trial:
        tried.add(batch_size)
        return TRIAL

    monkeypatch.setattr(cost, "_run_trial", run_trial)
    assert check_cost(params, splits).problems == [] and tried == {1}
    params = load(ROOT / "params.yaml", [*changes, "datasets.custom.on_missing=error"])
    (problem,) = check_cost(params, splits).problems
    assert "cannot be read" in problem


@pytest.mark.slow
def test_processes_share_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: dict[str, int] = {}

    def run_trial(stage: str, _: Path, batch_size: int) -> Trial:
        tried[stage] = batch_size
        return TRIAL

    monkeypatch.setattr(cost, "_run_trial", run_trial)
    monkeypatch.setattr(cost, "current_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(cost, "free_memory", lambda: 10**9)
    lines = dict(measured(monkeypatch, "budget=smoke", "runtime.training_processes=3").lines)
    assert tried == {"pretrain_damsm": 16, "train_judge": 16, "train_gan": 8}
    # three times 0.11 GB, and 0.39 GB of the batch
    assert lines["train_gan"].startswith("12 steps of 8 images, ") and lines["train_gan"].endswith("0.7 GiB of memory")
    assert lines["train_judge"].endswith("0.5 GiB of memory")
    monkeypatch.setattr(cost, "current_device", lambda: torch.device("cuda"))
    lines = dict(measured(monkeypatch, "budget=smoke", "runtime.training_processes=3").lines)
    assert tried == {"pretrain_damsm": 6, "train_judge": 16, "train_gan": 3}
    assert lines["train_gan"].startswith("12 steps of 8 images on 3 GPUs, ")
    assert lines["train_gan"].endswith("0.5 GiB of memory of each")


def test_one_of_the_timed_steps_has_a_gradient_penalty() -> None:
    recipes = yaml.safe_load((ROOT / "params.yaml").read_text())["recipes"].values()
    every = {losses["r1_every"] for recipe in recipes if (losses := recipe["train_gan"]["losses"])["r1"]}
    assert every == {STEPS - 1}


def test_units() -> None:
    assert [duration(s) for s in (5, 89, 100, 7_300, 180_000)] == ["5 s", "89 s", "2 min", "2 h", "2 days"]
    assert gib(3 * 2**29) == "1.5 GiB"
