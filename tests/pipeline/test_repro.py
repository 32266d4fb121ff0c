"""The whole pipeline in a clone of its own, as a user runs it."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from t2i.checkpoints import model_file
from tests.conftest import ROOT

CUB = ROOT.parent / "shared" / "data" / "cub-slice"
COCO = ROOT.parent / "shared" / "data" / "coco-slice"
STAGES = ["preprocess", "vocab", "pretrain_damsm", "train_judge", "train_gan", "sample", "evaluate"]
MODELS = ["models/damsm.pt", "models/judge.pt", "models/gan.pt", "models/vocabulary.json"]

pytestmark = pytest.mark.slow


def environment() -> dict[str, str]:
    """That of a user who has activated this Python and on_signal git who they are."""
    who = {f"GIT_{role}_{what}": "test@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **who}


def run(folder: Path, *command: str, ok: bool = True) -> str:
    """Run ``python -m`` command in a clone; returns what it printed, both streams together."""
    line = ["git", *command[1:]] if command[0] == "git" else [sys.executable, "-m", *command]
    done = subprocess.run(
        line, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600
    )
    assert (done.returncode == 0) is ok, done.stdout
    return done.stdout


def stages_that_ran(output: str) -> list[str]:
    return [name for name in STAGES if f"Running stage '{name}'" in output]


def clone(folder: Path) -> Path:
    """The files that git knows or would add, without results, as a repository with one commit."""
    files = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(files, cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file() and not name.startswith(("metrics/", "plots/")) and name != "dvc.lock":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        run(folder, "git", *command)
    return folder


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
    for name in ("samples", "noises", "pairs", "attention", "train_gan"):
        with Image.open(repository / "plots" / f"{name}.png") as grid:
            assert grid.width > 200 and len(grid.convert("RGB").getcolors(2**24) or []) > 100
    for name in ("pretrain_damsm", "train_judge", "train_gan"):
        table = pd.read_csv(repository / "plots" / f"{name}.csv")
        assert len(table) >= 4 and np.isfinite(table.drop(columns="penalty", errors="ignore").to_numpy()).all()
    scores = json.loads((repository / "metrics" / "evaluate.json").read_text())
    assert set(scores) == {
        "fidelity", "r_precision", "caption_consistency", "attribute_accuracy", "protocol",
    }  # fmt: skip
    assert np.load(repository / "samples" / "pictures.npy").shape == (240, 3, 32, 32)
    assert not list(repository.glob("**/*.part"))
    assert run(repository, "git", "status", "--porcelain") == ""


def test_a_second_repro_runs_nothing(repository: Path) -> None:
    assert stages_that_ran(run(repository, "dvc", "repro")) == []


def test_the_same_seed_gives_the_same_bytes(repository: Path) -> None:
    before = hashes(repository)
    metrics = {path.name: path.read_bytes() for path in (repository / "metrics").iterdir()}
    assert stages_that_ran(run(repository, "dvc", "repro", "-f")) == STAGES
    assert hashes(repository) == before
    assert {path.name: path.read_bytes() for path in (repository / "metrics").iterdir()} == metrics
    assert run(repository, "git", "status", "--porcelain") == ""  # plots too


def test_lambda_re_runs_the_gan_and_what_follows_and_the_difference_shows(repository: Path) -> None:
    output = run(repository, "dvc", "exp", "run", "-S", "loss.lambda=0.5")
    assert stages_that_ran(output) == ["train_gan", "sample", "evaluate"]
    difference = run(repository, "dvc", "metrics", "diff")
    assert "metrics/evaluate.json" in difference and "fidelity.judge_fid.fakes" in difference
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


def run_on(repository: Path, data: str, source: Path, *more: str) -> dict[str, Any]:
    """All stages on smoke with a data set of the user's; returns what preprocess reports."""
    (repository / "data" / data).symlink_to(source)
    try:
        output = run(repository, "dvc", "exp", "run", "-S", f"data={data}", "-S", "budget=smoke", *more)
        assert stages_that_ran(output) == STAGES
        scores = json.loads((repository / "metrics" / "evaluate.json").read_text())
        assert "attribute_accuracy" not in scores and scores["r_precision"]["judge"]["reals"] >= 0
        report = json.loads((repository / "metrics" / "preprocess.json").read_text())
        assert report["data"] == data
        return dict(report)
    finally:
        (repository / "data" / data).unlink()
        run(repository, "git", "restore", ".")
        run(repository, "dvc", "checkout")


@pytest.mark.skipif(not CUB.is_dir(), reason="the slice of CUB is not at ../shared/data/cub-slice")
def test_real_birds_go_through_all_stages(repository: Path) -> None:
    assert run_on(repository, "cub", CUB)["splits"]["test"]["images"] == 120


@pytest.mark.skipif(not COCO.is_dir(), reason="the slice of MS-COCO is not at ../shared/data/coco-slice")
def test_real_scenes_go_through_all_stages(repository: Path) -> None:
    report = run_on(repository, "coco", COCO, "-S", "model=dmgan")
    assert report["splits"]["train"]["images"] == 80 and report["classes"] == 159


def noise_image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    Image.fromarray(colours).resize((50, 40), Image.Resampling.BICUBIC).save(path)


def words_of(seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(["red", "green", "blue", "small", "large", "bird"], 4)) for _ in range(4)]


def test_the_layouts_of_other_people_go_through_all_stages(repository: Path, tmp_path: Path) -> None:
    # CUB without the pickles, with an image too few
    cub, lines, boxes = tmp_path / "cub", [], []
    for number in range(1, 161):
        name = f"{number % 8:03d}.Bird/bird_{number}"
        lines.append(f"{number} {name}.jpg\n")
        boxes.append(f"{number} 5.0 5.0 30.0 20.0\n")
        if number != 7:
            noise_image(cub / "CUB_200_2011" / "images" / f"{name}.jpg", number)
        (cub / "text" / name).parent.mkdir(parents=True, exist_ok=True)
        (cub / "text" / f"{name}.txt").write_text("\n".join(words_of(number)))
    (cub / "CUB_200_2011" / "images.txt").write_text("".join(lines))
    (cub / "CUB_200_2011" / "bounding_boxes.txt").write_text("".join(boxes))
    skip = ("-S", "datasets.cub.on_missing=skip", "-S", "datasets.cub.source.test_classes=4")
    report = run_on(repository, "cub", cub, *skip, "-S", "evaluate.candidates=20")
    assert report["splits"]["train"]["images"] + report["splits"]["test"]["images"] == 159
    assert list(report["left_out"].values()) == [{"count": 1, "first": ["007.Bird/bird_7"]}]

    # MS-COCO as the AttnGAN family has it
    coco = tmp_path / "coco"
    for split, numbers in (("train", range(40)), ("test", range(40, 80))):
        names = [f"COCO_{split}2014_{number:012d}" for number in numbers]
        (coco / split).mkdir(parents=True)
        (coco / "text").mkdir(exist_ok=True)
        (coco / split / "filenames.pickle").write_bytes(pickle.dumps(names, 0))
        for name, number in zip(names, numbers, strict=True):
            noise_image(coco / "images" / f"{name}.jpg", number)
            (coco / "text" / f"{name}.txt").write_text("\n".join(words_of(number)))
    assert run_on(repository, "coco", coco, "-S", "evaluate.candidates=20")["splits"]["test"]["images"] == 40

    # images and a table
    own = tmp_path / "own"
    own.mkdir()
    rows = ["image,caption"]
    for number in range(80):
        noise_image(own / "pictures" / f"{number}.png", number)
        rows += [f"pictures/{number}.png,{caption}" for caption in words_of(number)]
    (own / "captions.csv").write_text("\n".join(rows) + "\n")
    share = ("-S", "datasets.own.source.test_share=0.5", "-S", "evaluate.candidates=20")
    assert run_on(repository, "own", own, *share)["classes"] == 80
