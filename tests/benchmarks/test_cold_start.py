"""Each part does what its name says, so that a difference of two parts is the time of one of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.cold_start import commands, run_python, summary, write_model
from t2i.apps.cli import cli
from t2i.errors import InputError
from tests.conftest import ROOT


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(ROOT)
    path = tmp_path / "gan.pt"
    write_model(path, {"data": "toy_birds", "model": "dmgan", "recipe": "paper", "budget": "smoke"})
    return path


def test_loading_imports_nothing_that_was_not_imported_before(model: Path) -> None:
    imports, load = (commands(model, model)[part][1] for part in ("import the rest", "load the model"))
    code = f"import sys; {imports}; before = set(sys.modules); {load}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not [name for name in done.stdout.split() if name.startswith(("t2i", "torch.nn", "PIL"))]


def test_loading_loads(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent.pt"):
        exec(commands(tmp_path / "absent.pt", tmp_path)["load the model"][1])


def test_the_last_part_writes_an_image_of_the_model(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))  # the command sets a variable
    *_, (dash_m, t2i, *arguments) = commands(model, model.with_name("bird.png")).values()
    assert [dash_m, t2i] == ["-m", "t2i"]
    cli.main(arguments, standalone_mode=False)
    with Image.open(model.with_name("bird.png")) as image:
        assert image.size == (32, 32)


def test_a_part_that_fails_ends_the_benchmark() -> None:
    with pytest.raises(SystemExit, match="no such thing"):
        run_python(["-c", "raise SystemExit('no such thing')"])


def test_a_part_takes_the_difference_to_the_part_before() -> None:
    seconds = {"python": [0.1, 0.2, 0.1], "torch": [2.0, 2.0, 2.5], "rest": [3.0], "load": [3.5], "generate": [4.0]}
    rows, note = summary(seconds)
    assert [row["seconds"] for row in rows] == ["0.10", "1.90", "1.00", "0.50", "0.50"]
    assert [row["total"] for row in rows] == ["0.10", "2.00", "3.00", "3.50", "4.00"]
    assert rows[1]["spread of the total"] == "25%"
    assert note == "25% of the time is after the imports; the total is x2.00 torch's."
