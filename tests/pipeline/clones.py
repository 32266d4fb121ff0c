"""Clones of the repository in which tests run DVC as a user does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.conftest import ROOT


def environment() -> dict[str, str]:
    """That of a user who has activated this Python and configured git."""
    who = {f"GIT_{role}_{what}": "test@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **who}


def run(folder: Path, *command: str, ok: bool = True) -> str:
    """Run ``python -m`` command in a clone; returns what it printed, both streams together."""
    line = ["git", *command[1:]] if command[0] == "git" else [sys.executable, "-m", *command]
    done = subprocess.run(
        line, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
    )
    assert (done.returncode == 0) is ok, done.stdout
    return done.stdout


def clone(folder: Path) -> Path:
    """The files that git knows or would add, without results, as a repository with one commit."""
    files = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(files, cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file() and not name.startswith(("metrics/", "plots/")) and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        run(folder, "git", *command)
    return folder


def change_params(folder: Path, **changes: object) -> None:
    """Set dotted keys of params.yaml."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        *blocks, last = key.split(".")
        block = params
        for name in blocks:
            block = block[name]
        block[last] = value
    path.write_text(yaml.safe_dump(params))
