"""Rows of any format -> records: names, classes, splits, captions."""

import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from t2i.data.packed import PackedSplit
from t2i.errors import InputError
from t2i.sources import custom
from t2i.sources.custom.splits import hashed_split
from t2i.sources.missing import MissingItems
from t2i.sources.pack_writer import pack
from tests.sources.custom.own_data import captions, classes, pictures, read, write_lines

NAMES = [
    "Screenshot 2024 at 9.41\u202fAM.png", "a\xa0b.png", "\u3000a.png", "\U0001f469\u200d\U0001f4bb.png", ".hidden.png",
    "1/2/3/4/5/6/7/8/9/x.png", " lead.png", "trail .png", "trail.png ", 'a"b,c;d.png', "line\nend.png", "cr\rx.png",
    "a\\b.png", "a..b.png", "nan", "\u2028.png", "ünï.png", "a:b*c?.png", "%20.png", "C:/x.png",
]  # fmt: skip


def rows(folder: Path, *names: str, **more: object) -> Path:
    write_lines(folder / "captions.jsonl", [{"image": name, "caption": "a bird", **more} for name in names])
    return folder


def test_whatever_a_file_system_allows_below_the_folder(tmp_path: Path) -> None:
    found = read(rows(pictures(tmp_path / "own", *NAMES), *NAMES))
    assert {record.name for records in found.values() for record in records} == set(NAMES)
    assert all(record.load().size == (6, 6) for records in found.values() for record in records)
    pack(found, tmp_path / "pack", image_size=4, resize_ratio=1.0, processes=1)
    for split, records in found.items():
        assert PackedSplit(tmp_path / "pack", split).images["name"].tolist() == [record.name for record in records]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../a.png", "line 1 of captions.jsonl names the image '../a.png', which leads out of its folder with"),
        ("x/../../a.png", 'which leads out of its folder with ".."'), ("x/..", "which leads out of its folder with"),
        ("/etc/passwd", "names the image '/etc/passwd', which is an absolute path: write a path below ."),
        ("a\0.png", "names the image 'a\\x00.png', which has a NUL character"), (".", "which names a folder"),
        ("./", "which names"),
        ("\udce9.png", "names the image '\\udce9.png', which has half a character (a lone surrogate)"),
        ("\u3000", "has '\\u3000' as image: it must be the path of an image"),
        ("x", "1 image of . that is a folder (x)"), ("broken.png", "1 image of . that is a link to nothing (broken.pn"),
        ("pipe.png", "1 image of . that is no regular file (pipe.png)"),
        ("b\n.png", "1 image of . without a file (b\\n.png)"),
        ("A.PNG", "1 image of . without a file (A.PNG)"), ("a.png/b.png", "1 image of . without a file (a.png/b.png)"),
        ("x" * 300, "1 image of . without a file (xxx"), ("..\\a.png", "without a file (..\\a.png)"),
    ],
)  # fmt: skip
def test_names_are_refused_for_the_true_reason(tmp_path: Path, name: str, message: str) -> None:
    (rows(pictures(tmp_path, "a.png"), name) / "x").mkdir()
    (tmp_path / "broken.png").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert message in str(caught.value).replace(f"{tmp_path}/", "").replace(str(tmp_path), ".")
    assert str(caught.value).isprintable()


def test_links_to_files_are_files(tmp_path: Path) -> None:
    (pictures(tmp_path / "own") or tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.png").symlink_to(pictures(tmp_path / "disk", "b.png") / "b.png")
    assert captions(rows(tmp_path / "own", "a.png")) == {"a.png": ["a bird"]}


@pytest.mark.parametrize(("table", "disk"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_normal_forms_of_a_name_are_one_image(tmp_path: Path, table: str, disk: str) -> None:
    name = "schöne Vögel/Å.png"
    pictures(tmp_path, unicodedata.normalize(disk, name))  # type: ignore[arg-type]
    spellings = [unicodedata.normalize(table, name), unicodedata.normalize("NFC", name)]  # type: ignore[arg-type]
    lines = [{"image": each, "caption": text} for each, text in zip(spellings, ("a bird", "one bird"), strict=True)]
    write_lines(tmp_path / "captions.jsonl", lines)
    (records,) = [records for records in read(tmp_path).values() if records]
    assert [(record.name, len(record.captions)) for record in records] == [(unicodedata.normalize("NFC", name), 2)]
    assert records[0].load().size == (6, 6)


def test_two_files_of_one_name_in_two_normal_forms_stay_two(tmp_path: Path) -> None:
    names = [unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "é.png")]
    splits = read(rows(pictures(tmp_path, *names), *names))
    assert [len(record.captions) for records in splits.values() for record in records] == [1, 1]
    loads: list[Any] = [record.load for records in splits.values() for record in records]
    assert len({str(load.args[0]) for load in loads}) == 2


def test_spellings_of_a_name_are_one_image_in_one_split(tmp_path: Path) -> None:
    pictures(tmp_path, "img/0.png")
    spellings = ["img/0.png", "./img/0.png", "img//0.png", "img\\0.png", ".\\img\\0.png", " img/0.png ", "img/./0.png"]
    texts = [f"bird {number}" for number in range(len(spellings))]
    lines = [{"image": name, "caption": text} for name, text in zip(spellings, texts, strict=True)]
    write_lines(tmp_path / "captions.jsonl", lines)
    assert captions(tmp_path) == {"img/0.png": texts}


def test_a_caption_that_an_image_has_already_is_counted_and_left_out(tmp_path: Path) -> None:
    pictures(tmp_path, "a.png")
    write_lines(tmp_path / "captions.jsonl", [{"image": "a.png", "caption": text} for text in ("x", " x", "y", "x")])
    missing = MissingItems()
    (record,) = [each for split in read(tmp_path, missing).values() for each in split]
    assert [caption.text for caption in record.captions] == ["x", "y"]
    assert missing.report() == {"captions that an image has already": {"count": 2, "first": ["a.png"]}}


def test_spellings_of_a_missing_name_are_counted_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"1 image of .* without a file \(img/0.png\)"):
        read(rows(pictures(tmp_path, "a.png"), "img/0.png", "./img/0.png", "img//0.png"))


@pytest.mark.parametrize(
    ("key", "first", "second"), [("class", "finch", "crow"), ("class", 0, 1), ("class", False, 0),
    ("split", "train", "test")]
)  # fmt: skip
def test_rows_that_contradict_each_other_are_both_named(
    tmp_path: Path, key: str, first: object, second: object
) -> None:
    row = {"image": "a.png", "caption": "x"}
    write_lines(pictures(tmp_path, "a.png") / "captions.jsonl", [row, row | {key: first}, row | {key: second}])
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    message = str(caught.value).replace(f"{tmp_path}/", "").lower()
    assert message == (
        f"line 3 of captions.jsonl gives image 'a.png' the {key} '{str(second).lower()}', and line 2 of captions.jsonl "
        f"gives it '{str(first).lower()}': correct one of them"
    )


def test_a_class_or_split_needs_to_be_said_once(tmp_path: Path) -> None:
    row = {"image": "a.png", "caption": "x"}
    write_lines(pictures(tmp_path, "a.png") / "captions.jsonl", [row, row | {"class": 0, "split": "test"}, row])
    assert classes(tmp_path) == {"a.png": "0"} and len(read(tmp_path)["test"]) == 1


def test_adding_images_moves_no_other(tmp_path: Path) -> None:
    names = [f"{i}.png" for i in range(60)]
    few = read(rows(pictures(tmp_path / "few", *names[:30]), *names[:30]))
    many = read(rows(pictures(tmp_path / "many", *names), *names))
    tested = {record.name for record in many["test"]}
    assert {record.name for record in few["test"]} <= tested and 8 <= len(tested) <= 28
    assert not tested & {record.name for record in many["train"]}
    assert all((hashed_split(name, 0.3) == "test") == (name in tested) for name in names)


@pytest.mark.parametrize(
    ("names", "tested"),
    [
        (["train/1.png", "test/1.png"], {"test/1.png"}), (["train/1.png", "val/1.png"], {"val/1.png"}),
        (["images/train/1.png", "images/test/1.png"], {"images/test/1.png"}),
        (["data/Train/1.png", "data/dev/1.png"], {"data/dev/1.png"}),
        (["birds/train/1.png", "birds/test/1.png"], None), (["test/1.png", "test/2.png"], None),
        (["train.png", "test.png"], None), (["train/1.png", "train/2.png", "3.png"], None),
        (["photos/1.png", "photos/2.png", "test/1.png", "test/2.png"], {"test/1.png", "test/2.png"}),
        (["1.png", "val/1.png"], {"val/1.png"}), (["val/1.png", "test/1.png"], None),
    ],
)  # fmt: skip
def test_folders_of_splits(tmp_path: Path, names: list[str], tested: set[str] | None) -> None:
    found = {record.name for record in read(rows(pictures(tmp_path, *names), *names))["test"]}
    assert found == ({name for name in names if hashed_split(name, 0.3) == "test"} if tested is None else tested)


def test_a_split_that_is_said_goes_before_the_folder(tmp_path: Path) -> None:
    names = ["train/1.png", "test/1.png", "test/2.png"]
    lines = [{"image": name, "caption": "x", "split": "train" if "2" in name else None} for name in names]
    write_lines(pictures(tmp_path, *names) / "captions.jsonl", lines)
    assert [record.name for record in read(tmp_path)["train"]] == ["train/1.png", "test/2.png"]


def test_words_that_the_rule_drops_say_so(tmp_path: Path) -> None:
    write_lines(pictures(tmp_path, "a.png") / "captions.jsonl", [{"image": "a.png", "caption": "红色的鸟"}])
    assert captions(tmp_path) == {"a.png": ["红色的鸟"]}
    with pytest.raises(
        InputError, match=r"without a caption that has a word of ASCII .*s.custom.tokens=unicode reads oth"
    ):
        custom.read(tmp_path, captions_per_image=1, test_share=0.5, tokens="ascii")


def test_what_is_left_out_by_rule_is_counted(tmp_path: Path) -> None:
    write_lines(
        pictures(tmp_path, "a.png", "b.png", "not/listed.jpg") / "captions.jsonl",
        [
            {"image": "a.png", "caption": ["one", "...", "two", "three", "four"], "split": "train"},
            {"image": "b.png", "caption": ["one", ""], "split": "test"},
        ],
    )
    missing = MissingItems()
    splits = read(tmp_path, missing, captions_per_image=2)
    assert [caption.text for caption in splits["train"][0].captions] == ["one", "two"]
    assert missing.report() == {
        "captions without a word": {"count": 1, "first": ["'...' of a.png"]},
        f"pictures in {tmp_path} that captions.jsonl does not list": {"count": 1, "first": ["not/listed.jpg"]},
        "captions beyond the first 2 of an image": {"count": 2, "first": ["a.png"]},
    }


def test_skip_leaves_out_and_reports(tmp_path: Path) -> None:
    missing = MissingItems("skip")
    assert list(captions(rows(pictures(tmp_path, "a.png"), "a.png", "gone.jpg", "line\nend.png"), missing)) == ["a.png"]
    assert missing.lines() == [f"left out: 2 images of {tmp_path} without a file (gone.jpg, line\\nend.png)"]
