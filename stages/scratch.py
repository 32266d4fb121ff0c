"""Where trainings keep their checkpoints between being killed and being run again.

Not an output of DVC: that would be deleted or put back when it runs the stage again (`exp run` does). The folder hangs
on the repository that the user sees ($DVC_ROOT), so that temporary and queued runs find it again too.
"""

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
from filelock import FileLock, Timeout

from t2i import distributed
from t2i.errors import InputError
from t2i.provenance import digest_of
from t2i.training.steps import Resume


@contextlib.contextmanager
def resumable(stage: str, described: dict[str, Any], seconds: float) -> Iterator[Resume]:
    """A folder of checkpoints that an identical run, and no other, finds again.

    It is removed when all is done. A second identical run waits, and then takes the first one's result over. Of several
    processes, the first one keeps the folder, for all.

    Args:
        stage: its name.
        described: the origin of what is to be made: settings, inputs, code.
        seconds: between two checkpoints.

    Raises:
        InputError: the processes are about to make different things.
    """

    def say(line: str) -> None:
        if distributed.rank() == 0:
            print(f"{stage}: {line}", flush=True)

    root = Path(os.environ.get("DVC_ROOT", ".")).resolve() / ".scratch" / stage
    key = digest_of(described)[:16]
    folder = root / key
    if distributed.any_of(distributed.from_first(key) != key):
        raise InputError("the processes have different settings, inputs, code or versions of torch; make them equal")
    if distributed.rank() > 0:
        with _told_to_stop() as stop:
            yield Resume(folder, seconds, stop, say)
        return
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root, key, say), _told_to_stop() as stop:
        others = [path for path in root.iterdir() if path.is_dir() and path != folder]
        if others:
            size = sum(file.stat().st_size for other in others for file in other.glob("*")) / 2**20
            kept = f"{size:,.0f} MiB of checkpoints of {len(others)} other settings, inputs or code lie in {root}"
            say(f"{kept}; they are not used here, remove what nothing is to go on from")
        folder.mkdir(exist_ok=True)
        yield Resume(folder, seconds, stop, say)
        if not _somebody_waits(root, key):
            shutil.rmtree(folder)


@contextlib.contextmanager
def _locked(root: Path, key: str, say: Any) -> Iterator[None]:
    """One run at a time; the lock goes with the process, however that ends."""
    lock = FileLock(root / f"{key}.lock")
    waiting = root / f"{key}.waits.{os.getpid()}"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("the same training is running elsewhere; waiting for its result")
        waiting.touch()
        try:
            lock.acquire()
        finally:
            waiting.unlink(missing_ok=True)
    try:
        yield
    finally:
        lock.release()


def _somebody_waits(root: Path, key: str) -> bool:
    """Whether a living process waits for the result of this training."""
    for path in root.glob(f"{key}.waits.*"):
        try:
            os.kill(int(path.suffix[1:]), 0)
            return True
        except ProcessLookupError:
            path.unlink(missing_ok=True)
    return False


@contextlib.contextmanager
def _told_to_stop() -> Iterator[Any]:
    """A function that says why the training should end, if it should: signals, or DVC or torchrun is gone.

    A second Ctrl-C ends it at once.
    """
    reasons: list[str] = []
    starters = _starters()

    def told(number: int, _: FrameType | None) -> None:
        if reasons:
            raise KeyboardInterrupt
        reasons.append("interrupted" if number == signal.SIGINT else "terminated")

    def stop() -> str | None:
        if not reasons:
            reasons.extend(f"{name} is gone" for name, process in starters.items() if not _lives(process))
        return reasons[0] if reasons else None

    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _starters() -> dict[str, psutil.Process]:
    """The processes without which nobody waits for this training any more, by name."""
    found: dict[str, psutil.Process | None] = {}
    own = psutil.Process()
    if distributed.invited() and (torchrun := own.parent()):
        found["torchrun"] = own = torchrun
    if "DVC_STAGE" in os.environ:
        found["DVC"] = _started_by(own)
    return {name: process for name, process in found.items() if process is not None}


def _started_by(process: psutil.Process) -> psutil.Process | None:
    """The process that started a stage: its parent, or the one behind the shell that the parent is."""
    parent = process.parent()
    if parent is None:
        return None
    program, *arguments = parent.cmdline() or [""]
    # bash makes way for the only command that it is given, dash stays and waits for it
    return parent.parent() if Path(program).name.endswith("sh") and "-c" in arguments else parent


def _lives(process: psutil.Process) -> bool:
    """Whether a process goes on; one that has ended and whose own parent has not asked for it yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
