"""Device, memory, disk and git as a run finds them."""

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from t2i.check import machine
from t2i.params.reader import load
from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, where git has no settings."""
    monkeypatch.chdir(tmp_path)
    for role in ("AUTHOR", "COMMITTER"):
        for what in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{role}_{what}", raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    return tmp_path


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


def problems(*changes: str) -> list[str]:
    return machine.check_machine(load(ROOT / "params.yaml", changes)).problems


def test_git_on_the_way_to_the_first_commit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems() == [
        "this folder is no git repository, and DVC needs one: git init && git add -A && git commit -m start"
    ]
    git("init", "-q")
    who, commit = problems()
    assert who.startswith("git does not know who you are") and 'git config user.email "you@example.com"' in who
    assert commit.startswith("this git repository has no commit, and `dvc exp run` needs one")
    git("config", "user.name", "Ada")
    who, commit = problems()
    assert "user.name" not in who and "user.email" in who
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
    git("commit", "-q", "--allow-empty", "-m", "start")
    assert problems() == []
    (folder / "deeper").mkdir()
    monkeypatch.chdir(folder / "deeper")
    assert problems() == []


def test_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2i.check.machine.shutil.which", lambda _: None)
    assert problems() == ["git is not installed, and DVC needs it: install git"]


def test_processes_share_out_a_batch() -> None:
    assert [line for line in problems("runtime.training_processes=13") if "less than" in line] == [
        "budgets.demo.train_gan.batch_size is 12, less than runtime.training_processes = 13: change one of them"
    ]


@pytest.mark.parametrize(("processes", "wrong"), [(1, False), (2, False), (3, True), (4, False), (8, True)])
def test_each_process_needs_whole_groups_for_the_spread(processes: int, wrong: bool) -> None:
    settings = ("recipe=photo", "budget=photo", f"runtime.training_processes={processes}")
    expected = (
        "recipes.photo.train_gan.discriminator.minibatch_std is 4, and budgets.photo.train_gan.batch_size, 16, gives "
        f"each of {processes} processes no multiple of it: change one of them"
    )
    assert [line for line in problems(*settings) if "minibatch_std" in line] == ([expected] if wrong else [])


def test_lines_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "current_device", lambda: torch.device("cpu"))
    found = machine.check_machine(load(ROOT / "params.yaml", ["runtime.precision=fp32"]))
    lines = dict(found.lines)
    assert list(lines) == ["device", "precision", "memory", "disk", "git"]
    assert lines["precision"].startswith("fp32 (runtime.precision: fp32; bf16 is ")
    assert lines["device"].startswith("processor, ") and f"{torch.get_num_threads()} threads" in lines["device"]


@pytest.mark.parametrize(("processes", "wrong"), [(2, False), (3, True)])
def test_more_processes_than_gpus(monkeypatch: pytest.MonkeyPatch, processes: int, wrong: bool) -> None:
    monkeypatch.setattr(machine, "current_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2**30, 2**32))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H100")
    found = machine.check_machine(load(ROOT / "params.yaml", [f"runtime.training_processes={processes}"]))
    assert dict(found.lines)["device"] == "2 x H100"
    expected = "runtime.training_processes is 3 and there are 2 GPUs: lower it"
    assert [line for line in found.problems if "GPUs" in line] == ([expected] if wrong else [])


@pytest.mark.parametrize("driver", [None, "/usr/bin/nvidia-smi"])
def test_a_gpu_that_this_pytorch_cannot_use(monkeypatch: pytest.MonkeyPatch, driver: str | None) -> None:
    monkeypatch.setattr(machine, "current_device", lambda: torch.device("cpu"))
    which = shutil.which
    monkeypatch.setattr("t2i.check.machine.shutil.which", lambda name: driver if name == "nvidia-smi" else which(name))
    device = dict(machine.check_machine(load(ROOT / "params.yaml")).lines)["device"]
    hint = f"a GPU that this PyTorch ({torch.__version__}) cannot use: install the build for its driver"
    assert device.endswith(hint) == (driver is not None)


def test_the_memory_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=2**34, available=2**33))
    monkeypatch.setattr(machine, "current_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(machine, "_CONTAINER", tmp_path)
    assert machine.free_memory() == 2**33
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.free_memory() == 2**33
    (tmp_path / "memory.max").write_text(f"{2**32}\n")
    (tmp_path / "memory.current").write_text(f"{2**31}\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {2**30}\n")
    assert machine.free_memory() == 2**32 - 2**30
    assert dict(machine.check_machine(load(ROOT / "params.yaml")).lines)["memory"] == "4.0 GiB, 3.0 GiB free"


def test_memory_of_machine_and_gpu_are_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_check_device", lambda *_: None)
    monkeypatch.setattr(machine, "current_device", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (3 * 2**30, 2**32))
    lines = dict(machine.check_machine(load(ROOT / "params.yaml")).lines)
    assert lines["GPU memory"] == "4.0 GiB, 3.0 GiB free" and lines["memory"] != lines["GPU memory"]
    assert machine.free_memory() == 3 * 2**30
