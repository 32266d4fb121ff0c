"""The whole pipeline in a clone of its own, as a user runs it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from t2i.checkpoints import model_file
from tests.pipeline.clones import clone, run

STAGES = ["preprocess", "vocab", "pretrain_damsm", "train_judge", "train_gan", "score_snapshots", "sample", "evaluate"]
MODELS = ["models/damsm.pt", "models/judge.pt", "models/gan.pt", "models/discriminators.pt", "models/vocabulary.json"]
MODELS += ["models/snapshots/000006.pt", "models/snapshots/000012.pt"]

pytestmark = pytest.mark.slow


def stages_that_ran(output: str) -> list[str]:
    return [name for name in STAGES if f"Running stage '{name}'" in output]


def hashes(folder: Path) -> dict[str, object]:
    """What dvc.lock says of the outputs of each stage."""
    lock = yaml.safe_load((folder / "dvc.lock").read_text())
    return {name: lock["stages"][name].get("outs", []) for name in STAGES}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which the smoke budget has run and been committed."""
    folder = clone(tmp_path_factory.mktemp("clone"))
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("budget: demo", "budget: smoke", 1))
    output = run(folder, "dvc", "repro")
    assert stages_that_ran(output) == STAGES
    assert "R-precision (judge)" in output and "FID (judge)" in output  # the table at the end
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-q", "-m", "smoke")
    return folder


def test_every_stage_leaves_its_results(repository: Path) -> None:
    for name in [*MODELS, *(f"metrics/{stage}.json" for stage in STAGES if stage != "sample")]:
        assert (repository / name).stat().st_size > 0, name
    for name in ("samples", "noises", "pairs", "attention", "nearest", "train_gan"):
        with Image.open(repository / "plots" / f"{name}.png") as grid:
            assert grid.width > 200 and len(grid.convert("RGB").getcolors(2**24) or []) > 100
    for name, rows in (("pretrain_damsm", 4), ("train_judge", 4), ("train_gan", 4), ("snapshots", 2)):
        table = pd.read_csv(repository / "plots" / f"{name}.csv")
        assert len(table) >= rows and np.isfinite(table.drop(columns="r1", errors="ignore").to_numpy()).all()
    scores = json.loads((repository / "metrics" / "evaluate.json").read_text())
    assert set(scores) == {
        "fidelity", "r_precision", "caption_consistency", "attribute_accuracy", "nearest", "variety",
        "protocol",
    }  # fmt: skip
    assert np.load(repository / "samples" / "paired.npy").shape == (240, 3, 32, 32)
    assert not list(repository.glob("**/*.part"))
    assert run(repository, "git", "status", "--porcelain") == ""


def test_a_second_repro_runs_nothing(repository: Path) -> None:
    assert stages_that_ran(run(repository, "dvc", "repro")) == []


def test_the_same_seed_gives_the_same_bytes(repository: Path) -> None:
    before = hashes(repository)
    for name in STAGES:  # as DVC runs them, without the seconds that it takes around each
        run(repository, f"stages.{name}")
    assert run(repository, "dvc", "status") == "Data and pipelines are up to date.\n"
    assert hashes(repository) == before
    assert run(repository, "git", "status", "--porcelain") == ""  # metrics and plots too


def test_lambda_re_runs_the_gan_and_what_follows_and_the_difference_shows(repository: Path) -> None:
    output = run(repository, "dvc", "exp", "run", "-S", "loss.lambda=0.5")
    assert stages_that_ran(output) == ["train_gan", "score_snapshots", "sample", "evaluate"]
    difference = run(repository, "dvc", "metrics", "diff")
    assert "metrics/evaluate.json" in difference and "fidelity.judge.fid.fakes" in difference
    assert "loss.lambda" in run(repository, "dvc", "params", "diff")
    run(repository, "git", "restore", ".")
    run(repository, "dvc", "checkout")


def test_mistakes_end_in_one_line_and_exit_code_1(repository: Path) -> None:
    params = (repository / "params.yaml").read_text()
    before = (repository / "models" / "gan.pt").read_bytes()
    try:
        (repository / "params.yaml").write_text(params.replace("lambda: 0.2", "lamda: 0.2"))
        output = run(repository, "stages.train_gan", ok=False)
        assert output == (
            "train_gan: params.yaml: loss.lambda: missing; loss.lamda: unknown key; did you mean lambda?\n"
        )
        (repository / "params.yaml").write_text(params.replace("data: toy_birds ", "data: cub "))
        output = run(repository, "dvc", "repro", "preprocess", ok=False)
        assert "failed to reproduce 'preprocess'" in output and "data/cub" in output and "Traceback" not in output
        output = run(repository, "stages.preprocess", ok=False)
        assert output.startswith("preprocess: ") and "data/cub" in output and output.count("\n") == 1
        (repository / "params.yaml").write_text(params)
        run(repository, "dvc", "checkout")  # DVC has removed what the failed stage was to make
        for name, stage, kind in (("damsm", "evaluate", "samples"), ("gan", "sample", "models/gan.pt")):
            path = repository / "models" / f"{name}.pt"
            content = model_file.load(path, name)
            content["provenance"]["inputs"]["prepared"] = "0" * 64
            path.unlink()  # a link into the cache, maybe
            model_file.save(path, name, content)
            output = run(repository, f"stages.{stage}", ok=False)
            assert output.startswith(f"{stage}: {kind} was made with another ") and output.count("\n") == 1
    finally:
        (repository / "params.yaml").write_text(params)
        run(repository, "dvc", "checkout", "--force")  # over the altered files
    assert (repository / "models" / "gan.pt").read_bytes() == before
    assert not list(repository.glob("*.part"))
