"""Which snapshot of a training is meant: the last, the best, or that of a step."""

import json
from pathlib import Path

import pytest

from t2i.checkpoints.snapshots import Choice, choose_snapshot, short_digest, snapshot_of, snapshot_path, snapshots_in
from t2i.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Snapshots after 450, 900 and 1,000,000 steps, of which 900 is the best."""
    (tmp_path / "snapshots").mkdir()
    for step in (1_000_000, 900, 450):
        snapshot_path(tmp_path / "snapshots", step).write_bytes(bytes([step % 7]))
    (tmp_path / "snapshots" / "notes.pt").write_text("not a snapshot")
    (tmp_path / "gan.pt").write_bytes(snapshot_path(tmp_path / "snapshots", 1_000_000).read_bytes())
    scores = {"best": {"step": 900}, "protocol": {"gan": short_digest(tmp_path / "gan.pt")}}
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    return tmp_path


def chosen(folder: Path, choice: Choice) -> str:
    path = choose_snapshot(choice, folder / "gan.pt", folder / "snapshots", folder / "scores.json")
    return path.relative_to(folder).as_posix()


def refusal(folder: Path, choice: Choice) -> str:
    with pytest.raises(InputError) as caught:
        chosen(folder, choice)
    return str(caught.value).replace(f"{folder}/", "")


def test_snapshots_come_in_the_order_of_their_steps(folder: Path) -> None:
    assert list(snapshots_in(folder / "snapshots")) == [450, 900, 1_000_000]


def test_last_best_and_a_step(folder: Path) -> None:
    assert chosen(folder, "last") == "gan.pt"
    assert chosen(folder, "best") == chosen(folder, 900) == "snapshots/000900.pt"
    assert chosen(folder, 450) == "snapshots/000450.pt" and chosen(folder, 1_000_000) == "snapshots/1000000.pt"


def test_the_last_needs_neither_snapshots_nor_scores(tmp_path: Path) -> None:
    assert chosen(tmp_path, "last") == "gan.pt"  # an imported generator has none


@pytest.mark.parametrize("step", [1, 451, 2_000_000])
def test_an_unknown_step_is_answered_with_those_there_are(folder: Path, step: int) -> None:
    assert refusal(folder, step) == (
        f"sample.snapshot is {step}, and there is no snapshot of that step in snapshots: legal are last, best and 450, "
        "900, 1000000"
    )


def test_what_is_missing_or_damaged_is_named(folder: Path) -> None:
    remedy = "`dvc repro score_snapshots` makes it again"
    scores = folder / "scores.json"
    for text in ("{", "[]", "{}", '{"best": {"step": null}, "protocol": {"gan": ""}}', '{"best": 3, "protocol": {}}'):
        scores.write_text(text)
        assert refusal(folder, "best") == (
            f"scores.json is damaged or of another version, and tells the best snapshot: {remedy}"
        )
    scores.unlink()
    assert refusal(folder, "best") == f"scores.json is not there, and tells which snapshot is the best: {remedy}"
    for path in (folder / "snapshots").iterdir():
        path.unlink()
    assert refusal(folder, 450) == "snapshots: no snapshots; `dvc repro train_gan` makes them"


def test_scores_of_another_training_do_not_tell_the_best(folder: Path) -> None:
    (folder / "other.pt").write_bytes(b"trained or imported since")
    (folder / "other.pt").rename(folder / "gan.pt")
    scores = json.loads((folder / "scores.json").read_text())
    scores["protocol"]["gan"] = "0" * 12
    (folder / "scores.json").write_text(json.dumps(scores))
    assert refusal(folder, "best") == (
        "scores.json scores the snapshots of another training than gan.pt is of: `dvc repro score_snapshots` makes it "
        "again"
    )
    (folder / "gan.pt").unlink()
    assert refusal(folder, "best") == "gan.pt: no such model file; `dvc repro` makes it"


def test_nothing_is_known_of_an_imported_generator() -> None:
    assert snapshot_of({"generator": {}}) == {"step": None, "image_size": None}
    assert snapshot_of({"snapshot": {"step": 3, "image_size": 64}}) == {"step": 3, "image_size": 64}
