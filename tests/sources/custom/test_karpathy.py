"""Captions and splits in the files of Karpathy."""

import json
from pathlib import Path
from typing import Any

import pytest

from t2i.errors import InputError
from t2i.sources.missing import MissingItems
from tests.sources.custom.own_data import captions, pictures, read


def image(name: str, split: str = "train", *texts: str, **more: object) -> dict[str, Any]:
    sentences = [{"tokens": text.split(), "raw": text, "imgid": 0, "sentid": 0} for text in texts or ("a bird",)]
    return {"filename": name, "split": split, "sentences": sentences, "imgid": 0, "sentids": [0], **more}


def write(folder: Path, *images: object, name: str = "dataset_flickr8k.json") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"images": images, "dataset": "flickr8k"}))
    return folder


@pytest.mark.parametrize("place", ["", "images", "Images", "Flicker8k_Dataset", "flickr30k-images"])
@pytest.mark.parametrize(
    "name", ["dataset_flickr8k.json", "dataset_flickr30k.json", "dataset.json", "dataset_mine.json"]
)
def test_flickr(tmp_path: Path, name: str, place: str) -> None:
    pictures(tmp_path / place, "1.jpg", "2.jpg")
    write(tmp_path, image("1.jpg", "train", "x", "y"), image("2.jpg", "test", "z"), name=name)
    prefix = f"{place}/" if place else ""
    assert captions(tmp_path) == {f"{prefix}1.jpg": ["x", "y"], f"{prefix}2.jpg": ["z"]}
    assert [record.name for record in read(tmp_path)["test"]] == [f"{prefix}2.jpg"]


@pytest.mark.parametrize("place", ["", "images"])
def test_the_splits_of_coco(tmp_path: Path, place: str) -> None:
    pictures(tmp_path / place, "train2014/1.jpg", "val2014/2.jpg", "val2014/3.jpg", "val2014/4.jpg")
    splits = {1: "train", 2: "restval", 3: "val", 4: "test"}
    images = [
        image(f"{i}.jpg", split, filepath="train2014" if i == 1 else "val2014", cocoid=i) for i, split in splits.items()
    ]
    missing = MissingItems()
    found = read(write(tmp_path, *images, name="dataset_coco.json"), missing)
    prefix = f"{place}/" if place else ""
    assert {split: [record.name.removeprefix(prefix) for record in records] for split, records in found.items()} == {
        "train": ["train2014/1.jpg", "val2014/2.jpg"], "test": ["val2014/4.jpg"],
    }  # fmt: skip
    assert missing.lines() == [
        f"left out: 1 images of the split val, since there is a split test ({prefix}val2014/3.jpg)"
    ]


def test_images_all_in_one_folder_in_spite_of_their_filepath(tmp_path: Path) -> None:
    pictures(tmp_path / "images", "1.jpg")
    assert list(captions(write(tmp_path, image("1.jpg", filepath="train2014")))) == ["images/1.jpg"]


def test_the_folder_that_filepath_names_goes_first(tmp_path: Path) -> None:
    pictures(tmp_path, "1.jpg", "images/val2014/1.jpg")
    assert list(captions(write(tmp_path, image("1.jpg", filepath="val2014")), MissingItems())) == [
        "images/val2014/1.jpg"
    ]


def test_images_of_val_are_tested_where_there_are_no_others(tmp_path: Path) -> None:
    pictures(tmp_path, "1.jpg", "2.jpg")
    assert [record.name for record in read(write(tmp_path, image("1.jpg"), image("2.jpg", "val")))["test"]] == ["2.jpg"]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([image("1.jpg"), 5], "image 2 of dataset_flickr8k.json is not as Karpathy's are (: Input should be a valid d"),
        ([image("1.jpg") | {"filename": 0}], "image 1 of dataset_flickr8k.json is not as Karpathy's are (filename: In"),
        ([{"filename": "1.jpg"}], "is not as Karpathy's are (split: Field required): get the file again"),
        ([image("1.jpg") | {"split": None}], "(split: Input should be a valid string)"),
        ([image("1.jpg") | {"sentences": "x"}], "(sentences: Input should be a valid list)"),
        ([image("1.jpg") | {"sentences": [{"tokens": ["x"]}]}], "(sentences.0.raw: Field required)"),
        ([image("1.jpg", filepath=0)], "(filepath: Input should be a valid string)"),
        ([image("1.jpg", "extra")], "image 1 of dataset_flickr8k.json has the split 'extra'; legal are train, restval"),
        ([image("../1.jpg")], "image 1 of dataset_flickr8k.json names the image '../1.jpg', which leads out of its fo"),
        ([image("1.jpg", filepath="../x")], "names the image '../x/1.jpg', which leads out of its folder"),
        ([image("1.jpg", filepath="/etc")], "names the image '/etc/1.jpg', which is an absolute path"),
        ([image("/1.jpg")], "names the image '/1.jpg', which is an absolute path"), ([image("")], "'', which is empty"),
        ([image("2.jpg")], "1 image of . without a file (2.jpg): correct the data set, or"),
        ([image("2.jpg", filepath="val2014")], "1 image of . without a file (val2014/2.jpg): correct the data set, or"),
        ([image("1.jpg") | {"sentences": []}], "1 image of . without a caption that has a word (1.jpg)"),
        ([image("1.jpg", "train", "..."), image("1.jpg", "test")], "gives image '1.jpg' the split 'test', and image 1"),
        ([], "dataset_flickr8k.json lists no images: give it some"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(tmp_path: Path, images: list[object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(write(pictures(tmp_path, "1.jpg"), *images))
    assert message in str(caught.value).replace(f"{tmp_path}/", "").replace(str(tmp_path), ".")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON (Expecting property name"), ("[" * 100_000, "is no JSON (maximum recursion depth"),
        ("[]", "must hold a list 'images', as Karpathy's files do"), ('{"images": {}}', "must hold a list 'images'"),
        ("\xff", "(byte 0xff in line 1)"),
    ],
    ids=lambda text: text[:10],
)  # fmt: skip
def test_what_is_no_such_file_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "dataset_coco.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert message in str(caught.value) and str(caught.value).isprintable()


def test_files_of_other_programs_are_none_of_his(tmp_path: Path) -> None:
    (tmp_path / "dataset_infos.json").write_text("{}")
    with pytest.raises(InputError, match=r"holds no captions \(it holds dataset_infos.json\): legal are captions.csv"):
        read(tmp_path)
