"""Model files to go on from: where they are found, and which files are none."""

from pathlib import Path

import pytest
import torch

from t2i.checkpoints import model_file
from t2i.errors import InputError
from t2i.pipeline.damsm_start import damsm_start
from tests.pipeline.start_files import (
    params_of,
    refused,
    save_damsm,
    save_gan,
    start_gan,
)


def test_null_starts_with_initial_weights() -> None:
    assert damsm_start(params_of(), "ascii") is None and start_gan() is None


def test_files_that_are_none_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    legal = "; legal are an absolute path and one from the root of the repository"
    assert refused("damsm", "runs/damsm.pt") == f"there is no {tmp_path}/runs/damsm.pt{legal}"
    (tmp_path / "netG.pth").write_bytes(b"x")
    assert refused("gan", "netG.pth").startswith("netG.pth: not a model file, or damaged")
    torch.save({"a": torch.ones(2)}, tmp_path / "netG.pth")
    line = "netG.pth: not a model file of this repository; `t2i import` reads published checkpoints"
    assert refused("gan", "netG.pth") == line
    save_damsm(tmp_path / "damsm.pt")
    assert refused("gan", "damsm.pt") == "damsm.pt: holds 'damsm' where a 'gan' model is needed"
    assert refused("damsm", tmp_path) == f"{tmp_path}: a folder, where a model file is needed"
    model_file.save(tmp_path / "empty.pt", "damsm", {})
    assert refused("damsm", "empty.pt").startswith("empty.pt: its content does not fit this version (KeyError: 'text')")


@pytest.mark.parametrize("given", ["models/gan.pt", "./models/../models/gan.pt", "models/snapshots/000300.pt"])
def test_what_the_run_itself_makes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "snapshots").mkdir(parents=True)
    save_gan(tmp_path / given)
    for path in (given, tmp_path / given):
        assert refused("gan", path) == (
            f"{path} is what the run itself makes, and DVC removes it first: copy it to another folder (for `t2i "
            "import`: --out) and give its path there"
        )


def test_queued_runs_find_files_of_the_repository_that_they_are_a_copy_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copy").mkdir()
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    save_damsm(tmp_path / "start.pt")
    assert damsm_start(params_of("start_from.damsm=start.pt"), "ascii") is not None
    assert refused("gan", "runs/gan.pt").startswith(f"there is no {tmp_path}/runs/gan.pt; legal are ")
    assert "is what the run itself makes" in refused("gan", tmp_path / "models" / "gan.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("start_from.gan=''", "start_from.gan = '': String should have at least 1 character"),
        ("start_from.gna=x", "start_from.gna: unknown key; did you mean gan?"),
        ("budgets.smoke.pretrain_damsm.steps=0",
         "budgets.smoke.pretrain_damsm has no steps: only encoders that start_from.damsm names can do without"),
        ("budgets.smoke.train_judge.steps=0", "train_judge.steps = 0: must be greater than or equal to 1"),
    ],
)  # fmt: skip
def test_values_that_make_no_sense(change: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        params_of(change)
    assert str(caught.value).endswith(message)


def test_an_untilded_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    save_damsm(tmp_path / "damsm.pt")
    assert damsm_start(params_of("start_from.damsm=~/damsm.pt"), "ascii") is not None
