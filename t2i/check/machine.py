"""The machine that a run finds: device, memory, disk and git."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import psutil
import torch

from t2i.check.findings import Findings, gib
from t2i.params import Params
from t2i.runtime.device import current_device, has_native_bf16, resolve_precision

DISTRIBUTED = ("pretrain_damsm", "train_gan")
"""Trainings that runtime.training_processes share."""
_CONTAINER = Path("/sys/fs/cgroup")
"""Where Linux tells a container its limit of memory (memory.max) and what of it is used."""


def check_machine(params: Params) -> Findings:
    """What a run would find on this machine."""
    found = Findings("machine")
    _check_device(params, found)
    found.add("memory", "{}, {} free".format(*map(gib, _memory())))
    if current_device().type == "cuda":
        free, total = torch.cuda.mem_get_info()
        found.add("GPU memory", f"{gib(total)}, {gib(free)} free")
    found.add("disk", f"{gib(shutil.disk_usage('.').free)} free")
    _check_git(found)
    return found


def free_memory() -> int:
    """Bytes of memory that can be used: of the GPU if there is one, else of the machine or its container."""
    if current_device().type == "cuda":
        return torch.cuda.mem_get_info()[0]
    return _memory()[1]


def _memory() -> tuple[int, int]:
    """Bytes of memory of the machine or its container, and those of them that can be used."""
    memory = psutil.virtual_memory()
    try:
        limit = int((_CONTAINER / "memory.max").read_text(encoding="ascii"))
        used = int((_CONTAINER / "memory.current").read_text(encoding="ascii"))
        counts = dict(line.split() for line in (_CONTAINER / "memory.stat").read_text(encoding="ascii").splitlines())
    except (OSError, ValueError):  # no container, or one without a limit
        return memory.total, memory.available
    used -= int(counts.get("inactive_file", 0))  # copies of files, which Linux gives up where memory is needed
    return min(memory.total, limit), max(0, min(memory.available, limit - used))


def _check_device(params: Params, found: Findings) -> None:
    processes, gpus = params.runtime.training_processes, torch.cuda.device_count()
    if current_device().type == "cuda":
        name = f"{gpus} x {torch.cuda.get_device_name()}" if gpus > 1 else torch.cuda.get_device_name()
        if processes > gpus:
            found.problems.append(f"runtime.training_processes is {processes} and there are {gpus} GPUs: lower it")
    else:
        name = f"processor, {_processor()}, {torch.get_num_threads()} threads of {os.cpu_count()} cores"
        if shutil.which("nvidia-smi"):
            name += f"; a GPU that this PyTorch ({torch.__version__}) cannot use: install the build for its driver"
    found.add("device", name)
    for stage in DISTRIBUTED:
        size = params.stage(stage)["batch_size"]
        if size < processes:
            found.problems.append(
                f"budgets.{params.budget}.{stage}.batch_size is {size}, less than runtime.training_processes = "
                f"{processes}: change one of them"
            )
    training = params.stage("train_gan")
    group, size = training["discriminator"]["minibatch_std"], training["batch_size"]
    if group > 1 and size >= processes and size % (group * processes):
        found.problems.append(
            f"recipes.{params.recipe}.train_gan.discriminator.minibatch_std is {group}, and "
            f"budgets.{params.budget}.train_gan.batch_size, {size}, gives each of {processes} processes no multiple of "
            "it: change one of them"
        )
    precision = resolve_precision(params.runtime.precision)
    native = "native" if has_native_bf16() else "not native here, fp32 is faster"
    found.add("precision", f"{precision} (runtime.precision: {params.runtime.precision}; bf16 is {native})")


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _check_git(found: Findings) -> None:
    """DVC needs a repository, and `dvc exp run` a commit and the name of its author."""
    start = "git init && git add -A && git commit -m start"
    if shutil.which("git") is None:
        found.add("git", "not installed")
        found.problems.append("git is not installed, and DVC needs it: install git")
    elif _git("rev-parse", "--is-inside-work-tree") != "true":
        found.add("git", "no repository")
        found.problems.append(f"this folder is no git repository, and DVC needs one: {start}")
    else:
        commit, missing = _git("log", "-1", "--format=%h %s"), _missing_identity()
        found.add("git", f"at {commit[:60]}" if commit else "no commit")
        if missing:
            found.problems.append(
                "git does not know who you are, and `dvc exp run` commits in your name: "
                + " && ".join(f'git config {key} "{example}"' for key, example in missing.items())
            )
        if not commit:
            found.problems.append(f"this git repository has no commit, and `dvc exp run` needs one: {start}")


def _missing_identity() -> dict[str, str]:
    """Settings of git that are missing, with an example each; DVC takes them from git's variables, too."""
    examples = {"user.name": "Your Name", "user.email": "you@example.com"}
    return {
        key: example
        for key, example in examples.items()
        if not _git("config", key)
        and not all(os.environ.get(f"GIT_{role}_{key.split('.')[1].upper()}") for role in ("AUTHOR", "COMMITTER"))
    }


def _git(*arguments: str) -> str:
    """What a git command prints; empty if it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, errors="replace")
    return done.stdout.strip() if done.returncode == 0 else ""
