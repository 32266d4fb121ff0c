"""A training stage that is killed at any moment and run again ends with the bytes of one that was not."""

import hashlib
import multiprocessing
import os
import random
import shutil
import time
from pathlib import Path

import pytest
import yaml

from stages import pretrain_damsm, train_gan
from stages.runner import run
from t2i.data.captions import Vocabulary
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

KILLS = 20
STAGES = {"train_gan": train_gan.main, "pretrain_damsm": pretrain_damsm.main}
MODELS = {"train_gan": "models/gan.pt", "pretrain_damsm": "models/damsm.pt"}

context = multiprocessing.get_context("forkserver")  # forks a process that has imported everything and computed nothing


def stage(name: str, folder: Path, scratch: Path) -> None:
    """What ``python -m stages.<name>`` does, in a process of its own."""
    os.chdir(folder)
    os.environ["DVC_ROOT"] = str(scratch)
    run(STAGES[name])


def start(name: str, folder: Path, scratch: Path) -> multiprocessing.process.BaseProcess:
    process = context.Process(target=stage, args=(name, folder, scratch))
    process.start()
    return process


def finish(name: str, folder: Path, scratch: Path) -> str:
    """Run a stage to its end; digest of its model and of all else that it writes."""
    process = start(name, folder, scratch)
    process.join(120)
    assert process.exitcode == 0
    written = [folder / MODELS[name], folder / "plots" / f"{name}.csv", folder / "metrics" / f"{name}.json"]
    if name == "train_gan":
        written.append(folder / "plots" / "train_gan.png")
    return hashlib.sha256(b"".join(path.read_bytes() for path in written)).hexdigest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, striped: Path, vocabulary: Vocabulary) -> Path:
    """A repository as the stages see it: parameters, prepared data, a vocabulary, encoders."""
    context.set_forkserver_preload(["tests.stages.test_kill"])
    folder = tmp_path_factory.mktemp("killed")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["budget"] = "smoke"
    params["runtime"]["checkpoint_seconds"] = 0
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copytree(striped, folder / "prepared")
    (folder / "models").mkdir()
    vocabulary.save(folder / "models" / "vocabulary.json")
    finish("pretrain_damsm", folder, folder)
    return folder


@pytest.mark.parametrize("name", STAGES)
def test_killed_at_random_moments(folder: Path, tmp_path: Path, name: str) -> None:
    started = time.monotonic()
    undisturbed = finish(name, folder, tmp_path / "undisturbed")
    seconds = time.monotonic() - started
    moments, went_on = random.Random(0), 0
    for kill in range(KILLS if name == "train_gan" else KILLS // 4):
        scratch = tmp_path / str(kill)
        process = start(name, folder, scratch)
        process.join(moments.uniform(0.2, 1) * seconds)
        process.kill()
        process.join()
        went_on += bool(list(scratch.glob(".scratch/*/*/last.ckpt")))
        assert finish(name, folder, scratch) == undisturbed, f"kill {kill}"
        assert not list(folder.rglob("*.part")) and not list(scratch.glob(".scratch/*/*/*"))
    assert went_on >= 1  # or nothing was shown


def test_nothing_is_carried_over_to_another_lambda(folder: Path, tmp_path: Path) -> None:
    process = start("train_gan", folder, tmp_path / "killed")
    while process.is_alive() and not list((tmp_path / "killed").glob(".scratch/*/*/last.ckpt")):
        time.sleep(0.02)
    process.kill()
    process.join()
    assert list((tmp_path / "killed").glob(".scratch/*/*/last.ckpt"))
    before = (folder / "params.yaml").read_text()
    try:
        params = yaml.safe_load(before)
        params["loss"]["lambda"] = 0.5
        (folder / "params.yaml").write_text(yaml.safe_dump(params))
        assert finish("train_gan", folder, tmp_path / "killed") == finish("train_gan", folder, tmp_path / "fresh")
    finally:
        (folder / "params.yaml").write_text(before)
    assert len(list((tmp_path / "killed").glob(".scratch/*/*/last.ckpt"))) == 1  # the other one waits for its turn
