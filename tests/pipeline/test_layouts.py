"""Data sets in the layouts that people have them in, through preprocess and vocab; what follows sees packs alone."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages import evaluate, preprocess, pretrain_damsm, sample, score_snapshots, train_gan, train_judge, vocab
from t2i.pipeline.run import run
from tests.conftest import ROOT
from tests.pipeline.clones import change_params

CUB, COCO = (ROOT.parent / "shared" / "data" / name for name in ("cub-slice", "coco-slice"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where stages run."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def packed(folder: Path, data: str, **changes: object) -> dict[str, Any]:
    """Run preprocess and vocab on data/<data>; what preprocess reports."""
    change_params(folder, data=data, budget="smoke", **{"runtime.preprocess_workers": 1}, **changes)
    run(preprocess.main)
    run(vocab.main)
    words = json.loads((folder / "metrics" / "vocab.json").read_text())["words"]
    assert words == len(json.loads((folder / "models" / "vocabulary.json").read_text())["words"]) > 1
    return dict(json.loads((folder / "metrics" / "preprocess.json").read_text()))


@pytest.mark.slow
@pytest.mark.skipif(not CUB.is_dir(), reason="the slice of CUB is not at ../shared/data/cub-slice")
def test_photographs_through_all_stages_with_the_recipe_of_the_paper(folder: Path) -> None:
    (folder / "data" / "cub").symlink_to(CUB)
    report = packed(folder, "cub", recipe="paper", model="dmgan")
    assert report["data"] == "cub" and report["splits"]["test"]["images"] == 120
    for stage in (pretrain_damsm, train_judge, train_gan, score_snapshots, sample, evaluate):
        run(stage.main)
    scores = json.loads((folder / "metrics" / "evaluate.json").read_text())
    assert "attribute_accuracy" not in scores and scores["r_precision"]["judge"]["reals"] >= 0
    assert (scores["protocol"]["sample"], scores["protocol"]["max_words"]) == ("published", 25)
    assert len(np.load(folder / "samples" / "published.npy")) == scores["protocol"]["pictures"] == 240
    assert scores["caption_consistency"]["protocol"]["pairs_same"] == 120


@pytest.mark.skipif(not COCO.is_dir(), reason="the slice of MS-COCO is not at ../shared/data/coco-slice")
def test_the_official_layout_of_coco(folder: Path) -> None:
    (folder / "data" / "coco").symlink_to(COCO)
    report = packed(folder, "coco")
    assert report["splits"]["train"]["images"] == 80 and report["classes"] == 159


def noise_image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    Image.fromarray(colours).resize((50, 40), Image.Resampling.BICUBIC).save(path)


def captions(seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(["red", "green", "blue", "small", "large", "bird"], 4)) for _ in range(4)]


def test_cub_without_pickles_and_with_an_image_too_few(folder: Path) -> None:
    cub, lines, boxes = folder / "data" / "cub", [], []
    for number in range(1, 161):
        name = f"{number % 8:03d}.Bird/bird_{number}"
        lines.append(f"{number} {name}.jpg\n")
        boxes.append(f"{number} 5.0 5.0 30.0 20.0\n")
        if number != 7:
            noise_image(cub / "CUB_200_2011" / "images" / f"{name}.jpg", number)
        (cub / "text" / name).parent.mkdir(parents=True, exist_ok=True)
        (cub / "text" / f"{name}.txt").write_text("\n".join(captions(number)))
    (cub / "CUB_200_2011" / "images.txt").write_text("".join(lines))
    (cub / "CUB_200_2011" / "bounding_boxes.txt").write_text("".join(boxes))
    report = packed(folder, "cub", **{"datasets.cub.on_missing": "skip", "datasets.cub.source.test_classes": 4})
    assert report["splits"]["train"]["images"] + report["splits"]["test"]["images"] == 159
    assert list(report["left_out"].values()) == [{"count": 1, "first": ["007.Bird/bird_7"]}]


def test_coco_in_the_layout_of_the_attngan_family(folder: Path) -> None:
    coco = folder / "data" / "coco"
    for split, numbers in (("train", range(40)), ("test", range(40, 80))):
        names = [f"COCO_{split}2014_{number:012d}" for number in numbers]
        (coco / split).mkdir(parents=True)
        (coco / "text").mkdir(exist_ok=True)
        (coco / split / "filenames.pickle").write_bytes(pickle.dumps(names, 0))
        for name, number in zip(names, numbers, strict=True):
            noise_image(coco / "images" / f"{name}.jpg", number)
            (coco / "text" / f"{name}.txt").write_text("\n".join(captions(number)))
    assert packed(folder, "coco")["splits"]["test"]["images"] == 40


def pictures_of(folder: Path, *names: str) -> dict[str, list[str]]:
    """Make a picture of each name; its captions."""
    for number, name in enumerate(names):
        noise_image(folder / name, number)
    return {name: captions(number) for number, name in enumerate(names)}


def table(folder: Path) -> None:
    texts = pictures_of(folder, *(f"pictures/{number}.png" for number in range(80)))
    rows = [f"{name};{caption}" for name, of_image in texts.items() for caption in of_image]
    (folder / "captions.csv").write_text("\n".join(["image;caption", *rows]) + "\n")


def json_lines(folder: Path) -> None:
    texts = pictures_of(folder, *(f"{number}.png" for number in range(80)))
    rows = [{"image": name, "caption": texts[name], "class": number % 4} for number, name in enumerate(texts)]
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))


def imagefolder_in_csv(folder: Path) -> None:
    for split in ("train", "test"):
        texts = pictures_of(folder / split, *(f"{number}.png" for number in range(40)))
        rows = [f'{name},"{caption}, or so",me' for name, of_image in texts.items() for caption in of_image]
        (folder / split / "metadata.csv").write_text("\n".join(["file_name,text,artist", *rows]))


def imagefolder_in_json_lines(folder: Path) -> None:
    texts = pictures_of(folder, *(f"{split}/{number}.png" for split in ("train", "validation") for number in range(40)))
    rows = [{"file_name": name, "text": caption} for name, of_image in texts.items() for caption in of_image]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))


def imagefolder_in_parquet(folder: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    texts = pictures_of(folder, *(f"{number}.png" for number in range(80)))
    content = {"file_name": list(texts), "captions": list(texts.values()), "label": [n // 10 for n in range(80)]}
    parquet.write_table(pyarrow.table(content), folder / "metadata.parquet")


def karpathy(folder: Path) -> None:
    texts = pictures_of(folder / "images", *(f"val2014/{number}.jpg" for number in range(120)))
    splits = ("train", "restval", "val", "test")
    images = [
        {
            "filepath": "val2014", "filename": Path(name).name, "split": splits[number % 4],
            "sentences": [{"raw": caption, "tokens": caption.split()} for caption in texts[name]],
        }
        for number, name in enumerate(texts)
    ]  # fmt: skip
    (folder / "dataset_coco.json").write_text(json.dumps({"images": images, "dataset": "coco"}))


def pairs(folder: Path) -> None:
    names = [f"{split}/{n % 4}/schöne {n}.jpg" for split in ("train", "test") for n in range(40)]
    for name, texts in pictures_of(folder, *names).items():
        (folder / name).with_suffix(".txt").write_text("\r\n".join(texts), encoding="utf-16")


# what makes a data set, and its images of train and test, captions and classes
FORMATS = [
    (table, (40, 40), 320, 80), (json_lines, (40, 40), 320, 4), (imagefolder_in_csv, (40, 40), 320, 80),
    (imagefolder_in_json_lines, (40, 40), 320, 80), (imagefolder_in_parquet, (40, 40), 320, 8),
    (karpathy, (60, 30), 360, 90), (pairs, (40, 40), 320, 80),
]  # fmt: skip


def pack_format(folder: Path, make: Callable[[Path], None], **changes: object) -> dict[str, Any]:
    """Make a data set in data/custom and run preprocess and vocab on it."""
    (folder / "data" / "custom").mkdir()
    make(folder / "data" / "custom")
    return packed(folder, "custom", **{"datasets.custom.source.test_share": 0.5}, **changes)


@pytest.mark.parametrize(("make", "images", "sentences", "classes"), FORMATS)
def test_formats_of_own_data(
    folder: Path, make: Callable[[Path], None], images: tuple[int, int], sentences: int, classes: int
) -> None:
    report = pack_format(folder, make)
    found = [report["splits"][split]["images"] for split in ("train", "test")]
    assert sum(found) == sum(images) and all(abs(a - b) < 15 for a, b in zip(found, images, strict=True))
    assert sum(split["captions"] for split in report["splits"].values()) == sentences
    assert report["classes"] == classes
    reason = "images of the split val, since there is a split test"
    assert {key: left["count"] for key, left in report["left_out"].items()} == (
        {reason: 30} if make is karpathy else {}
    )


@pytest.mark.slow
@pytest.mark.parametrize("make", [make for make, *_ in FORMATS])
def test_formats_of_own_data_through_all_stages(folder: Path, make: Callable[[Path], None]) -> None:
    lengths = {f"budgets.smoke.{stage}.steps": 2 for stage in ("pretrain_damsm", "train_judge", "train_gan")}
    pack_format(folder, make, **lengths, **{"budgets.smoke.sample.images": 20, "evaluate.candidates": 20})
    for stage in (pretrain_damsm, train_judge, train_gan, sample, evaluate):
        run(stage.main)
    scores = json.loads((folder / "metrics" / "evaluate.json").read_text())
    assert 0 <= scores["r_precision"]["judge"]["fakes"] <= 1 and (folder / "summary.txt").stat().st_size
    assert not list(folder.glob("**/*.part"))
