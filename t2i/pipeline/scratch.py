"""Resumable checkpoint folders.

Not an output of DVC: that would be deleted or put back when it runs the stage again (`exp run` does). The folder is
below the repository that the user sees ($DVC_ROOT), so that temporary and queued runs find it again too.
"""

import contextlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from t2i.checkpoints.provenance import digest_of
from t2i.errors import InputError
from t2i.pipeline.interruption import stop_requested
from t2i.pipeline.run import repository
from t2i.runtime import distributed
from t2i.training.loop.checkpoint import CheckpointPolicy

log = logging.getLogger(__name__)


def scratch_folder() -> Path:
    """Where checkpoints are kept, on the disk of the repository; it need not exist."""
    return repository().resolve() / ".scratch"


@contextlib.contextmanager
def resumable(stage: str, record: dict[str, Any], seconds: float) -> Iterator[CheckpointPolicy]:
    """A folder of checkpoints that an identical run, and no other, finds again.

    It is removed when the block ends without an error. A second identical run waits, and then takes over the result of
    the first. Of several processes, the first one manages the folder, for all.

    Args:
        stage: its name.
        record: provenance of the result: settings, inputs, code.
        seconds: between two checkpoints.

    Raises:
        InputError: the processes have different records.
    """
    root = scratch_folder() / stage
    key = digest_of(record)[:16]
    folder = root / key
    if distributed.any_rank(distributed.broadcast_object(key) != key):
        raise InputError("the processes have different settings, inputs, code or versions of torch; make them equal")
    if distributed.rank() > 0:
        with stop_requested() as stop:
            yield CheckpointPolicy(folder, seconds, stop)
        return
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root, key), stop_requested() as stop:
        _mention_others(root, folder)
        folder.mkdir(exist_ok=True)
        yield CheckpointPolicy(folder, seconds, stop)
        if not has_waiters(root, key):
            shutil.rmtree(folder, ignore_errors=True)  # what cannot be removed is no reason to lose a result


def _mention_others(root: Path, folder: Path) -> None:
    """Say how much space checkpoints of other runs take."""
    others = [path for path in root.iterdir() if path.is_dir() and path != folder]
    if others:
        size = sum(file.stat().st_size for other in others for file in other.glob("*")) / 2**20
        log.info(
            "%s MiB of checkpoints of %d other settings, inputs or code are in %s; they are not used here, remove "
            "those that no run will go on from",
            f"{size:,.0f}", len(others), root,
        )  # fmt: skip


@contextlib.contextmanager
def _locked(root: Path, key: str) -> Iterator[None]:
    """One run at a time; the lock goes with the process, however that ends."""
    lock = FileLock(root / f"{key}.lock")
    waiting = root / f"{key}.waits.{os.getpid()}"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.info("the same training is running elsewhere; waiting for its result")
        waiting.touch()
        try:
            lock.acquire()
        finally:
            waiting.unlink(missing_ok=True)
    try:
        yield
    finally:
        lock.release()


def has_waiters(root: Path, key: str) -> bool:
    """Whether a living process waits for the result of this training."""
    for path in root.glob(f"{key}.waits.*"):
        try:
            os.kill(int(path.suffix[1:]), 0)
            return True
        except ProcessLookupError:
            path.unlink(missing_ok=True)
        except (
            PermissionError
        ):  # a process of another user: is it the one that waits, or one with a number that was ours?
            if path.stat().st_uid != os.getuid():
                return True
            path.unlink(missing_ok=True)
    return False
