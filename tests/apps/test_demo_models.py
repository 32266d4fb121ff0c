"""Models of equal names are told apart, and distances are measured by judges of their own data alone."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.apps.demo_models import LoadedJudge, load_models
from t2i.apps.server import CompareRequest, Demo
from t2i.checkpoints import model_file
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.models.judge import Judge
from tests.apps.conftest import Command


def trained_on(data: str | None, **settings: Any) -> dict[str, Any]:
    inputs = {"bird_DMGAN.pth": "0"} if data is None else {"prepared": data}  # None: imported
    return {"provenance": {"settings": settings, "inputs": inputs}}


def save_model(gan: Path, path: Path, record: dict[str, Any]) -> Path:
    content = model_file.load(gan, "gan")
    model_file.save(path, "gan", {"generator": content["generator"], "text": content["text"], **record})
    return path


def save_judge(vocabulary: Vocabulary, path: Path, record: dict[str, Any]) -> Path:
    torch.manual_seed(0)
    judge = Judge(vocabulary, classes=[], attributes={}, embedding_dim=8, image_encoder={"kind": "small", "width": 8})
    model_file.save(path, "judge", judge.to_checkpoint() | record)
    return path


def labels(*paths: Path | str) -> tuple[list[str], list[str]]:
    warnings: list[str] = []
    return [model.label for model in load_models([Path(path) for path in paths], warnings.append)], warnings


@pytest.mark.parametrize(
    ("record", "label"),
    [
        (trained_on("1", losses={"lambda_": 0.2}), "gan (attngan, lambda 0.2)"),
        (trained_on("1", losses={"lambda_": 0.0}), "gan (attngan, lambda 0)"),
        (trained_on("1", captions_per_image=2, losses={"lambda_": 0.2}), "gan (attngan, lambda 0.2)"),
        (trained_on("1", captions_per_image=1, losses={"lambda_": 0.2}), "gan (attngan, no contrastive loss)"),
        (trained_on(None), "gan (attngan)"),  # imported
        ({}, "gan (attngan)"),
    ],
)
def test_models_are_labelled_by_their_file(gan: Path, tmp_path: Path, record: dict[str, Any], label: str) -> None:
    assert labels(save_model(gan, tmp_path / "gan.pt", record)) == ([label], [])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a/gan.pt", "b/gan.pt"], ["a/gan", "b/gan"]),
        (["a/gan.pt", "b/gan.pt", "c/best.pt"], ["a/gan", "b/gan", "best"]),
        (["x/a/gan.pt", "y/a/gan.pt", "y/b/gan.pt"], ["x/a/gan", "y/a/gan", "b/gan"]),
        (["gan.pt", "a/gan.pt"], ["models/gan", "a/gan"]),
        (["gan.pt", "gan.bin"], ["gan.pt", "gan.bin"]),
        (["a/gan.pt", "a/gan.bin", "b/gan.pt"], ["a/gan.pt", "gan.bin", "b/gan.pt"]),
        (["gan0.2.pt", "gan0.3.pt"], ["gan0.2", "gan0.3"]),
        (["a/Gan.pt", "b/gan.pt"], ["Gan", "gan"]),
        (["tab\there/gan.pt", "b/gan.pt"], ["tab\\there/gan", "b/gan"]),
        (["a\udce9/gan.pt", "b/gan.pt"], ["a\\udce9/gan", "b/gan"]),  # Latin-1 on a disk of UTF-8
    ],
)
def test_equal_names_are_told_apart_by_their_folders(
    gan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], expected: list[str]
) -> None:
    (tmp_path / "models").mkdir()
    monkeypatch.chdir(tmp_path / "models")
    for file in files:
        save_model(gan, Path(file), {})
    assert labels(*files) == ([f"{name} (attngan)" for name in expected], [])


def test_a_file_is_shown_once_however_often_it_is_given(
    gan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b", "a"):
        save_model(gan, tmp_path / name / "gan.pt", {})
    os.symlink("a/gan.pt", "best.pt")
    again: list[Path | str] = ["b/gan.pt", "a/../b/gan.pt", tmp_path / "a" / "gan.pt", "best.pt"]
    assert labels("b/gan.pt", "./a/gan.pt", *again) == (
        ["b/gan (attngan)", "a/gan (attngan)"],
        [
            "b/gan.pt is the same file as b/gan.pt and is shown once",
            "a/../b/gan.pt is the same file as b/gan.pt and is shown once",
            f"{tmp_path}/a/gan.pt is the same file as a/gan.pt and is shown once",
            "best.pt is the same file as a/gan.pt and is shown once",
        ],
    )


@pytest.mark.parametrize("path", [".", "..", "/", "nowhere.pt", "nowhere/gan.pt"])
def test_what_is_no_model_is_one_line(path: str) -> None:
    with pytest.raises(InputError, match=r"no such model file|a folder, where a model|not a model file, or damaged"):
        labels(path)


OTHER = "the judge was trained on other data than the model"


@pytest.mark.parametrize(
    ("model", "judge", "reason"),
    [
        ("1", "1", None),
        ("1", "2", OTHER),
        (None, "1", "the data that the model was trained on are not known"),
        ("1", None, "the data that the judge was trained on are not known"),
        (None, None, "the data that the model was trained on are not known"),
    ],
)
def test_distances_are_by_a_judge_of_the_same_data(
    gan: Path, vocabulary: Vocabulary, tmp_path: Path, model: str | None, judge: str | None, reason: str | None
) -> None:
    loaded = load_models([save_model(gan, tmp_path / "gan.pt", trained_on(model))], print)
    demo = Demo(loaded, LoadedJudge.load(save_judge(vocabulary, tmp_path / "judge.pt", trained_on(judge))))
    assert demo.warnings() == ([f"no distances for gan (attngan): {reason}"] if reason else [])
    (row,) = demo.compare(CompareRequest(captions=["the top is red", "blue below"], number=1))["rows"]
    assert row["no_distance"] == reason and (row["distance"] is None) == (reason is not None)


@pytest.mark.parametrize("larger", [False, True])
def test_small_images_of_an_early_snapshot_are_not_compared(
    gan: Path, vocabulary: Vocabulary, tmp_path: Path, larger: bool
) -> None:
    own = model_file.load(gan, "gan")["generator"]["config"]["image_size"]
    record = trained_on("1") | {"snapshot": {"step": 450, "image_size": own * (1 + larger)}}
    (loaded,) = load_models([save_model(gan, tmp_path / "000450.pt", record)], print)
    assert loaded.label == "000450 (attngan)"
    judge = LoadedJudge.load(save_judge(vocabulary, tmp_path / "judge.pt", trained_on("1")))
    reason = f"a snapshot whose images have {own} pixels, and the judge was trained on {2 * own}"
    assert judge.refusal(loaded) == (reason if larger else None)


def test_files_without_a_record_have_no_distance_either(gan: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    judge = LoadedJudge.load(save_judge(vocabulary, tmp_path / "judge.pt", {}))
    (loaded,) = load_models([gan], print)
    assert judge.refusal(loaded) == "the data that the model was trained on are not known"


def test_a_judge_that_was_asked_for_must_be_there(t2i: Command, gan: Path, tmp_path: Path) -> None:
    result = t2i("demo", gan, "--port", 0, "--judge", tmp_path / "judge.pt")
    line = f"t2i: {tmp_path / 'judge.pt'}: no such model file; `dvc repro` makes it\n"
    assert (result.exit_code, result.output) == (1, line)


def test_equal_labels_are_a_defect(gan: Path) -> None:
    loaded = load_models([gan], print)
    with pytest.raises(ValueError, match="labels must differ"):
        Demo([*loaded, *loaded], None)
