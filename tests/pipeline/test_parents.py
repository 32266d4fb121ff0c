"""Packing that is ended in every way: no process goes on, nothing is left half-written, and one line says so."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml
from PIL import Image

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

SECONDS = 10
"""Within which processes end that have nothing left to do; they look around more often."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository as the stage sees it, with images that take some seconds to pack."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params |= {"data": "custom"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    images = tmp_path / "data" / "custom"
    images.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(images / "0.jpg")
    for number in range(1, 300):
        os.link(images / "0.jpg", images / f"{number}.jpg")
    write_table(tmp_path, 300)
    return tmp_path


def write_table(folder: Path, count: int) -> None:
    rows = [f"{number}.jpg,a bird,{'test' if number % 2 else 'train'}" for number in range(count)]
    (folder / "data" / "custom" / "captions.csv").write_text("\n".join(["image,caption,split", *rows, ""]))


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "DVC_STAGE"} | {"PYTHONPATH": str(ROOT)}


def start(folder: Path) -> subprocess.Popen[str]:
    """The stage, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "stages.preprocess"], cwd=folder, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def packing(folder: Path, process: psutil.Process) -> list[psutil.Process]:
    """The processes that the stage has started, once they write pixels."""
    while not any(path.stat().st_size for path in folder.glob("prepared.part/*.pixels")):
        assert process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        time.sleep(0.01)
    children: list[psutil.Process] = process.children(recursive=True)
    assert len(children) >= 2
    return children


def lines_of(output: str) -> list[str]:
    """All but the progress bar and the lines that say what is packed."""
    said = ("packing", "data/custom: ")
    return [line for line in re.split(r"[\r\n]+", output) if line and not any(word in line for word in said)]


@pytest.mark.parametrize(
    ("number", "kill", "word"),
    [
        (signal.SIGTERM, os.kill, "terminated"),
        (signal.SIGTERM, os.killpg, "terminated"),
        (signal.SIGINT, os.killpg, "interrupted"),  # Ctrl-C
    ],
)
def test_a_signal_ends_it_cleanly(
    folder: Path, number: signal.Signals, kill: Callable[[int, int], None], word: str
) -> None:
    stage = start(folder)
    workers = packing(folder, psutil.Process(stage.pid))
    kill(stage.pid, number)
    output, errors = stage.communicate(timeout=60)
    assert (stage.returncode, output, lines_of(errors)) == (130, "", [f"preprocess: {word}"])
    assert not psutil.wait_procs(workers, timeout=SECONDS)[1]
    assert sorted(path.name for path in folder.iterdir()) == ["data", "params.yaml"]


def test_workers_end_with_a_stage_that_is_killed_and_the_next_run_cleans_up(folder: Path) -> None:
    stage = start(folder)
    workers = packing(folder, psutil.Process(stage.pid))
    stage.kill()
    assert stage.wait() == -signal.SIGKILL
    assert not psutil.wait_procs(workers, timeout=SECONDS)[1]
    assert (folder / "prepared.part").is_dir() and not (folder / "prepared").exists()

    write_table(folder, 6)
    again = start(folder)
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert not (folder / "prepared.part").exists()
    splits = json.loads((folder / "metrics" / "preprocess.json").read_text())["splits"]
    assert [split["images"] for split in splits.values()] == [3, 3]


def test_a_stage_ends_with_the_dvc_that_started_it(folder: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'stages.preprocess'])"
    with (folder / "output").open("w") as output:
        dvc = subprocess.Popen(
            [sys.executable, "-c", code], cwd=folder, env=environment() | {"DVC_STAGE": "preprocess"}, stderr=output
        )
    while not (children := psutil.Process(dvc.pid).children()):
        time.sleep(0.01)
    (stage,) = children
    processes = [stage, *packing(folder, stage)]
    dvc.kill()
    dvc.wait()
    assert not psutil.wait_procs(processes, timeout=SECONDS)[1]
    assert lines_of((folder / "output").read_text()) == ["preprocess: terminated"]
    assert not list(folder.glob("prepared*"))
