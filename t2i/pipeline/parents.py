"""The programs that started a stage: when they are gone, nobody waits for its results any more."""

import os
import signal
import threading
import time
from pathlib import Path

import psutil


def end_with_dvc() -> None:
    """Send this process SIGTERM as soon as the DVC that started it is gone; else both would work on after a new run."""
    dvc = stage_parent(psutil.Process()) if "DVC_STAGE" in os.environ else None
    if dvc is None:
        return

    def wait() -> None:
        while is_alive(dvc):
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def stage_parent(process: psutil.Process) -> psutil.Process | None:
    """The process that started a stage: its parent or, if that is a shell, the parent of the shell."""
    parent = process.parent()
    if parent is None:
        return None
    program, *arguments = parent.cmdline() or [""]
    # bash replaces itself by the only command it is given, dash stays and waits for it
    return parent.parent() if Path(program).name.endswith("sh") and "-c" in arguments else parent


def is_alive(process: psutil.Process) -> bool:
    """Whether a process is running; a zombie is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
