"""MS-COCO in its official layout, made small."""

import json
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.sources import coco
from t2i.sources.missing import MissingItems
from tests.conftest import ROOT
from tests.sources.small_coco import change, make

SLICE = ROOT.parent / "shared" / "data" / "coco-slice"


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


def test_annotations_may_repeat_an_image(tmp_path: Path) -> None:
    folder = make(tmp_path / "coco")
    change(folder, images=[{"id": i, "file_name": f"{i % 3:012d}.jpg"} for i in (0, 1, 2, 0)])
    with pytest.raises(InputError, match=r"1 image listed again in .*captions_train2017.json \(000000000000.jpg\)"):
        coco.read(folder, captions_per_image=2)
    missing_items = MissingItems("skip")
    assert len(coco.read(folder, captions_per_image=3, missing_items=missing_items)["train"]) == 3
    assert [missing["count"] for missing in missing_items.report().values()] == [1]


def test_skip_leaves_out_images_without_file_or_caption(tmp_path: Path) -> None:
    folder = make(tmp_path / "coco")
    (folder / "train2017" / "000000000001.jpg").unlink()
    change(folder, annotations=[{"id": 0, "image_id": 0, "caption": "only one"}])
    missing_items = MissingItems("skip")
    assert [r.name for r in coco.read(folder, captions_per_image=3, missing_items=missing_items)["train"]] == [
        "train2017/000000000000"
    ]
    assert sorted(missing["first"][0] for missing in missing_items.report().values()) == [
        "000000000001.jpg",
        "000000000002.jpg",
    ]


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    folder = make(tmp_path / "coco")
    texts = {0: ["one", "...", "two", "three", "four"], 1: ["a"], 2: ["b"], 77: ["lost", "too"], 78: ["lost"]}
    annotations = [
        {"id": 100 * i + k, "image_id": i, "caption": text}
        for i, listed in texts.items()
        for k, text in enumerate(listed)
    ]
    change(folder, annotations=annotations)
    for name in ("unlisted.jpg", "notes.txt", "._000000000001.jpg"):
        (folder / "train2017" / name).touch()
    missing_items = MissingItems()
    splits = coco.read(folder, captions_per_image=3, missing_items=missing_items)
    assert [caption.text for caption in splits["train"][0].captions] == ["one", "two", "three"]
    report = {reason.replace(str(folder), ""): (x["count"], x["first"]) for reason, x in missing_items.report().items()}
    assert report == {
        "captions without a word": (1, ["'...' of 000000000000.jpg"]),
        "captions beyond the first 3 of an image": (1, ["000000000000.jpg"]),
        "captions of images that /annotations/captions_train2017.json does not list": (
            3,
            ["'lost' of image 77", "'too' of image 77", "'lost' of image 78"],
        ),
        "images that no list names": (1, [str(folder / "train2017" / "unlisted.jpg")]),
    }


def test_links_to_images_and_folders_that_may_not_be_read(tmp_path: Path) -> None:
    folder = make(tmp_path / "coco")
    (folder / "train2017").rename(tmp_path / "disk")
    (folder / "train2017").mkdir()
    for path in (tmp_path / "disk").iterdir():
        (folder / "train2017" / path.name).symlink_to(path)
    assert coco.read(folder, captions_per_image=2)["train"][1].load().size == (20, 11)
    (tmp_path / "disk" / f"{1:012d}.jpg").unlink()
    with pytest.raises(InputError, match=r"1 image of .* without a file in .* \(000000000001.jpg\)"):
        coco.read(folder, captions_per_image=2)
