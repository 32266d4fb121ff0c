"""A training stage that is killed at any point and run again ends with the bytes of one that was not."""

import hashlib
import multiprocessing
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from stages import pretrain_damsm, train_gan
from t2i.checkpoints import model_file
from t2i.data.text.vocabulary import Vocabulary
from t2i.pipeline.run import run
from t2i.training.loop import checkpoint, loop
from tests.conftest import ROOT
from tests.helpers import FORKSERVER

pytestmark = pytest.mark.slow

STAGES = {"train_gan": train_gan.main, "pretrain_damsm": pretrain_damsm.main}
MODELS = {"train_gan": "models/gan.pt", "pretrain_damsm": "models/damsm.pt"}
STEPS = 12
POINTS = {  # what is going on, in which step (a checkpoint follows each) -> steps that are saved by then
    ("computing", 1): 0,
    ("computing", STEPS): STEPS - 1,
    ("writing", 1): 0,
    ("writing", 5): 4,
    ("replacing", 5): 4,
    ("replaced", 5): 5,
    ("replaced", STEPS): STEPS,
    ("writing a snapshot", 6): 5,
    ("writing the model", STEPS): STEPS,
}


def die() -> None:
    """What `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_while(doing: str, step: int) -> None:
    """Arrange for this process to die at a point of its training."""
    step_done, save = loop.TrainingLoop.step_done, checkpoint.save_checkpoint
    write_state, fsync, copy = checkpoint.write_state, os.fsync, shutil.copyfile
    calls = {"writing": 0, "replacing": 0, "replaced": 0}

    def is_due(what: str) -> bool:
        calls[what] += 1
        return doing == what and calls[what] == step

    def computing(self: loop.TrainingLoop, at: int, **losses: torch.Tensor) -> None:
        if doing == "computing" and at + 1 == step:
            die()
        step_done(self, at, **losses)

    def writing(file: Any, *arguments: Any) -> None:
        if is_due("writing"):
            file.write(b"half of a checkpoint")
            file.flush()
            die()
        write_state(file, *arguments)

    def replacing(descriptor: int) -> None:
        fsync(descriptor)
        if is_due("replacing"):
            die()

    def replaced(*arguments: Any, **keywords: Any) -> None:
        save(*arguments, **keywords)
        if is_due("replaced"):
            die()

    def writing_a_snapshot(path: Path, *_: object) -> None:
        path.with_name(path.name + ".part").write_bytes(b"half of a model")
        die()

    def writing_the_model(source: Path, path: Path) -> None:
        if path.name == "gan.pt.part":
            path.write_bytes(b"half of a model")
            die()
        copy(source, path)

    loop.TrainingLoop.step_done = computing  # type: ignore[assignment,method-assign]
    checkpoint.write_state = writing  # type: ignore[assignment]
    checkpoint.os.fsync = replacing  # type: ignore[attr-defined]
    loop.save_checkpoint = replaced  # type: ignore[attr-defined]
    if doing == "writing a snapshot":
        model_file.save = writing_a_snapshot  # type: ignore[assignment]
    if doing == "writing the model":
        shutil.copyfile = writing_the_model  # type: ignore[assignment]


def stage(name: str, folder: Path, scratch: Path, point: tuple[str, int] | None) -> None:
    """What ``python -m stages.<name>`` does, in a process of its own."""
    os.chdir(folder)
    os.environ["DVC_ROOT"] = str(scratch)
    if point is not None:
        die_while(*point)
    run(STAGES[name])


def start(
    name: str, folder: Path, scratch: Path, point: tuple[str, int] | None = None
) -> multiprocessing.process.BaseProcess:
    """Run a stage until it ends or dies."""
    process = FORKSERVER.Process(target=stage, args=(name, folder, scratch, point))
    process.start()
    process.join(120)
    return process


def finish(name: str, folder: Path, scratch: Path) -> str:
    """Run a stage to its end; digest of its model and of everything else that it writes."""
    assert start(name, folder, scratch).exitcode == 0
    written = [folder / MODELS[name], folder / "plots" / f"{name}.csv", folder / "metrics" / f"{name}.json"]
    if name == "train_gan":
        written += [folder / "plots" / "train_gan.png", *sorted((folder / "models" / "snapshots").iterdir())]
        assert [path.name for path in written[-2:]] == ["000006.pt", "000012.pt"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in written)).hexdigest()


def checkpoints(scratch: Path) -> list[Path]:
    return list(scratch.glob(".scratch/*/*/last.ckpt"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, striped: Path, vocabulary: Vocabulary) -> Path:
    """A repository as the stages see it: parameters, prepared data, a vocabulary, encoders."""
    FORKSERVER.set_forkserver_preload(["tests.pipeline.test_kill"])
    folder = tmp_path_factory.mktemp("killed")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["budget"] = "smoke"
    for name in STAGES:
        params["budgets"]["smoke"][name]["steps"] = STEPS
    params["runtime"]["checkpoint_seconds"] = 0
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    shutil.copytree(striped, folder / "prepared")
    (folder / "models").mkdir()
    vocabulary.save(folder / "models" / "vocabulary.json")
    finish("pretrain_damsm", folder, folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digest of what each stage writes when nothing happens to it."""
    return {name: finish(name, folder, tmp_path_factory.mktemp("undisturbed")) for name in STAGES}


@pytest.mark.parametrize(
    ("name", "doing", "step"),
    [("train_gan", *point) for point in POINTS] + [("pretrain_damsm", *point) for point in list(POINTS)[1:6:2]],
)
def test_killed_and_run_again(
    folder: Path, undisturbed: dict[str, str], tmp_path: Path, name: str, doing: str, step: int
) -> None:
    assert start(name, folder, tmp_path, (doing, step)).exitcode == -signal.SIGKILL
    saved = [torch.load(path, weights_only=True)["done"] for path in checkpoints(tmp_path)]
    assert saved == [POINTS[doing, step]] * bool(POINTS[doing, step])
    shutil.rmtree(folder / "plots", ignore_errors=True)  # as DVC does before it runs a stage again
    assert finish(name, folder, tmp_path) == undisturbed[name]
    assert not list(folder.rglob("*.part")) and not list(tmp_path.glob(".scratch/*/*/*"))


def test_nothing_is_carried_over_to_another_lambda(folder: Path, tmp_path: Path) -> None:
    start("train_gan", folder, tmp_path / "killed", ("replaced", 5))
    (kept,) = checkpoints(tmp_path / "killed")
    before = (folder / "params.yaml").read_text()
    try:
        params = yaml.safe_load(before)
        params["loss"]["lambda"] = 0.5
        (folder / "params.yaml").write_text(yaml.safe_dump(params))
        assert finish("train_gan", folder, tmp_path / "killed") == finish("train_gan", folder, tmp_path / "fresh")
    finally:
        (folder / "params.yaml").write_text(before)
    assert checkpoints(tmp_path / "killed") == [kept]  # of the other lambda, whose turn may come again
