"""The command ``t2i check`` as people see it."""

import shutil
from pathlib import Path

import pytest

from t2i.apps.cli import main
from t2i.check.findings import Findings
from t2i.check.screen import conclusion, part_text
from tests.conftest import ROOT


def checked(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["check", "--no-trial", *arguments])
    return int(caught.value.code or 0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("t2i.check.machine._git", lambda *_: "true")
    return tmp_path


def test_nothing_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked() == 1
    assert capsys.readouterr().err.startswith(
        "t2i: params.yaml: cannot be read (No such file or directory); run stages"
    )
    shutil.copy(ROOT / "params.yaml", folder)
    assert checked("-S", "data=custom") == 1
    out = capsys.readouterr().out
    assert out.startswith("data=custom, model=attngan, recipe=quick, budget=demo\n\nmachine\n  device ")
    assert "\n1 problem would stop it:\n  - folder data/custom is missing: " in out and "data/custom\n" not in out
    assert checked("-S", "data=custmo") == 1
    assert "data = 'custmo': legal are toy_birds, cub, coco, custom" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["params.yaml"]


def test_drawn_birds(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / "data").mkdir()
    monkeypatch.setenv("COLUMNS", "300")
    shutil.copytree(ROOT / "data" / "toy_birds", folder / "data" / "toy_birds")
    few = [f"-Sdatasets.toy_birds.source.{name}_images=40" for name in ("train", "test", "reference")]
    assert checked(*few, "-S", "evaluate.extractors=[judge, inception-v3-compat]") == 0
    out = capsys.readouterr().out
    assert "\ndata/toy_birds\n  train            40 images, " in out and "\n  words            " in out
    assert "\nweights\n  missing          torch-fidelity's Inception for FID: will be downloaded from https://" in out
    command = "dvc exp run " + " ".join(f"-S datasets.toy_birds.source.{name}_images=40" for name in (
        "train", "test", "reference",
    ))  # fmt: skip
    assert out.endswith(f"\nnothing would stop it: {command} -S 'evaluate.extractors=[judge, inception-v3-compat]'\n")
    assert sorted(path.name for path in folder.iterdir()) == ["data", "params.yaml"]


def test_lines_are_as_long_as_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    part = Findings("data", [("left out", "3 images of data/custom without a file (a.png, b.png, c.png, ...)")])
    assert part_text(part).splitlines()[2:] == [
        "  left out         3 images of data/custom without a file",
        "                   (a.png, b.png, c.png, ...)",
    ]
    assert part_text(Findings("weights")) == ""
    assert conclusion([], []) == "\nnothing would stop it: dvc repro"
    assert conclusion(["one", "two"], ["seed=1"]) == "\n2 problems would stop it:\n  - one\n  - two"


@pytest.mark.parametrize("columns", ["60", "100", "130"])
def test_commands_of_problems_can_be_copied_from_a_terminal_of_any_width(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    problem = (
        "data/coco/train2014 is a link: rm data/coco/train2014 && cp -rLs /mnt/storage/train2014 data/coco/train2014"
    )
    assert conclusion([problem], []).splitlines()[-1] == f"  - {problem}"
