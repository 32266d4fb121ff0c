"""Writing packed data sets: what is written comes back, and no partial pack is left."""

import errno
import os
import re
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from t2i.data.packed import PackedSplit, splits_in
from t2i.sources.images import load_image
from t2i.sources.missing import MissingItems
from t2i.sources.pack_writer import min_bytes, pack
from t2i.sources.records import Caption, Record
from tests.conftest import stripes
from tests.sources.small_pack import SETTINGS, SIDE, contents, data_set, everything, failing, noise, record, refused


def test_pixels_tables_and_report(tmp_path: Path) -> None:
    splits = data_set()
    report = pack(splits, tmp_path / "deep" / "pack", **SETTINGS)
    assert splits_in(tmp_path / "deep" / "pack") == ["train", "test"]
    train, test = (PackedSplit(tmp_path / "deep" / "pack", split) for split in ("train", "test"))
    assert (len(train), len(test), train.image_size, train.side) == (3, 1, 16, SIDE)
    assert train.attributes == test.attributes == ["belly", "eye", "size"]

    for opened, records in ((train, splits["train"]), (test, splits["test"])):
        for i, source in enumerate(records):
            image = source.load().convert("RGB")
            width, height = (round(length * SIDE / min(image.size)) for length in image.size)
            expected = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
            np.testing.assert_array_equal(opened.image(i), expected)
            assert min(opened.image(i).shape[:2]) == SIDE
            texts = opened.captions["text"].iloc[opened.captions_of(i)].tolist()
            assert texts == [caption.text for caption in source.captions]
    np.testing.assert_array_equal(train.image(1), np.asarray(splits["train"][1].load()))  # has that size: not resampled

    assert train.images["name"].tolist() == ["a", "b", "c"]
    assert train.images["class_id"].tolist() == [2, 1, 2] and test.images["class_id"].tolist() == [0]
    assert train.images["true.belly"].tolist() == ["red", "", ""] and test.images["true.eye"].tolist() == ["nan"]
    assert train.captions["image"].tolist() == [0, 1, 1, 2]
    assert train.captions["mentioned.belly"].tolist() == ["", "blue", "", ""]
    size = (tmp_path / "deep" / "pack" / "train.000.pixels").stat().st_size
    assert report["splits"]["train"] == {"images": 3, "captions": 4, "shards": [size]}
    assert report["classes"] == 3 and report["side"] == SIDE
    assert train.digest == test.digest


def test_bytes_do_not_depend_on_processes_or_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2i.sources.pack_writer.SHARD", 40)
    records = [record(str(i), load=partial(Image.new, "RGB", (20 + i * 37 % 30, 25), i)) for i in range(155)]
    splits = {"train": records[:150], "test": records[150:]}
    for folder, processes in (("one", 1), ("again", 1), ("two", 2)):
        pack(splits, tmp_path / folder, **{**SETTINGS, "processes": processes, "damsm_image_size": 20})
    assert contents(tmp_path / "one") == contents(tmp_path / "again") == contents(tmp_path / "two")
    assert [path.name for path in sorted((tmp_path / "one").glob("*.pixels"))] == [
        "test.000.pixels", "train.000.pixels", "train.001.pixels", "train.002.pixels", "train.003.pixels",
    ]  # fmt: skip
    opened = PackedSplit(tmp_path / "two", "train")
    second = PackedSplit(tmp_path / "two" / "damsm", "train")
    for i in (0, 39, 40, 149):
        expected = records[i].load().size
        for split, side in ((opened, SIDE), (second, 25)):
            assert split.image(i).shape[1] == round(expected[0] * side / min(expected))
            assert (split.image(i) == (i, 0, 0)).all()


ODD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
ODD = (ODD | st.sampled_from(["nan", "null", "NA", "1", "", '"', ",", "a\r\nb", "a\r", "\x85", "#", "'"])).filter(
    str.strip
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ODD, min_size=1, max_size=4))
@example(["0\r"])
def test_any_text_comes_back_with_line_breaks_as_spaces(tmp_path: Path, texts: list[str]) -> None:
    captions = tuple(Caption(text, {"belly": text}) for text in texts)
    pack({"train": [record("none", captions=captions, attributes={"x": texts[0]})]}, tmp_path / "pack", **SETTINGS)
    opened = PackedSplit(tmp_path / "pack", "train")
    assert opened.captions["text"].tolist() == [" ".join(text.splitlines()) for text in texts]
    assert opened.captions["mentioned.belly"].tolist() == texts
    assert opened.images["true.x"].tolist() == texts[:1]


@pytest.mark.parametrize("processes", [1, 2])
def test_unreadable_image_names_the_record_and_leaves_nothing(tmp_path: Path, processes: int) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    records = [record(str(i)) for i in range(5)] + [record("bad", load=partial(Image.open, tmp_path / "broken.png"))]
    assert "'bad' cannot be read" in refused({"train": records}, tmp_path / "pack", processes=processes)
    pack(data_set(), tmp_path / "pack", **SETTINGS)
    refused({"train": records}, tmp_path / "pack", processes=processes)


def test_decompression_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise(0, 40, 40).save(tmp_path / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    records = [record("x", load=partial(Image.open, tmp_path / "bomb.png"))]
    assert "bomb" in refused({"train": records}, tmp_path / "pack")


def test_killed_worker(tmp_path: Path) -> None:
    load: Any = partial(os._exit, 1)
    assert "fewer processes" in refused({"train": [record("x", load=load)]}, tmp_path / "pack", processes=2)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("a defect")])
def test_interruption_leaves_the_old_pack_and_no_part(tmp_path: Path, error: BaseException) -> None:
    pack(data_set(), tmp_path / "pack", **SETTINGS)
    before = everything(tmp_path)
    with pytest.raises(type(error)):
        pack({"train": [record("x"), record("y", load=partial(failing, error))]}, tmp_path / "pack", **SETTINGS)
    assert everything(tmp_path) == before


def test_a_new_pack_replaces_the_old_one_and_leftovers(tmp_path: Path) -> None:
    pack(data_set(), tmp_path / "pack", **SETTINGS)
    for leftover in ("pack.part", "pack.old"):
        (tmp_path / leftover).mkdir()
        (tmp_path / leftover / "test.000.pixels").write_bytes(b"old")
    pack({"reference": [record("x")]}, tmp_path / "pack", **SETTINGS)
    names = ["meta.json", "reference.000.pixels", "reference.captions.csv", "reference.images.csv"]
    assert sorted(contents(tmp_path / "pack")) == names
    assert [path.name for path in tmp_path.iterdir()] == ["pack"]


def test_other_folders_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    pack(data_set(), tmp_path / "mine", **SETTINGS)  # an empty folder is fine
    (tmp_path / "mine" / "meta.json").rename(tmp_path / "mine" / "thesis.txt")
    assert "is no packed data set" in refused(data_set(), tmp_path / "mine")
    assert "is no packed data set" in refused(data_set(), tmp_path / "mine" / "thesis.txt")


def test_too_small_disk_is_found_before_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4 * SIDE * SIDE * 3 - 1))
    message = refused(data_set(), tmp_path / "pack")
    assert "0.0 MB" in message and str(tmp_path / "pack") in message
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=4 * SIDE * SIDE * 3))
    pack(data_set(), tmp_path / "pack", **SETTINGS)


def test_full_disk_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def to_csv(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pd.DataFrame, "to_csv", to_csv)
    assert os.strerror(errno.ENOSPC) in refused(data_set(), tmp_path / "pack")


@pytest.mark.parametrize(
    ("records", "part_of_message"),
    [
        ([], "'train' of the data set has no images"),
        ([record("x"), record("x")], "'x' of split 'train' is in the data set twice"),
        ([record("x", captions=())], "'x' .* no caption"),
        ([record("x", captions=(Caption("a"), Caption(" \n")))], "'x' .* an empty one"),
        ([record("x", captions=(Caption("a\0b"),))], "'x' .* NUL"),
        ([record("x", captions=(Caption("a\ud83d"),))], "'x' .* half a character"),
        ([record("x", load=partial(Image.new, "RGB", (1, 10_000_000)))], "unusable shape"),
        ([record("x", load=partial(Image.new, "RGB", (0, 5)))], "unusable shape"),
    ],
    ids=["empty", "twice", "no-caption", "blank-caption", "nul", "surrogate", "thin", "no-pixels"],
)
def test_bad_records_are_named(tmp_path: Path, records: list[Record], part_of_message: str) -> None:
    assert re.search(part_of_message, refused({"train": records}, tmp_path / "pack"))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_split_of_which_nothing_can_be_read_says_why(tmp_path: Path, processes: int) -> None:
    torn = [tmp_path / f"torn {number}.jpg" for number in range(4)]
    for path in torn:
        path.write_bytes(b"<html>")
    splits = {
        "train": [record("sound"), record("x", load=partial(load_image, torn[0]))],
        "test": [record(path.name, load=partial(load_image, path)) for path in torn],
    }
    missing = MissingItems("skip")
    missing.add("of the list without a file", "gone")
    missing.note("captions without a word", "silent")
    message = refused(splits, tmp_path / "pack", processes=processes, missing_items=missing)
    page = f"image {torn[0]} cannot be read (it is an HTML page): get it again, or take it out of the lists"
    assert message == (
        "split 'test' of the data set has no readable images: left out were 1 image of the list without a file (gone); "
        f"1 image of the train split that cannot be read (x); the first: {page}; "
        "4 images of the test split that cannot be read (torn 0.jpg, torn 1.jpg, torn 2.jpg, ...); "
        f"the first: {page}; 1 captions without a word (silent): correct the data set"
    )


def test_a_split_of_which_nothing_is_there_says_why(tmp_path: Path) -> None:
    missing = MissingItems("skip")
    for name in "abcde":
        missing.add("of captions.csv without a file", name)
    assert refused({"train": [record("x")], "test": []}, tmp_path / "pack", missing_items=missing) == (
        "split 'test' of the data set has no images: left out were 5 images of captions.csv without a file "
        "(a, b, c, ...): correct the data set"
    )
    assert refused({"test": []}, tmp_path / "pack") == "split 'test' of the data set has no images: give it some"


def test_the_room_of_a_pack_that_was_not_finished_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pack.part").mkdir()
    (tmp_path / "pack.part" / "train.000.pixels").write_bytes(bytes(1000))
    usage = shutil.disk_usage(tmp_path)

    def free(_: Path) -> Any:
        return usage._replace(free=0 if (tmp_path / "pack.part").exists() else usage.free)

    monkeypatch.setattr(shutil, "disk_usage", free)
    pack(data_set(), tmp_path / "pack", **SETTINGS)


@pytest.mark.parametrize(
    ("name", "value"), [("image_size", 0), ("resize_ratio", 0.9), ("processes", 0), ("damsm_image_size", 0)]
)
def test_bad_arguments(tmp_path: Path, name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got {value}"):
        pack(data_set(), tmp_path / "pack", **{**SETTINGS, name: value})


def test_the_estimate_is_exact_for_squares(tmp_path: Path) -> None:
    splits = {"train": stripes("train", 5, 40), "test": stripes("test", 3, 40)}
    meta = pack(splits, tmp_path / "out", image_size=16, resize_ratio=1.25, processes=1)
    written = sum(sum(counts["shards"]) for counts in meta["splits"].values())
    assert min_bytes(splits, 20) == written == 8 * 20 * 20 * 3
