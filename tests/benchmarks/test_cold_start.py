"""The parts of a cold process run, and each does more than the one before."""

from pathlib import Path

import pytest
from PIL import Image

from benchmarks.cold_start import parts, run, write_model
from tests.conftest import ROOT


def test_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    write_model("toy_birds", "dmgan", "smoke", str(tmp_path / "gan.pt"))
    for command in parts(tmp_path / "gan.pt", tmp_path / "bird.png").values():
        run(command)
    with Image.open(tmp_path / "bird.png") as picture:
        assert picture.size == (32, 32)
    with pytest.raises(SystemExit, match="no such model file"):
        run(parts(tmp_path / "absent.pt", tmp_path / "bird.png")["load the model"])
