"""What would stop a run late stops it in preprocess or vocab, in one line, and leaves nothing behind."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from stages import preprocess, vocab
from t2i.pipeline.run import run
from tests.conftest import ROOT
from tests.pipeline.clones import change_params

SMALL: dict[str, object] = {
    "data": "custom", "budget": "smoke", "runtime.preprocess_workers": 1, "evaluate.candidates": 5,
    "budgets.smoke.pretrain_damsm.batch_size": 4, "budgets.smoke.train_judge.batch_size": 4,
    "budgets.smoke.train_gan.batch_size": 4,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where stages run."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(folder: Path, rows: list[tuple[str, str, str]], **changes: object) -> None:
    """Images with captions, classes and splits."""
    change_params(folder, **SMALL | changes)
    (folder / "data" / "custom").mkdir(parents=True)
    lines = ["image,caption,class,split"]
    for number, (caption, class_name, split) in enumerate(rows):
        Image.new("RGB", (8, 8)).save(folder / "data" / "custom" / f"{number}.png")
        lines += [
            f"{number}.png,{caption} {number},{class_name},{split}",
            f"{number}.png,it is {caption},{class_name},{split}",
        ]
    (folder / "data" / "custom" / "captions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def rows(train: int, test: int, class_name: str = "", words: str = "a bird") -> list[tuple[str, str, str]]:
    return [("a bird", class_name, "train")] * train + [(words, class_name, "test")] * test


def stopped(stage: object) -> str:
    with pytest.raises(SystemExit) as caught:
        run(stage.main)  # type: ignore[attr-defined]
    line = str(caught.value)
    assert line.startswith(f"{stage.__name__.split('.')[1]}: ") and "\n" not in line  # type: ignore[attr-defined]
    return line


def test_one_class_stops_before_packing(folder: Path) -> None:
    table(folder, rows(8, 8, "bird"))
    line = stopped(preprocess)
    assert (
        "all 8 images of the train split are of one class (bird)" in line and "each image is a class of its own" in line
    )
    assert not (folder / "prepared").exists() and not (folder / "metrics").exists()


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        (rows(8, 8, words="ein Vogel"), {"vocab.splits": ["train"], "vocab.min_count": 2},
         "8 captions of the test split without a word of the vocabulary ('ein Vogel 8' of 8.png;"),
        (rows(8, 4), {"evaluate.folds": 9}, "evaluate.folds is 9 and 8 images are generated for 4 test images"),
        (rows(8, 4), {"evaluate.candidates": 8}, "evaluate.candidates is 8, but the test split has only 6 captions"),
        (rows(3, 8), {}, "budgets.smoke.pretrain_damsm.batch_size is 4 and the train split has 3 images: lower it"),
        (rows(4, 8), {"budgets.smoke.train_gan.batch_size": 5}, "budgets.smoke.train_gan.batch_size is 5 and the"),
    ],
)  # fmt: skip
def test_what_would_stop_a_later_stage_stops_vocab(
    folder: Path, data: list[tuple[str, str, str]], changes: dict[str, object], message: str
) -> None:
    table(folder, data, **changes)
    run(preprocess.main)
    assert message in stopped(vocab)
    assert not (folder / "models").exists() and not (folder / "metrics" / "vocab.json").exists()


def test_words_that_are_lost_are_counted_and_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(folder, rows(8, 8, words="schöner Vogel"), **{"datasets.custom.tokens": "ascii"})
    run(preprocess.main)
    run(vocab.main)
    report = json.loads((folder / "metrics" / "vocab.json").read_text())
    assert report["not_ascii"] == {"count": 16, "most_common": ["schöner"]} and report["unknown"]["count"] == 0
    assert "vocab: 16 words of captions, 1 different, are not ASCII and lose characters" in capsys.readouterr().err

    change_params(folder, **{"datasets.custom.tokens": "unicode", "vocab.min_count": 8})
    run(vocab.main)
    content = json.loads((folder / "models" / "vocabulary.json").read_text())
    report = json.loads((folder / "metrics" / "vocab.json").read_text())
    assert "schöner" in content["words"] and content["tokens"] == "unicode" and report["not_ascii"]["count"] == 0
    assert (
        report["unknown"]["count"] == 16 and "16 words of captions, 16 different, are not in" in capsys.readouterr().err
    )
