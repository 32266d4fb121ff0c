"""The data set on the screen."""

from pathlib import Path

import pytest
from PIL import Image

from t2i.check.data import check_data
from t2i.check.findings import Findings
from t2i.params.reader import load
from tests.conftest import ROOT

SMALL = ["budget=smoke", "budgets.smoke.pretrain_damsm.batch_size=4", "budgets.smoke.train_judge.batch_size=4",
         "budgets.smoke.train_gan.batch_size=4", "evaluate.candidates=5"]  # fmt: skip


def own_data(folder: Path, images: int, rows: str, header: str = "image,caption,split") -> None:
    """A table with ``rows`` for each of some images, of which every other one is a test image."""
    (folder / "data" / "custom").mkdir(parents=True)
    lines = [header]
    for number in range(images):
        Image.new("RGB", (8, 8)).save(folder / "data" / "custom" / f"{number}.png")
        lines += rows.format(number=number, split=("train", "test")[number % 2]).splitlines()
    (folder / "data" / "custom" / "captions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def found(folder: Path, monkeypatch: pytest.MonkeyPatch, *changes: str) -> Findings:
    monkeypatch.chdir(folder)
    findings, splits = check_data(load(ROOT / "params.yaml", ["data=custom", *SMALL, *changes]))
    assert (splits is None) is bool(findings.problems)
    return findings


def test_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_data(tmp_path, 20, "{number}.png,ein schöner Vogel Nummer {number},{split}\n{number}.png,a bird,{split}")
    findings = found(tmp_path, monkeypatch)
    lines = dict(findings.lines)
    assert findings.problems == [] and findings.title == "data/custom"
    assert lines["train"] == lines["test"] == "10 images, 10 classes, captions an image: 2"
    assert lines["words"] == (
        "26 different (unicode); a caption has 3.5 on average, at most 5; 0% have more than max_words = 18, "
        "0% have more than sample_max_words = 25"
    )
    assert "captions.csv" in lines["read"]
    words = [
        text for label, text in found(tmp_path, monkeypatch, "datasets.custom.tokens=ascii").lines if label == "words"
    ]
    assert words[1].startswith("20 words of captions, 1 different, are not ASCII and lose characters")


def test_a_hopeless_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "{number}.png,a bird,bird,{split}"
    own_data(tmp_path, 6, rows, header="image,caption,class,split")
    problems = found(tmp_path, monkeypatch, "evaluate.folds=20").problems
    assert [problem.split(":")[0][:60] for problem in problems] == [
        "all 3 images of the train split are of one class (bird), so ",
        "all 3 images of the test split are of one class (bird), so t",
        "budgets.smoke.pretrain_damsm.batch_size is 4 and the train s",
        "budgets.smoke.train_judge.batch_size is 4 and the train spli",
        "budgets.smoke.train_gan.batch_size is 4 and the train split ",
        "evaluate.folds is 20 and 3 images are generated for 3 test i",
    ]


def test_a_split_without_images_names_the_ways_into_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_data(tmp_path, 4, "{number}.png,a bird {number},train")
    (problem,) = found(tmp_path, monkeypatch, "datasets.custom.source.test_share=0.25").problems
    assert problem.startswith("split 'test' of the data set has no images: give it some; an image is in the split that")
    assert problem.endswith("a test image with a probability of datasets.custom.source.test_share = 0.25")


def test_what_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_data(tmp_path, 20, "{number}.png,a bird {number},{split}\n{number}.png,a red bird,{split}")
    (tmp_path / "data" / "custom" / "7.png").unlink()
    (problem,) = found(tmp_path, monkeypatch).problems
    assert "1 image of" in problem and "without a file (7.png)" in problem and "on_missing=skip" in problem
    lines = found(tmp_path, monkeypatch, "datasets.custom.on_missing=skip", "evaluate.candidates=4").lines
    assert any(label == "left out" and "without a file (7.png)" in text for label, text in lines)


def test_images_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_data(tmp_path, 20, "{number}.png,a bird {number},{split}\n{number}.png,a red bird,{split}")
    assert ("opened", "10 train and 10 test images, all readable") in found(tmp_path, monkeypatch).lines
    for number in (3, 4, 5):
        (tmp_path / "data" / "custom" / f"{number}.png").write_bytes(b"no image")
    (problem,) = found(tmp_path, monkeypatch).problems
    assert problem.startswith("image data/custom/4.png cannot be read (it is text)")
    lines = found(tmp_path, monkeypatch, "datasets.custom.on_missing=skip").lines
    texts = [text for label, text in lines if label == "left out"]
    assert texts[0].startswith("1 image of the train split that cannot be read (4.png); the first: image data/custom/4")
    assert dict(lines)["train"].startswith("9 images") and dict(lines)["test"].startswith("8 images")


def test_why_a_split_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_data(tmp_path, 20, "{number}.png,a bird,{split}")
    for number in range(1, 20, 2):
        (tmp_path / "data" / "custom" / f"{number}.png").unlink()
    (problem,) = found(tmp_path, monkeypatch, "datasets.custom.on_missing=skip").problems
    assert problem.startswith(
        "split 'test' of the data set has no images: left out were 10 images of data/custom without"
    )
    assert "without a file (1.png, 3.png, 5.png, ...): correct the data set; an image is in the split" in problem


def test_images_beyond_a_limit_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_data(tmp_path, 30, "{number}.png,a bird {number},{split}\n{number}.png,a red bird,{split}")
    lines = found(tmp_path, monkeypatch, "budgets.smoke.preprocess.max_images=8").lines
    assert [text for label, text in lines if label == "left out"] == [
        f"7 images of the {split} split beyond max_images = 8 ({names}, ...)"
        for split, names in (("train", "2.png, 6.png, 10.png"), ("test", "3.png, 7.png, 11.png"))
    ]


def test_nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = found(tmp_path, monkeypatch).problems
    assert "data/custom" in problem and "docs/data.md" in problem
