"""Runs of DVC that are killed in every way, one after the other; each next one goes on where the last one was."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.pipeline.clones import change_params, clone, environment, run

pytestmark = pytest.mark.slow


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    """Run ``dvc`` command in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "dvc", *command], cwd=folder, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def checkpoint(folder: Path) -> tuple[int, float]:
    """Inode and time of the only checkpoint of the GAN; zeros if there is none."""
    found = list(folder.glob(".scratch/train_gan/*/last.ckpt"))
    assert len(found) <= 1
    return (found[0].stat().st_ino, found[0].stat().st_mtime) if found else (0, 0.0)


def kill_when_it_has_gone_on(folder: Path, number: signal.Signals, *command: str, group: bool = True) -> str:
    """Start DVC, wait until the training has saved a few times, send a signal; what was printed."""
    process = start(folder, *command)
    seen = {checkpoint(folder)}
    while len(seen) < 3:
        assert process.poll() is None, process.stdout and process.stdout.read()
        seen.add(checkpoint(folder))
        time.sleep(0.005)
    os.killpg(process.pid, number) if group else os.kill(process.pid, number)
    output, _ = process.communicate(timeout=120)  # ends when the training has ended too
    assert process.returncode != 0
    return output


def test_every_way_to_die(tmp_path: Path) -> None:
    folder = clone(tmp_path / "clone")
    change_params(
        folder, budget="smoke",
        **{
            "budgets.smoke.train_gan.steps": 100, "budgets.smoke.pretrain_damsm.steps": 4,
            "budgets.smoke.train_judge.steps": 4, "runtime.checkpoint_seconds": 0,
        },
    )  # fmt: skip
    run(folder, "dvc", "repro", "pretrain_damsm", "train_judge")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", "encoders")

    first = kill_when_it_has_gone_on(folder, signal.SIGKILL, "repro", "train_gan")
    assert "going on after" not in first
    for number, group, command in (
        (signal.SIGINT, True, ("exp", "run", "train_gan")),
        (signal.SIGKILL, False, ("repro", "train_gan")),  # DVC alone: the training notices
        (signal.SIGKILL, True, ("exp", "run", "--temp", "train_gan")),
    ):
        output = kill_when_it_has_gone_on(folder, number, *command, group=group)
        assert "going on after step" in output, (command, output)
        if number == signal.SIGINT:
            assert "steps are saved; run it again to go on" in output
    # the queue, killed and queued again
    run(folder, "dvc", "exp", "run", "--queue", "-n", "queued", "train_gan")
    worker = [sys.executable, "-m", "dvc", "queue", "start", "-j", "1"]  # which keeps a pipe open: it gets none
    subprocess.run(
        worker, cwd=folder, env=environment(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    seen, deadline = {checkpoint(folder)}, time.monotonic() + 120
    while len(seen) < 3:
        assert time.monotonic() < deadline, run(folder, "dvc", "queue", "logs", "queued")
        seen.add(checkpoint(folder))
        time.sleep(0.01)
    run(folder, "dvc", "queue", "kill", "queued")
    change_params(folder, **{"runtime.checkpoint_seconds": 60})  # which no stage depends on
    output = run(folder, "dvc", "repro", "train_gan")
    assert "going on after step" in output
    assert not list(folder.glob(".scratch/train_gan/*/*"))
    interrupted = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]["train_gan"]["outs"]
    assert "going on after step" not in run(folder, "dvc", "repro", "-f", "-s", "train_gan")
    assert yaml.safe_load((folder / "dvc.lock").read_text())["stages"]["train_gan"]["outs"] == interrupted
