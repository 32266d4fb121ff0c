"""MS-COCO made small, in each of its layouts."""

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

from PIL import Image


def make(folder: Path, year: str = "2017", images: int = 3) -> Path:
    (folder / "annotations").mkdir(parents=True)
    for number, split in enumerate(("train", "val")):
        name = f"{split}{year}"
        (folder / name).mkdir()
        ids = [100 * number + i for i in range(images)]
        for i in ids:
            Image.new("RGB", (20, 10 + i % 100), (i, 0, 0)).save(folder / name / f"{i:012d}.jpg")
        # annotations come in any order and are sorted by their ids
        annotations = [
            {"id": 10 * i + k, "image_id": i, "caption": f"Image {i}\n caption {k}. "} for k in (2, 0, 1) for i in ids
        ]
        content = {"images": [{"id": i, "file_name": f"{i:012d}.jpg"} for i in ids], "annotations": annotations}
        (folder / "annotations" / f"captions_{name}.json").write_text(json.dumps(content))
    return folder


def change(folder: Path, **changed: Any) -> None:
    path = folder / "annotations" / "captions_train2017.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def attngan_layout(folder: Path) -> Path:
    for split, names in {"train": ["a_1", "a_2"], "test": ["b_1"]}.items():
        (folder / split).mkdir(parents=True)
        (folder / split / "filenames.pickle").write_bytes(pickle.dumps(names, 0))
        for name in names:
            for part, suffix in (("images", "jpg"), ("text", "txt")):
                (folder / part).mkdir(exist_ok=True)
                (folder / part / f"{name}.{suffix}").write_text("one\n\ntwo\nthree\n")
            Image.new("L", (9, 7)).save(folder / "images" / f"{name}.jpg")
    return folder


def both_years(folder: Path) -> Path:
    """Images and captions of 2014 and 2017, named as they are."""
    make(folder, "2014")
    for name in ("train2014", "val2014"):
        path = folder / "annotations" / f"captions_{name}.json"
        content = json.loads(path.read_text())
        for image in content["images"]:
            listed = f"COCO_{name}_{image['file_name']}"
            (folder / name / image["file_name"]).rename(folder / name / listed)
            image["file_name"] = listed
        path.write_text(json.dumps(content))
    make(folder / "other")
    for path in (folder / "other").glob("*2017"):
        path.rename(folder / path.name)
    for path in (folder / "other" / "annotations").iterdir():
        path.rename(folder / "annotations" / path.name)
    shutil.rmtree(folder / "other")
    return folder
