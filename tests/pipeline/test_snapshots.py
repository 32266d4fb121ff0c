"""Snapshots from their scores to the images that are generated from one of them and evaluated."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from stages import evaluate, sample, score_snapshots
from t2i.checkpoints import model_file
from t2i.checkpoints.snapshots import snapshot_path
from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.pictures import load_sample
from t2i.models.encoders.damsm import Damsm
from t2i.models.encoders.image import SmallImageEncoder
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generator
from t2i.models.judge import Judge
from t2i.pipeline.run import run
from tests.conftest import ROOT
from tests.helpers import make_generator
from tests.pipeline.clones import change_params


@pytest.fixture
def folder(tmp_path: Path, striped: Path, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the trainings leave: untrained networks of a few channels."""
    torch.manual_seed(0)
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    changes = {"evaluate.candidates": 20, "evaluate.folds": 4, "budgets.smoke.score_snapshots.images": 12}
    change_params(tmp_path, budget="smoke", **changes)
    (tmp_path / "prepared").symlink_to(striped)
    judge = Judge(
        vocabulary, classes=[0, 1], attributes={}, embedding_dim=16, image_encoder={"kind": "small", "width": 8}
    )
    with torch.no_grad():
        for weight in judge.image.parameters():
            weight.mul_(4)  # else it hardly tells one image from another
    damsm = Damsm(TextEncoder(vocabulary, embedding_dim=16, word_dim=8), SmallImageEncoder(16, 8))
    model_file.save(Path("models/judge.pt"), "judge", judge.to_checkpoint())
    model_file.save(Path("models/damsm.pt"), "damsm", damsm.to_checkpoint())
    return tmp_path


def save_snapshots(vocabulary: Vocabulary, *kept: tuple[int, Generator, int]) -> None:
    """Snapshots of a training: step, generator, scales that are trained."""
    torch.manual_seed(0)
    text = TextEncoder(vocabulary, embedding_dim=6, word_dim=5).to_checkpoint()
    for step, generator, num_scales in kept:
        content = {"generator": generator.to_checkpoint(num_scales), "snapshot": {"step": step, "image_size": 32}}
        model_file.save(snapshot_path(Path("models/snapshots"), step), "gan", content | {"text": text})
    shutil.copyfile(snapshot_path(Path("models/snapshots"), kept[-1][0]), "models/gan.pt")


def scaled(factor: float) -> Generator:
    """An untrained generator whose images have more or less contrast."""
    generator = make_generator()
    with torch.no_grad():
        for weight in generator.heads.parameters():
            weight.mul_(factor)
    return generator


def scores_of(folder: Path) -> dict[str, Any]:
    run(score_snapshots.main)
    return dict(json.loads((folder / "metrics" / "score_snapshots.json").read_text()))


def test_the_best_snapshot_is_scored_sampled_and_recorded(folder: Path, vocabulary: Vocabulary) -> None:
    save_snapshots(vocabulary, (2, scaled(1), 2), (4, scaled(30), 3), (6, scaled(1), 3), (8, scaled(30), 3))
    scores = scores_of(folder)
    by_step = scores["snapshots"]
    assert list(by_step) == ["2", "4", "6", "8"] and scores["protocol"]["fake_images"] == 24
    assert scores["protocol"]["image_sizes"] == {"2": 16, "4": 32, "6": 32, "8": 32}
    assert by_step["4"] == by_step["8"] != by_step["6"]  # the same weights, captions and noise
    fids, kids = ({step: row[name] for step, row in by_step.items()} for name in ("fid", "kid"))
    assert len(set(fids.values())) == 3
    assert scores["protocol"]["best_by"] == "kid"  # 24 images for 64 features
    lowest = min(kids, key=lambda step: kids[step])  # the first of equal ones
    assert scores["best"] == {"step": int(lowest)} | by_step[lowest]
    table = pd.read_csv(folder / "plots" / "snapshots.csv")
    assert list(table) == ["step", "fid", "kid", "r_precision", "consistency"] and table["step"].tolist() == [
        2,
        4,
        6,
        8,
    ]
    assert table["fid"].tolist() == pytest.approx(list(fids.values()), rel=1e-5)

    for choice, step, side in (("best", int(lowest), None), ("2", 2, 16), ("last", 8, 32)):
        change_params(folder, **{"sample.snapshot": int(choice) if choice.isdecimal() else choice})
        run(sample.main)
        images, record = load_sample(folder / "samples")
        assert record["snapshot"]["step"] == step and images.scored.image_size == 32
        assert record["settings"]["snapshot"] == record["snapshot"]["chosen"]
        made_from = "models/gan.pt" if choice == "last" else f"models/snapshots/{step:06d}.pt"
        assert list(record["inputs"]) == ["prepared", made_from]
        assert side is None or record["snapshot"]["image_size"] == side
    run(evaluate.main)
    protocol = json.loads((folder / "metrics" / "evaluate.json").read_text())["protocol"]
    assert protocol["generator"] == {"chosen": "last", "step": 8, "image_size": 32}

    change_params(folder, **{"sample.snapshot": 5})
    with pytest.raises(SystemExit) as caught:
        run(sample.main)
    assert str(caught.value) == (
        "sample: sample.snapshot is 5, and there is no snapshot of that step in models/snapshots: legal are last, best "
        "and 2, 4, 6, 8"
    )


def test_a_single_snapshot_is_the_best_and_the_last(folder: Path, vocabulary: Vocabulary) -> None:
    save_snapshots(vocabulary, (7, make_generator(), 3))
    scores = scores_of(folder)
    assert scores["best"]["step"] == 7 and list(scores["snapshots"]) == ["7"]
    assert len(pd.read_csv(folder / "plots" / "snapshots.csv")) == 1


def test_snapshots_of_other_data_and_none_at_all_are_one_line(folder: Path, vocabulary: Vocabulary) -> None:
    for message in (
        "score_snapshots: models/snapshots: no snapshots; `dvc repro train_gan` makes them",
        "score_snapshots: models/snapshots/000007.pt was made with another prepared (000000000000) than the one here",
    ):
        with pytest.raises(SystemExit) as caught:
            run(score_snapshots.main)
        assert str(caught.value).startswith(message) and "\n" not in str(caught.value)
        save_snapshots(vocabulary, (7, make_generator(), 3))
        path = snapshot_path(Path("models/snapshots"), 7)
        content = model_file.load(path, "gan") | {"provenance": {"inputs": {"prepared": "0" * 64}}}
        model_file.save(path, "gan", content)
    assert not (folder / "metrics").exists()
