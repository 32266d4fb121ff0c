"""One folder of checkpoints for one training: found again, locked, handed over, removed."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from t2i.pipeline.scratch import resumable
from tests.conftest import ROOT

RECORD: dict[str, Any] = {"settings": {"steps": 3}, "inputs": {}}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path / ".scratch" / "train"


def folders(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.is_dir())


def test_it_is_found_again_after_a_failure_and_removed_after_success(root: Path) -> None:
    with pytest.raises(RuntimeError), resumable("train", RECORD, 60) as first:
        (first.folder / "x").write_text("kept")
        raise RuntimeError
    with resumable("train", RECORD, 60) as second:
        assert second.folder == first.folder and (second.folder / "x").read_text() == "kept"
    assert folders(root) == []


def test_other_settings_have_another_folder_and_a_line_mentions_the_first(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(RuntimeError), resumable("train", RECORD, 60) as first:
        (first.folder / "x").write_bytes(bytes(3 * 2**20))
        raise RuntimeError
    assert caplog.messages == []
    with resumable("train", RECORD | {"settings": {"steps": 4}}, 60) as other:
        assert other.folder != first.folder and not list(other.folder.iterdir())
    (line,) = caplog.messages
    assert line.startswith("3 MiB of checkpoints of 1 other settings, inputs or code are in ")
    assert folders(root) == [first.folder.name]


WAITER = """
import logging
from t2i.pipeline.scratch import resumable
logging.basicConfig(level=logging.INFO, format="%(message)s")
with resumable("train", {"settings": {"steps": 3}, "inputs": {}}, 60) as given:
    print((given.folder / "result").read_text())
"""


def test_a_second_run_waits_and_takes_over_the_result(root: Path) -> None:
    with resumable("train", RECORD, 60) as first:
        second = subprocess.Popen(
            [sys.executable, "-c", WAITER], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        deadline = time.monotonic() + 60
        while not list(root.glob("*.waits.*")):
            assert time.monotonic() < deadline and second.poll() is None
            time.sleep(0.05)
        (first.folder / "result").write_text("done by the first")
    output, _ = second.communicate(timeout=60)
    assert output.splitlines() == [
        "the same training is running elsewhere; waiting for its result", "done by the first",
    ]  # fmt: skip
    assert folders(root) == [] and not list(root.glob("*.waits.*"))


def test_one_who_waited_and_died_does_not_count(root: Path) -> None:
    with resumable("train", RECORD, 60) as given:
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        (root / f"{given.folder.name}.waits.{dead.pid}").touch()
    assert folders(root) == [] and not list(root.glob("*.waits.*"))


@pytest.mark.parametrize(("owner", "waits"), [(0, False), (1, True)])
def test_a_process_of_another_user_waits_if_the_file_is_its(
    root: Path, monkeypatch: pytest.MonkeyPatch, owner: int, waits: bool
) -> None:
    def kill(*_: int) -> None:
        raise PermissionError

    user = os.getuid()
    with resumable("train", RECORD, 60) as given:
        (root / f"{given.folder.name}.waits.1").touch()
        monkeypatch.setattr(os, "kill", kill)
        monkeypatch.setattr(os, "getuid", lambda: user + owner)
    assert folders(root) == ([given.folder.name] if waits else [])
    assert bool(list(root.glob("*.waits.*"))) == waits


def test_files_that_cannot_be_removed_do_not_fail_a_finished_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise OSError(16, "Device or resource busy")

    with resumable("train", RECORD, 60) as given:
        (given.folder / "x").touch()
        monkeypatch.setattr(os, "unlink", busy)
    monkeypatch.undo()
    assert (given.folder / "x").exists()


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_the_first_signal_asks_and_the_second_ends(number: signal.Signals, reason: str) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), resumable("train", RECORD, 60) as given:  # noqa: PT012
        assert given.stop() is None
        os.kill(os.getpid(), number)
        assert given.stop() == reason
        os.kill(os.getpid(), number)
        threading.Event().wait(1)
    assert signal.getsignal(number) is before


TRAINING = """
import sys, time
from pathlib import Path
from t2i.pipeline.scratch import resumable
with resumable("train", {"settings": {}, "inputs": {}}, 60) as given:
    Path("running").touch()
    until = time.monotonic() + float(sys.argv[1])
    while not (reason := given.stop()) and time.monotonic() < until:
        time.sleep(0.01)
    Path("ended").write_text(str(reason))
"""


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["exec {}", "{}; true"])  # it makes way for its command, or waits for it
@pytest.mark.parametrize(("stage", "seconds", "reason"), [("train", 60, "DVC is gone"), (None, 0.5, "None")])
def test_it_notices_that_dvc_is_gone(
    tmp_path: Path, shell: str, stage: str | None, seconds: float, reason: str
) -> None:
    (tmp_path / "training.py").write_text(TRAINING)
    command = shell.format(f"{sys.executable} training.py {seconds}")
    started = f"import subprocess; subprocess.run({command!r}, shell=True)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | ({"DVC_STAGE": stage} if stage else {})
    dvc = subprocess.Popen([sys.executable, "-c", started], cwd=tmp_path, env=environment)
    deadline = time.monotonic() + 60
    while not (tmp_path / "running").exists():
        assert time.monotonic() < deadline and dvc.poll() is None
        time.sleep(0.01)
    dvc.kill()  # and remains as a zombie, since nobody asks for it
    while not (tmp_path / "ended").exists() or not (tmp_path / "ended").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    dvc.wait()
    assert (tmp_path / "ended").read_text() == reason
