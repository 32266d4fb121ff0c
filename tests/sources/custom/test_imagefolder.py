"""The layout of Hugging Face's imagefolder."""

import logging
from pathlib import Path
from typing import Any

import pytest

from t2i.errors import InputError
from t2i.sources.missing import MissingItems
from tests.sources.custom.own_data import captions, classes, pictures, read, write_lines

ROWS = [{"file_name": "1.png", "text": "a bird"}, {"file_name": "2.png", "text": "b, bird"}]


def write_table(folder: Path, kind: str, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "csv":
        lines = [",".join(f'"{value}"' for value in row.values()) for row in rows]
        (folder / "metadata.csv").write_text("\n".join([",".join(rows[0]), *lines]))
    elif kind == "jsonl":
        write_lines(folder / "metadata.jsonl", rows)
    else:
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "metadata.parquet")


def names(folder: Path, missing_items: MissingItems | None = None) -> dict[str, list[str]]:
    return {split: [record.name for record in records] for split, records in read(folder, missing_items).items()}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_table_beside_the_pictures(tmp_path: Path, kind: str) -> None:
    write_table(pictures(tmp_path, "1.png", "2.png"), kind, ROWS)
    assert captions(tmp_path) == {"1.png": ["a bird"], "2.png": ["b, bird"]}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("below", [".", "data"])
def test_a_table_in_each_folder_of_a_split(tmp_path: Path, below: str, kind: str) -> None:
    for split in ("train", "test"):
        write_table(pictures(tmp_path / below / split, "1.png", "2.png"), kind, ROWS)
    prefix = "" if below == "." else "data/"
    assert names(tmp_path) == {s: [f"{prefix}{s}/1.png", f"{prefix}{s}/2.png"] for s in ("train", "test")}


def test_one_table_over_folders_of_splits(tmp_path: Path) -> None:
    files = ["train/1.png", "test/2.png", "validation/3.png", "Train/4.png"]
    write_lines(pictures(tmp_path, *files) / "metadata.jsonl", [{"file_name": file, "text": "x"} for file in files])
    missing = MissingItems()
    assert names(tmp_path, missing) == {"train": ["train/1.png", "Train/4.png"], "test": ["test/2.png"]}
    reason = "images of the split val, since there is a split test"
    assert missing.report() == {reason: {"count": 1, "first": ["validation/3.png"]}}


def test_a_folder_of_validation_is_tested_where_there_is_no_other(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        write_table(pictures(tmp_path / split, "1.png"), "csv", ROWS[:1])
    assert names(tmp_path) == {"train": ["train/1.png"], "test": ["validation/1.png"]}


def test_a_folder_of_train_alone_is_split_by_names(tmp_path: Path) -> None:
    files = [f"{i}.png" for i in range(40)]
    write_table(pictures(tmp_path / "train", *files), "csv", [{"file_name": file, "text": "x"} for file in files])
    assert 4 < len(names(tmp_path)["test"]) < 20


def test_other_columns_are_named_and_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "t2i")
    rows = [{"file_name": "1.png", "text": "x", "artist": "me", "label": 0, "image": 7, "width": None}]
    write_table(pictures(tmp_path, "1.png"), "jsonl", rows)
    assert classes(tmp_path) == {"1.png": "0"}
    assert "metadata.jsonl; columns file_name, text, label (not read: artist, image, width); 1 rows" in caplog.text


@pytest.mark.parametrize("column", ["text", "caption", "captions", "texts", "sentences", "Caption"])
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_lists_of_captions(tmp_path: Path, kind: str, column: str) -> None:
    rows = [{"file_name": "1.png", column: ["x", "y"]}, {"file_name": "2.png", column: ["z"]}]
    write_table(pictures(tmp_path, "1.png", "2.png"), kind, rows)
    assert captions(tmp_path) == {"1.png": ["x", "y"], "2.png": ["z"]}


def test_lists_of_captions_in_csv(tmp_path: Path) -> None:
    (pictures(tmp_path, "1.png") / "metadata.csv").write_text("file_name,captions\n1.png,\"['x', 'y']\"\n")
    assert captions(tmp_path) == {"1.png": ["x", "y"]}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"file_name": "1.png", "words": "x"}], "line 1 of train/metadata.jsonl lacks text (it has file_name, words)"),
        ([{"image": "1.png", "text": "x"}], "lacks file_name (it has image, text); legal are file_name, text and opti"),
        ([{"file_name": "../1.png", "text": "x"}], "line 1 of train/metadata.jsonl names the image 'train/../1.png',"),
        ([{"file_name": "/1.png", "text": "x"}], "names the image '/1.png', which is an absolute path"),
        ([{"file_name": "", "text": "x"}], "has nothing as file_name: it must be the path of an image, which is text"),
        ([{"file_name": 0, "text": "x"}], "has 0 as file_name: it must be"),
        ([{"file_name": "1.png", "text": None}], "has nothing as text"),
        ([{"file_name": "1.png", "text": "x", "": 1}], "has a column without a name, number 3"),
        ([{"file_name": "3.png", "text": "x"}], "1 image of . without a file (train/3.png): correct the data set, or"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(tmp_path: Path, rows: list[dict[str, object]], message: str) -> None:
    write_lines(pictures(tmp_path / "train", "1.png") / "metadata.jsonl", rows)
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert message in str(caught.value).replace(f"{tmp_path}/", "").replace(str(tmp_path), ".")


def test_an_unquoted_comma_before_a_column_without_a_name(tmp_path: Path) -> None:
    (pictures(tmp_path, "1.png") / "metadata.csv").write_text("file_name,text,artist\n1.png,a bird, with wings\n")
    with pytest.raises(
        InputError, match="row 1 .line 2. of .* has a space before its artist 'with wings', which may be"
    ):
        read(tmp_path)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            ["metadata.csv", "metadata.jsonl"],
            "holds captions in 2 places (metadata.csv; metadata.jsonl): keep one of them",
        ),
        (["metadata.csv", "train/metadata.csv"], "holds captions in 2 places (metadata.csv; train/metadata.csv)"),
        (
            ["train/metadata.csv", "train/metadata.jsonl"],
            "train holds metadata.csv and metadata.jsonl: keep one of them",
        ),
        (["captions.csv", "train/metadata.csv"], "holds captions in 2 places (captions.csv; train/metadata.csv)"),
    ],
)
def test_two_tables_are_refused(tmp_path: Path, tables: list[str], message: str) -> None:
    pictures(tmp_path / "train", "1.png")
    for name in tables:
        (tmp_path / name).write_text("file_name,text\n1.png,x\n")
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert message in str(caught.value)
