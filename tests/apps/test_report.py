"""The page of a run, from the committed run of this repository."""

import json
import re
import shutil
from pathlib import Path

import pytest

from t2i.apps.report import write_report
from t2i.errors import InputError
from tests.conftest import ROOT


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for folder in ("metrics", "plots"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def report(folder: Path) -> str:
    write_report(folder / "r.html", folder / "metrics", folder / "plots")
    return (folder / "r.html").read_text()


def test_scores_grids_curves_and_ablations_and_nothing_from_elsewhere(run: Path) -> None:
    (run / "metrics" / "ablation-loss.x<y.csv").write_text("score,value,verdict\nFID,0.2,<b>better</b>\n")
    (run / "plots" / "snapshots.csv").write_text("step,fid,consistency\n450,90.5,\n900,70,0.7\n")
    page = report(run)
    assert "Scores of snapshots of the generator" in page and 'alt="Snapshots by step"' in page
    assert "FID (judge)" in page and "t2i-judge: trained in this pipeline, not Inception" in page
    assert page.count('<img alt="') >= 5 + 3 and "Effect of loss.x&lt;y" in page and "&lt;b&gt;better" in page
    without_pictures = re.sub(r"base64,[\w+/=]+", "", page)  # whose letters may spell anything
    assert not re.search(r"(src|href)=\"(?!data:)", page) and "http" not in without_pictures
    assert not list(run.glob("*.part"))


def test_a_training_of_no_steps_has_no_curve(run: Path) -> None:
    (run / "plots" / "pretrain_damsm.csv").write_text("step,word,sentence\n")
    page = report(run)
    assert 'alt="DAMSM' not in page and "FID (judge)" in page


def test_ablations_are_headed_by_what_they_compare(run: Path) -> None:
    for name in ("loss.damsm_lambda+loss.lambda", "loss.lambda-snapshots"):
        (run / "metrics" / f"ablation-{name}.csv").write_text("score,value\nFID,0.2\n")
    page = report(run)
    assert "<h2>Effect of loss.damsm_lambda and loss.lambda</h2>" in page
    assert "<h2>Effect of loss.lambda, by snapshot</h2>" in page


def test_what_is_not_there_is_left_out_but_scores_are_needed(run: Path) -> None:
    shutil.rmtree(run / "plots")
    assert "<img" not in report(run)
    (run / "metrics" / "evaluate.json").write_text("{")
    with pytest.raises(InputError, match="evaluate.json is damaged: `dvc repro` makes it again"):
        report(run)
    edited = json.loads((ROOT / "metrics" / "evaluate.json").read_text())
    edited["fidelity"]["judge"]["fid"]["fakes"] = "many"
    for other in ('{"fidelity": {"judge_fid": {"fakes": 1.0}}}', '{"fidelity": []}', json.dumps(edited)):
        (run / "metrics" / "evaluate.json").write_text(other)
        with pytest.raises(InputError, match="evaluate.json is of another version: `dvc repro` makes it again"):
            report(run)
    (run / "metrics" / "evaluate.json").unlink()
    with pytest.raises(InputError, match="evaluate.json is not there yet: `dvc repro` makes it"):
        report(run)


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("metrics/evaluate.json", "null", "is damaged: `dvc repro` makes it again"),
        ("plots/train_gan.csv", "", "is damaged: make it again"),
        ("plots/train_gan.csv", "<<<<<<< HEAD\n1\n", "is damaged: it has no column step, or no other: make it again"),
        (
            "plots/train_gan.csv",
            "step,d\n<<<<<<< HEAD\n1,2\n=======\n1,3\n>>>>>>> other\n",
            "is damaged: its column step has more than numbers: make it again",
        ),
        ("metrics/ablation-x.csv", "", "is damaged: make it again"),
    ],
)
def test_damaged_files_are_named(run: Path, file: str, content: str, line: str) -> None:
    (run / file).write_text(content)
    with pytest.raises(InputError, match=f"{re.escape(file)} {re.escape(line)}$"):
        report(run)
    assert not (run / "r.html").exists()


def test_what_cannot_be_read_is_named(run: Path) -> None:
    (run / "metrics" / "evaluate.json").unlink()
    (run / "metrics" / "evaluate.json").mkdir()
    with pytest.raises(InputError, match=r"evaluate.json cannot be read \(Is a directory\)$"):
        report(run)
