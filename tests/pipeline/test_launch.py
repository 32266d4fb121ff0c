"""A training stage in two processes: who starts and ends them, who writes, and who says what."""

import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from stages import train_gan
from t2i.checkpoints import model_file
from t2i.data.text.vocabulary import Vocabulary
from t2i.pipeline.launch import run
from tests.conftest import ROOT
from tests.helpers import FORKSERVER, NUM_PROCESSES, free_port, small_damsm

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, striped: Path, vocabulary: Vocabulary) -> Path:
    """A repository as the stage sees it."""
    FORKSERVER.set_forkserver_preload(["tests.pipeline.test_launch"])
    folder = tmp_path_factory.mktemp("stage")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["budget"] = "smoke"
    params["budgets"]["smoke"]["train_gan"]["steps"] = 24
    params["runtime"] |= {"checkpoint_seconds": 0, "training_processes": NUM_PROCESSES}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copytree(striped, folder / "prepared")
    (folder / "models").mkdir()
    model_file.save(
        folder / "models" / "damsm.pt", "damsm", small_damsm(striped, vocabulary, steps=3)[0].to_checkpoint()
    )
    return folder


def worker(rank: int, port: int, folder: Path) -> None:
    """What torchrun starts, in a process that has imported everything already."""
    reply = folder / "torchrun" / str(rank)
    reply.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "RANK": str(rank), "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(NUM_PROCESSES), "TORCHELASTIC_RUN_ID": "test",
        "TORCHELASTIC_ERROR_FILE": str(reply / "error.json"),
    }  # fmt: skip
    os.chdir(folder)
    output = os.open(folder / "output", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    run(train_gan.main)


def start(folder: Path) -> list[multiprocessing.process.BaseProcess]:
    """The stage as torchrun would start it."""
    shutil.rmtree(folder / "torchrun", ignore_errors=True)
    (folder / "output").unlink(missing_ok=True)
    port = free_port()
    processes: list[multiprocessing.process.BaseProcess] = [
        FORKSERVER.Process(target=worker, args=(rank, port, folder), daemon=True) for rank in range(NUM_PROCESSES)
    ]
    for process in processes:
        process.start()
    return processes


def end(processes: list[multiprocessing.process.BaseProcess], folder: Path) -> list[str]:
    """What the processes printed until their end."""
    for process in processes:
        process.join(300)
    return lines_of((folder / "output").read_text())


def lines_of(output: str) -> list[str]:
    """All but the progress bar."""
    return [line for line in re.split(r"[\r\n]+", output) if line and not line.startswith("GAN:")]


def saved(folder: Path) -> list[int]:
    """When the checkpoint was written, if there is one."""
    return [path.stat().st_mtime_ns for path in folder.glob(".scratch/train_gan/*/last.ckpt")]


def test_the_stage_starts_processes_and_ends_them(folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.train_gan"], cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    while not saved(folder):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    workers = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGTERM)
    lines = lines_of(process.communicate(timeout=300)[0])
    assert len(lines) == 1, lines
    line = lines[0]
    assert re.fullmatch(r"train_gan: terminated: \d+ of 24 steps are saved; run it again to go on", line)
    assert (
        process.returncode == 130 and len(workers) == NUM_PROCESSES and not any(map(psutil.Process.is_running, workers))
    )
    shutil.rmtree(folder / ".scratch")  # made with other code than those below, for this process has imported more


def test_the_stage_goes_on_after_a_process_was_killed(folder: Path) -> None:
    processes = start(folder)
    while not saved(folder):
        assert processes[0].is_alive()
        time.sleep(0.02)
    processes[1].kill()
    *_, line = end(processes, folder)
    assert line == "train_gan: another process of this training has ended; run it again to go on"
    assert [process.exitcode for process in processes] == [1, -9]

    processes = start(folder)
    *_, line, took = end(processes, folder)
    assert line.startswith("train_gan: going on after step") and took.startswith("train_gan: ")
    assert [process.exitcode for process in processes] == [0, 0]
    assert (
        model_file.load(folder / "models" / "gan.pt", "gan")["provenance"] and (folder / "plots/train_gan.png").exists()
    )
    snapshots = sorted((folder / "models" / "snapshots").iterdir())
    assert [path.name for path in snapshots] == ["000012.pt", "000024.pt"]
    assert snapshots[-1].read_bytes() == (folder / "models" / "gan.pt").read_bytes()
    assert not saved(folder) and not list(folder.rglob("*.part"))


def test_one_process_says_what_is_wrong(folder: Path) -> None:
    text = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(text.replace("batch_size: 8", "batch_size: 33"))
    processes = start(folder)
    line = "train_gan: a batch of 33 images needs as many, the split has 32; lower batch_size"
    assert end(processes, folder) == [line] and [p.exitcode for p in processes] == [1, 1]
    (folder / "params.yaml").write_text(text)
