"""Exponents, and what a measurement runs and times."""

import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from benchmarks import scaling, scaling_worker, train_step
from t2i.data.packed import PackedSplit
from tests.conftest import ROOT


def test_exponents_of_power_laws() -> None:
    amounts = [8, 16, 32]
    assert scaling.exponents(amounts, [1.0, 2.0, 4.0]) == pytest.approx([1, 1])
    assert scaling.exponents(amounts, [3.0, 12.0, 12.0]) == pytest.approx([2, 0])
    assert scaling.exponents([32**2, 64**2], [1.0, 4.0]) == pytest.approx([1])  # linear in pixels
    assert scaling.exponents(amounts, [0.0, 0.0, 0.0]) == [0, 0]


def test_a_row_of_the_table() -> None:
    runs = [{"seconds": 0.5, "gib": 1.0}, {"seconds": 1.0, "gib": 1.0}]
    assert list(scaling.row("pixels", [32, 64], runs).values()) == [
        "pixels", "32², 64²", "0.5 s, 1 s", "0.50", "1.00 GiB, 1.00 GiB", "0.00"
    ]  # fmt: skip
    assert scaling.median([*runs, runs[1]]) == runs[1]


@pytest.mark.parametrize(("axis", "value"), [("batch", 8), ("pixels", 32), ("words", 9), ("images", 99)])
def test_one_quantity_grows_in_a_training(monkeypatch: pytest.MonkeyPatch, axis: str, value: int) -> None:
    packed: list[tuple[str, ...]] = []
    trained: list[tuple[str, ...]] = []

    def run_module(module: str, *arguments: str) -> dict[str, float]:
        (packed if module == "benchmarks.scaling_worker" else trained).append(arguments)
        return {"seconds": 2.0, "peak_gib": 1.5, "start_gib": 1.0}

    monkeypatch.setattr(scaling, "run_module", run_module)
    given = train_step.parser().parse_args(["--data", "cub", "--budget", "demo", "--steps", "3"])
    assert scaling.measure(given, "damsm", axis, value) == {"seconds": 2.0, "gib": 0.5}
    sizes = scaling.SIZES | {axis: value}
    ((pack, *numbers, folder),) = packed
    assert [pack, *map(int, numbers)] == ["pack", sizes["images"], sizes["pixels"], sizes["words"]]
    run = vars(train_step.parser().parse_args(trained[0]))
    expected: dict[str, Any] = {"batch_size": sizes["batch"], "max_words": sizes["words"], "prepared": Path(folder)}
    expected |= {"what": ["damsm"], "variant": "fp32", "steps": 3, "data": "cub", "recipe": "paper", "budget": "demo"}
    assert run | expected == run


def test_preparation_is_not_timed_and_its_memory_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds, memory = count(100.0), iter([2**30, 3 * 2**30])
    monkeypatch.setattr(time, "perf_counter", lambda: next(seconds))
    monkeypatch.setattr(scaling_worker, "peak_memory", lambda: next(memory))

    def prepare(images: int, folder: Path) -> Callable[[], object]:
        assert folder.is_dir() and not any(folder.iterdir())
        time.perf_counter()
        return lambda: [time.perf_counter() for _ in range(images)]

    assert scaling_worker.measure(prepare, 4) == {"seconds": 5.0, "gib": 2.0}


def test_work_grows_with_the_number_of_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(scaling_worker, "SIDE", 16)
    monkeypatch.setattr(scaling_worker, "TEST_IMAGES", 12)
    scaling_worker.preprocess(7, tmp_path)()
    assert len(PackedSplit(tmp_path / "prepared", "train")) == 7
    for images in (24, 48):
        assert scaling_worker.sampling(images, tmp_path / f"sampling{images}")() == images
        scores = scaling_worker.scoring(images, tmp_path / f"scoring{images}")()
        assert scores["protocol"]["pictures"] == images
