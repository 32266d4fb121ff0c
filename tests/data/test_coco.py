"""MS-COCO in its official layout, made small."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from t2i.data import coco
from t2i.errors import InputError

SLICE = Path(__file__).parents[3] / "shared" / "data" / "coco-slice"


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
            {"id": 10 * i + k, "image_id": i, "caption": f"Picture {i}\n said {k}. "} for k in (2, 0, 1) for i in ids
        ]
        content = {"images": [{"id": i, "file_name": f"{i:012d}.jpg"} for i in ids], "annotations": annotations}
        (folder / "annotations" / f"captions_{name}.json").write_text(json.dumps(content))
    return folder


def change(folder: Path, **changed: Any) -> None:
    path = folder / "annotations" / "captions_train2017.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


@pytest.mark.parametrize("year", ["2014", "2017"])
def test_records_of_both_splits(tmp_path: Path, year: str) -> None:
    splits = coco.read(make(tmp_path / "coco", year), captions_per_image=2)
    assert list(splits) == ["train", "test"]
    assert [record.name for record in splits["test"]] == [f"val{year}/{i:012d}" for i in (100, 101, 102)]
    record = splits["train"][1]
    assert [caption.text for caption in record.captions] == ["Picture 1 said 0.", "Picture 1 said 1."]
    assert record.load().size == (20, 11)
    names = [record.class_name for records in splits.values() for record in records]
    assert len(set(names)) == 6  # each image a class of its own


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": 3}, "must hold 'images', a list of objects with id, file_name"),
        ({"images": [{"id": "0", "file_name": "x.jpg"}]}, "must hold 'images'"),
        ({"annotations": [{"id": 1}]}, "must hold 'annotations', a list of objects with id, image_id, caption"),
        ({"images": [{"id": 0, "file_name": "../x.jpg"}]}, "which is no plain file name"),
        ({"images": [{"id": 0, "file_name": "a.jpg"}]}, "1 images of .* have no file in .*train2017 \\(a.jpg\\)"),
        ({"annotations": []}, "3 images of .* have no caption"),
        ({"images": [], "annotations": []}, "lists no images"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    folder = make(tmp_path / "coco")
    change(folder, **changed)
    with pytest.raises(InputError, match=message) as caught:
        coco.read(folder, captions_per_image=2)
    assert "\n" not in str(caught.value)


def test_missing_and_torn_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no captions_train2014.json or captions_train2017.json"):
        coco.read(tmp_path, captions_per_image=2)
    folder = make(tmp_path / "coco")
    (folder / "annotations" / "captions_val2017.json").write_text("{")
    with pytest.raises(InputError, match="captions_val2017.json is no JSON"):
        coco.read(folder, captions_per_image=2)


@pytest.mark.skipif(not SLICE.is_dir(), reason=f"the slice of MS-COCO is not at {SLICE}")
def test_a_slice_of_the_real_thing() -> None:
    splits = coco.read(SLICE, captions_per_image=5)
    assert {name: len(records) for name, records in splits.items()} == {"train": 80, "test": 79}
    assert all(len(record.captions) == 5 for records in splits.values() for record in records)
    assert splits["train"][0].load().mode == "RGB"
