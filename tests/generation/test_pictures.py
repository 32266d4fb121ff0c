"""The files of samples/: what is read is what was written, and damage is named."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from t2i.errors import InputError
from t2i.generation.pictures import load_pictures, load_provenance, save_pictures
from tests.conftest import ROOT

PLAN = pd.DataFrame({"image": [0, 0, 1, 1], "caption": [2, 1, 4, 3], "noise": [0, 0, 1, 1]})
PICTURES = torch.arange(4 * 3 * 4 * 4).to(torch.uint8).view(4, 3, 4, 4)


def test_pictures_are_read_as_written(tmp_path: Path) -> None:
    for _ in range(2):  # the second time in place of the first
        save_pictures(tmp_path / "samples", PLAN, PICTURES, {"inputs": {"a": "b"}})
    plan, pictures = load_pictures(tmp_path / "samples")
    assert plan.equals(PLAN) and torch.equal(pictures, PICTURES)
    assert load_provenance(tmp_path / "samples") == {"inputs": {"a": "b"}}
    assert [path.name for path in tmp_path.iterdir()] == ["samples"]


def test_a_failure_keeps_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "samples"
    save_pictures(folder, PLAN, PICTURES, {"inputs": {}})

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("numpy.save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_pictures(folder, PLAN.iloc[:1], PICTURES[:1], {})
    assert len(load_pictures(folder)[0]) == 4 and [path.name for path in tmp_path.iterdir()] == ["samples"]


def test_damage_is_named(tmp_path: Path) -> None:
    save_pictures(tmp_path, PLAN, PICTURES, {})
    PLAN.iloc[:3].to_csv(tmp_path / "plan.csv", index=False)
    with pytest.raises(InputError, match="plan.csv does not fit its 4 pictures; run `dvc repro sample`"):
        load_pictures(tmp_path)
    (tmp_path / "provenance.json").write_bytes(b"half")
    with pytest.raises(InputError, match="no provenance.json, or a damaged one; run `dvc repro sample`"):
        load_provenance(tmp_path)
    (tmp_path / "pictures.npy").write_bytes(b"half")
    with pytest.raises(InputError, match="no pictures, or damaged ones; run `dvc repro sample`"):
        load_pictures(tmp_path)


def test_reading_pictures_needs_no_network() -> None:
    code = "import sys, t2i.generation.pictures; print(*(name for name in sys.modules if name.startswith('t2i.')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"t2i.errors", "t2i.generation", "t2i.generation.pictures"}
