"""Data sets in the layouts that people have them in, through preprocess and vocab; what follows sees packs alone."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages import preprocess, vocab
from t2i.pipeline.run import run
from tests.conftest import ROOT
from tests.pipeline.clones import change_params

COCO = ROOT.parent / "shared" / "data" / "coco-slice"


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


def test_images_and_a_table(folder: Path) -> None:
    custom = folder / "data" / "custom"
    custom.mkdir()
    rows = ["image,caption"]
    for number in range(80):
        noise_image(custom / "pictures" / f"{number}.png", number)
        rows += [f"pictures/{number}.png,{caption}" for caption in captions(number)]
    (custom / "captions.csv").write_text("\n".join(rows) + "\n")
    report = packed(folder, "custom", **{"datasets.custom.source.test_share": 0.5})
    assert report["classes"] == 80 and min(split["images"] for split in report["splits"].values()) > 20
