"""MS-COCO in its official layout, made small."""

import json
import pickle
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.sources import coco
from t2i.sources.missing import MissingItems
from tests.conftest import ROOT

SLICE = ROOT.parent / "shared" / "data" / "coco-slice"


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


@pytest.mark.parametrize("year", ["2014", "2017"])
def test_records_of_both_splits(tmp_path: Path, year: str) -> None:
    splits = coco.read(make(tmp_path / "coco", year), captions_per_image=2)
    assert list(splits) == ["train", "test"]
    assert [record.name for record in splits["test"]] == [f"val{year}/{i:012d}" for i in (100, 101, 102)]
    record = splits["train"][1]
    assert [caption.text for caption in record.captions] == ["Image 1 caption 0.", "Image 1 caption 1."]
    assert record.load().size == (20, 11)
    names = [record.class_name for records in splits.values() for record in records]
    assert len(set(names)) == 6  # each image a class of its own


def vocabulary_of(folder: Path) -> list[str]:
    records = [record for split in coco.read(folder, captions_per_image=3).values() for record in split]
    return Vocabulary.build(tokenize(c.text) for record in records for c in record.captions).words


@given(st.randoms(use_true_random=False))
def test_numbers_of_words_do_not_depend_on_the_order_of_the_files(random: Random) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = make(Path(temporary) / "coco")
        before = vocabulary_of(folder)
        for path in (folder / "annotations").iterdir():
            content = json.loads(path.read_text())
            for entries in content.values():
                random.shuffle(entries)
            path.write_text(json.dumps(content))
        assert len(before) > 5 and vocabulary_of(folder) == before


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": 3}, "must hold 'images', a list of objects with id, file_name"),
        ({"images": [{"id": "0", "file_name": "x.jpg"}]}, "must hold 'images'"),
        ({"annotations": [{"id": 1}]}, "must hold 'annotations', a list of objects with id, image_id, caption"),
        ({"images": [{"id": 0, "file_name": "../x.jpg"}]}, "which is no plain name"),
        ({"images": [{"id": 0, "file_name": "a.jpg"}]}, "1 image of .* without a file in .*train2017 \\(a.jpg\\)"),
        ({"annotations": []}, "3 images of .* without a caption"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    folder = make(tmp_path / "coco")
    change(folder, **changed)
    with pytest.raises(InputError, match=message) as caught:
        coco.read(folder, captions_per_image=2)
    assert "\n" not in str(caught.value)


def test_missing_and_torn_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has neither annotations/captions_train2014.json"):
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


def test_the_layout_of_the_attngan_family(tmp_path: Path) -> None:
    splits = coco.read(attngan_layout(tmp_path / "coco"), captions_per_image=2)
    assert {split: [r.name for r in records] for split, records in splits.items()} == {
        "train": ["a_1", "a_2"], "test": ["b_1"],
    }  # fmt: skip
    record = splits["train"][0]
    assert [caption.text for caption in record.captions] == ["one", "two"] and record.load().mode == "RGB"
    assert len({r.class_name for records in splits.values() for r in records}) == 3


def test_images_may_lie_in_one_folder_and_annotations_may_repeat_an_image(tmp_path: Path) -> None:
    folder = make(tmp_path / "coco")
    (folder / "train2017").rename(folder / "images")
    rows = [{"id": i, "file_name": f"{i % 3:012d}.jpg"} for i in (0, 1, 2, 0)]
    change(folder, images=rows)
    with pytest.raises(InputError, match=r"1 image listed again in .*captions_train2017.json \(000000000000.jpg\)"):
        coco.read(folder, captions_per_image=2)
    missing_items = MissingItems("skip")
    assert len(coco.read(folder, captions_per_image=2, missing_items=missing_items)["train"]) == 3
    assert [missing["count"] for missing in missing_items.report().values()] == [1]


def test_skip_leaves_out_images_without_file_or_caption(tmp_path: Path) -> None:
    folder = make(tmp_path / "coco")
    (folder / "train2017" / "000000000001.jpg").unlink()
    change(folder, annotations=[{"id": 0, "image_id": 0, "caption": "only one"}])
    missing_items = MissingItems("skip")
    assert [r.name for r in coco.read(folder, captions_per_image=2, missing_items=missing_items)["train"]] == [
        "train2017/000000000000"
    ]
    assert sorted(missing["first"][0] for missing in missing_items.report().values()) == [
        "000000000001.jpg",
        "000000000002.jpg",
    ]
