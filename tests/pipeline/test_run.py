"""What a stage says when it ends."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image

from t2i.errors import InputError
from t2i.params import Params
from t2i.pipeline import run as runner
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_stage_logs_how_long_it_took_and_its_peak_memory(capsys: pytest.CaptureFixture[str]) -> None:
    runner.run(nothing)
    line = r"tests.pipeline.test_run: 0 s, peak memory (\d+\.\d\d) GiB(, .+)?\n"
    found = re.fullmatch(line, capsys.readouterr().err)
    assert found and 0 < float(found[1]) < 100


def nothing(_: Params) -> None:
    pass


def test_a_stage_that_fails_prints_nothing_but_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(_: Params) -> None:
        raise InputError("no")

    with pytest.raises(SystemExit, match=": no$"):
        runner.run(fails)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("stage", "way_out"),
    [
        ("train_gan", "lower batch_size of this .* of `budgets`, or set runtime.gradient_checkpointing to true"),
        ("train_judge", "lower batch_size of this stage in the block of `budgets`"),
        ("sample", "see with nvidia-smi what else uses it, and run again"),
    ],
)
def test_a_full_gpu_is_one_line(stage: str, way_out: str) -> None:
    def fills(_: Params) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    def fails(_: Params) -> None:
        raise RuntimeError("no memory problem")

    fills.__module__ = f"stages.{stage}"
    with pytest.raises(SystemExit, match=rf"^{stage}: the memory of the GPU is full: {way_out}$"):
        runner.run(fills)
    with pytest.raises(RuntimeError, match="no memory problem"):
        runner.run(fails)


def test_full_shared_memory_is_one_line() -> None:
    def fails(_: Params) -> None:
        try:  # as torch reports it
            raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that "
                               "dataloader's workers are out of shared memory.")  # fmt: skip
        except RuntimeError as error:
            raise RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly") from error

    with pytest.raises(SystemExit, match=r": the processes that load images are out of shared memory \(/dev/shm\)"):
        runner.run(fails)
    too_many = RuntimeError("unable to open shared memory object </torch_1>: Too many open files (24)")
    assert runner.lack_of_memory(too_many) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_line(number: int) -> None:
    def fills(_: Params) -> None:
        raise OSError(number, os.strerror(number), "models/gan.pt.part")

    def fails(_: Params) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(SystemExit, match=r": no space left on the disk for models/gan.pt.part; free some"):
        runner.run(fills)
    with pytest.raises(OSError, match="Input/output"):
        runner.run(fails)


def test_weights_are_those_of_the_folder_that_the_user_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert runner.weights_folder() == Path("weights")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))  # as DVC sets it in a queued run
    assert runner.weights_folder() == tmp_path / "weights"


def test_the_peak_is_that_of_the_program_and_not_of_what_started_it() -> None:
    held = b"x" * (300 * 2**20)  # a child that is started by fork and exec is charged with them by getrusage
    code = "from t2i.pipeline.run import peak_memory as p; print(p()); held = b'x' * (400 << 20); print(p())"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before < len(held) and 390 * 2**20 < after - before < 450 * 2**20


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200.0, "3 min 20 s"), (7261.0, "121 min 1 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert runner._duration(seconds) == text


def test_a_mistake_is_one_line_whatever_names_it_has() -> None:
    def fails(_: Params) -> None:
        raise InputError("image a\nb\x1b[31m.png is no image")

    with pytest.raises(SystemExit, match=r": image a\\nb\\x1b\[31m.png is no image$"):
        runner.run(fails)


def test_metrics_hold_any_name(folder: Path) -> None:
    values = {"first": ["grün", "\udcff", "a\nb", "\U0001f426"]}
    runner.write_metrics("preprocess", values)
    content = (folder / "metrics" / "preprocess.json").read_bytes()
    assert content.isascii() and json.loads(content) == values


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["ascii terminal", "C", "ascii names"],
)
def test_names_that_the_terminal_lacks_do_not_stop_a_stage(folder: Path, environment: dict[str, str]) -> None:
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params |= {"data": "custom"}
    params["datasets"]["custom"]["on_missing"] = "skip"
    params["runtime"]["preprocess_workers"] = 1
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    images = folder / "data" / "custom"
    images.mkdir(parents=True)
    for number in range(8):
        Image.new("RGB", (90, 90), (number, 0, 0)).save(images / f"vögel {number}.png")
    (images / "vögel 8.png").write_text("torn")
    rows = [f"vögel {number}.png,ein schöner Vogel,{'test' if number % 2 else 'train'}" for number in range(10)]
    (images / "captions.csv").write_text("\n".join(["image,caption,split", *rows, ""]), encoding="utf-8")

    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "stages.preprocess"]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", errors="replace")
    assert "Traceback" not in done.stderr and "UnicodeEncodeError" not in done.stderr
    if "PYTHONUTF8" in environment:  # then no such file can be found, whatever is there
        assert done.returncode == 1 and not (folder / "prepared").exists()
        assert "Python reads file names as ascii here, set PYTHONUTF8=1" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    name = r"v\xf6gel" if "PYTHONIOENCODING" in environment else "vögel"
    assert f"1 image of data/custom without a file ({name} 9.png)" in done.stderr
    assert f"1 image of the train split that cannot be read ({name} 8.png); the first: image data/cust" in done.stderr
    left_out = json.loads((folder / "metrics" / "preprocess.json").read_text())["left_out"]
    assert [problem["first"] for problem in left_out.values()] == [["vögel 9.png"], ["vögel 8.png"]]
