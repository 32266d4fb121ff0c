"""What the user has to mend ends a benchmark with one line."""

import importlib
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("benchmark", "arguments", "reason"),
    [
        ("loading", ["--folder", "nowhere"], "nowhere"),
        ("packing", ["--data", "coco", "--folder", "nowhere"], "nowhere"),
        ("sample", ["--budget", "nope", "--images", "4"], "nope"),
        ("r_precision", ["--budget", "nope"], "nope"),
        ("cold_start", ["--budget", "nope"], "nope"),
        ("evaluate", ["--budget", "nope"], "nope"),
        ("train_step", ["--budget", "nope"], "nope"),
    ],
)
def test_errors_are_one_line(
    benchmark: str, arguments: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", [benchmark, *arguments])
    with pytest.raises(SystemExit) as caught:
        importlib.import_module(f"benchmarks.{benchmark}").main()
    message = str(caught.value.code)
    assert message.startswith(f"{benchmark}: ") and reason in message and "\n" not in message


def test_a_worker_without_parameters_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["scaling_worker", "scoring", "4"])
    with pytest.raises(SystemExit, match=r"^scaling_worker: params.yaml: cannot be read \(No such file"):
        importlib.import_module("benchmarks.scaling_worker").main()


def test_a_training_without_any_of_the_variants_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    selected = ["--what", "damsm", "--variants", "checkpointing", "--budget", "smoke"]
    monkeypatch.setattr("sys.argv", ["train_step", *selected])
    importlib.import_module("benchmarks.train_step").main()
    assert capsys.readouterr().out == ""
