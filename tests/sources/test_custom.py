"""The user's own data set."""

import json
from pathlib import Path

import pytest
from PIL import Image

from t2i.errors import InputError
from t2i.sources import custom
from t2i.sources.missing import MissingItems
from t2i.sources.records import Splits


def make(folder: Path, rows: list[dict[str, object]], kind: str = "csv") -> Path:
    folder.mkdir(exist_ok=True)
    for row in rows:
        path = folder / str(row["image"])
        if path.suffix == ".png" and ".." not in str(row["image"]):
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (6, 6)).save(path)
    if kind == "jsonl":
        (folder / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        columns = list(rows[0])
        lines = [",".join(f'"{row[column]}"' for column in columns) for row in rows]
        (folder / "captions.csv").write_text("\n".join([",".join(columns), *lines]) + "\n", encoding="utf-8-sig")
    return folder


def read(folder: Path, missing_items: MissingItems | None = None) -> Splits:
    return custom.read(folder, captions_per_image=2, test_share=0.3, missing_items=missing_items)


ROWS: list[dict[str, object]] = [
    {"image": "a.png", "caption": "a red bird, quite small", "class": "finch", "split": "train"},
    {"image": "a.png", "caption": "it is red", "class": "finch", "split": "train"},
    {"image": "a.png", "caption": "one too many", "class": "finch", "split": "train"},
    {"image": "deep/er/b.png", "caption": "höher", "class": "", "split": "test"},
]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_rows_become_records(tmp_path: Path, kind: str) -> None:
    splits = read(make(tmp_path, ROWS, kind))
    (a,), (b,) = splits["train"], splits["test"]
    assert (a.name, a.class_name) == ("a.png", "finch")
    assert [caption.text for caption in a.captions] == ["a red bird, quite small", "it is red"]
    assert (b.name, b.class_name, b.captions[0].text) == ("deep/er/b.png", "deep/er/b.png", "höher")
    assert b.load().size == (6, 6)


def test_two_columns_are_enough_and_adding_images_moves_no_other(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"image": f"{i}.png", "caption": f"number {i}"} for i in range(60)]
    few, many = read(make(tmp_path / "few", rows[:30])), read(make(tmp_path / "many", rows))
    tested = {record.name for record in many["test"]}
    assert {record.name for record in few["test"]} <= tested and 8 <= len(tested) <= 28
    assert not tested & {record.name for record in many["train"]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image": "../out.png"}, r"row 5 of .*captions.csv names the image '../out.png', which is no path below"),
        ({"image": "/etc/passwd"}, "which is no path below"),
        ({"split": "valid"}, "has the split 'valid'; legal are train, test, or nothing"),
        ({"class": "crow"}, "row 5 of .* gives image 'a.png' another class or split than an earlier row"),
        ({"image": ""}, "row 5 of .* must have text in image and caption"),
        ({"image": "gone.jpg", "class": ""}, r"1 image of .* without a file \(gone.jpg\)"),
        ({"image": "c.png", "caption": " ... "}, r"1 image of .* without a caption that has a word \(c.png\)"),
        ({"image": "c.png", "caption": "x" * 10_001}, "has a caption of 10,001 characters; legal are 10,000"),
        ({"image": "c.png", "caption": "x" * 2_000_000}, "cannot be read .field larger than field limit"),
        ({"image": "c.png", "caption": "a\0b"}, "NUL"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(make(tmp_path, [*ROWS, ROWS[0] | changed]))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("picture,caption\na,b\n", "captions.csv lacks image; legal are image, caption and optionally class, split"),
        ("image,caption,colour\na,b,c\n", "captions.csv has colour; legal are"),
        ("", "captions.csv lacks image, caption"),
        ("\xff\xfe", "cannot be read"),
    ],
)
def test_odd_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "captions.csv").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=message):
        read(tmp_path)


@pytest.mark.parametrize(
    "line", ['"text"', "[1]", '{"image": 1, "caption": "x"}', '{"image": "a"}', "{", "[" * 100_000]
)
def test_odd_lines_of_json_are_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "captions.jsonl").write_text(line + "\n")
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert "\n" not in str(caught.value) and "captions.jsonl" in str(caught.value)


def test_one_table_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must hold captions.csv or captions.jsonl, one of both"):
        read(tmp_path)


def test_skip_leaves_out_and_reports(tmp_path: Path) -> None:
    missing_items = MissingItems("skip")
    splits = read(make(tmp_path, [*ROWS, {**ROWS[0], "image": "gone.jpg"}]), missing_items)
    assert len(splits["train"]) == 1
    assert missing_items.report() == {
        f"of {tmp_path / 'captions.csv'} without a file": {"count": 1, "first": ["gone.jpg"]}
    }
