"""What a stage says when it ends."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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
