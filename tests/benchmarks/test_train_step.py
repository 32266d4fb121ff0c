"""What a step costs, counted, and which steps are timed."""

import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import train_step
from t2i.data.packed import PackedSplit, damsm_folder
from tests.conftest import ROOT


def options(prepared: Path, what: str, variant: str) -> Namespace:
    selected = ["--what", what, "--variant", variant, "--prepared", str(prepared), "--budget", "smoke"]
    return train_step.parser().parse_args(selected)


def test_images_of_damsm_pretraining_have_the_size_of_the_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    selected = ["--data", "cub", "--budget", "paper", "--batch-size", "2"]
    train_step.made_up_split(train_step.parser().parse_args(selected), tmp_path / "prepared")
    sides = [
        PackedSplit(each, "train").image_size for each in (tmp_path / "prepared", damsm_folder(tmp_path / "prepared"))
    ]
    assert sides == [256, 299]


def operations(prepared: Path, what: str, variant: str) -> float:
    return train_step.count(options(prepared, what, variant))["tflop"]


@pytest.mark.slow
@pytest.mark.parametrize("what", train_step.TRAININGS)
def test_plain_steps_do_more(striped: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert operations(striped, what, "plain") > 1.2 * operations(striped, what, "fp32") > 0


def test_checkpointing_does_more_and_precision_changes_no_operation(
    striped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    fp32, auto, checkpointing = (operations(striped, "attngan", name) for name in ("fp32", "auto", "checkpointing"))
    assert fp32 == auto < checkpointing


@pytest.mark.parametrize("variant", ["plain", "fp32"])
def test_warm_up_is_not_timed(striped: Path, variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moments: Iterator[float] = iter([0.0, 100.0, 101.0, 103.0, 104.0])
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(time, "perf_counter", lambda: next(moments))
    assert train_step.measure(options(striped, "damsm", variant), 3 + train_step.WARM_UP)["seconds"] == 1.0
