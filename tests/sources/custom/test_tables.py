"""Tables of JSON lines and Parquet: what is falsy is not absent, and messages name the field that is wrong."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2i.errors import InputError
from t2i.sources.custom.columns import NOTHING
from t2i.sources.custom.tables import PLAIN, read_table
from tests.sources.custom.own_data import captions, classes, pictures, read, write_lines

LEGAL = "; legal are image, caption and optionally class, split"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pictures(tmp_path, "a.png", "b.png", "c.png")


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        captions(folder)
    message = str(caught.value)
    assert message.isprintable() and len(message) < 400
    return message.replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0, "0"), (1, "1"), (2, "2"), (-1, "-1"), (1.5, "1.5"), (0.0, "0.0"), (False, "false"), (True, "true"),
        ("0", "0"),
        (10**20, "100000000000000000000"), ("", "a.png"), (None, "a.png"), ("  ", "a.png"), (" a \n b", "a b"),
        ("None", "None"), ("na", "na"), ("Nan", "Nan"), ("a NaN", "a NaN"),
    ],
)  # fmt: skip
def test_numbers_are_names_of_classes(folder: Path, value: object, name: str) -> None:
    write_lines(folder / "captions.jsonl", [{"image": "a.png", "caption": "x", "class": value}])
    assert classes(folder) == {"a.png": name}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image": 1}, "has 1 as image: it must be the path of an image, which is text"),
        ({"image": 0}, "has 0 as image: it must be the path"),
        ({"image": ["a.png"]}, "has ['a.png'] as image: it must"),
        ({"image": None}, "has nothing as image: it must"), ({"image": ""}, "has nothing as image"),
        ({"image": " "}, "has ' ' as image: it must"), ({"image": {"path": "a.png"}}, "as image: it must be the path"),
        ({"caption": None}, "has nothing as caption: it must be text, or a list of texts"),
        ({"caption": 0}, "has 0 as caption: it must be text"),
        ({"caption": False}, "has False as caption: it must be text"),
        ({"caption": {}}, "has {...} as caption: it must be text"),
        ({"caption": ["x", None]}, "has nothing as caption: it must"),
        ({"caption": ["x", 2]}, "has 2 as caption: it must"),
        ({"caption": [["x"]]}, "has ['x'] as caption: it must be text"),
        ({"class": []}, "has [] as class: it must be text, a number, or nothing"),
        ({"class": {"name": "x"}}, "as class: it must be text, a number"),
        ({"class": 1e400}, "is no JSON (Infinity is no"),
        ({"class": float("nan")}, "is no JSON (NaN is no number of JSON): correct it"),
        ({"class": "NA"}, "has 'NA' as class, which programs write where nothing is: leave it empty, or write it oth"),
        ({"caption": "nan"}, "has 'nan' as caption, which programs"),
        ({"caption": ["x", " <NA> "]}, "has ' <NA> ' as caption"),
        ({"split": 0}, "has 0 as split: it must be train, test, val, or nothing"),
        ({"split": False}, "has False as split: it must be"),
        ({"split": "tset"}, "has 'tset' as split: it must be train,"),
        ({"clas": "x"}, "has clas" + LEGAL), ({"": "x"}, "has a column without a name, number 3" + LEGAL),
        ({"Image": "b.png"}, "has the columns image and image, of which one is legal" + LEGAL),
        ({"label": 1, "class": 1}, "has the columns label and class, of which one is legal" + LEGAL),
        ({"a\nb": 1}, "has a\\nb" + LEGAL),
    ],
)  # fmt: skip
def test_messages_name_the_field_that_is_wrong(folder: Path, changed: dict[str, object], message: str) -> None:
    right = {"image": "a.png", "caption": "x"}
    write_lines(folder / "captions.jsonl", [right, right | changed])
    found = refused(folder)
    assert found.startswith("line 2 of captions.jsonl ") and message in found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('"text"', "is no JSON object, such as {...}: each line must be one"), ("[1]", "is no JSON object"),
        ("null", "is no JSON object"), ("0", "is no JSON object"), ("{", "is no JSON (Expecting property name"),
        ('[{"image": "a.png", "caption": "x"}]', "is no JSON object"), ("{}", "lacks image, caption (it has nothing)"),
        ("[" * 100_000, "is no JSON (maximum recursion depth exceeded"),
        ('{"image": "a.png"}', "lacks caption (it has image)"),
        ('{"a":' * 100_000, "is no JSON (maximum recursion depth"),
        ('{"caption": "x"}', "lacks image (it has caption)"),
        ('{"image": "a.png", "image": "b.png", "caption": "x"}', "has the columns image and image, of which one is le"),
        ('{"image": "a.png", "caption": "x", "class": ' + "9" * 5000 + "}", "is no JSON (Exceeds the limit"),
        ('{"image": "a.png", "caption": "x", "class": 1e999}', "has inf as class: it must be text, a number, or nothi"),
        ('{"image": "a.png", "caption": "x"} {"image": "b.png", "caption": "x"}', "is no JSON (Extra data"),
        ('{"image": "a.png", "caption": "a\\u0000b"}', "has a NUL in the caption 'a\\x00b': correct it"),
        ('{"image": "a.png", "caption": "a \\ud83d b"}', "has half a character (a lone surrogate) in the caption"),
        ('{"image": "a.png", "caption": "' + "x" * 10_001 + '"}', "has a caption of 10,001 characters; legal are 10,0"),
        ('{"image": "\\ud83d.png", "caption": "x"}', "names the image '\\ud83d.png', which has half a character"),
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_odd_lines_of_json_are_refused(folder: Path, line: str, message: str) -> None:
    (folder / "captions.jsonl").write_text(line + "\n")
    found = refused(folder)
    assert found.startswith("line 1 of captions.jsonl ") and message in found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
def test_lines_end_as_they_do_on_any_machine(folder: Path, end: str, encoding: str) -> None:
    rows = [{"image": f"{name}.png", "caption": "schön \u2028 x\x85y"} for name in "abc"]
    text = end.join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "captions.jsonl").write_bytes(text.encode(encoding))
    assert captions(folder) == {f"{name}.png": ["schön x y"] for name in "abc"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"image": "a.png", "caption": ["x", "y"]}', ["x", "y"]),
        ('{"image": "a.png", "captions": ["x", "y"]}', ["x", "y"]),
        ('{"image": "a.png", "caption": "x", "caption": "y"}', ["x", "y"]), ('{"IMAGE": "a.png", "Text": "x"}', ["x"]),
        ('{"image": "a.png", "caption1": "x", "caption2": "y"}', ["x", "y"]),
        ('{"image": "a.png", "caption1": "x", "caption2": null}', ["x"]),
        ('{"image": "a.png", "caption": ["x", "y", "x ", "x"]}', ["x", "y"]),
        ('{"image": "./a.png", "sentences": ["x"]}', ["x"]),
    ],
)  # fmt: skip
def test_several_captions_of_an_image(folder: Path, line: str, expected: list[str]) -> None:
    (folder / "captions.jsonl").write_text(line)
    assert captions(folder) == {"a.png": expected}


TEXTS = st.text(max_size=10) | st.sampled_from(["['a', 'b']", '["a"]', "\ud800", "\0", "a\rb", "\u2028"])
VALUES = TEXTS | st.none() | st.booleans() | st.integers() | st.floats() | st.lists(TEXTS, max_size=3)
NAMES = TEXTS.map(lambda text: f"{text}.png")


@settings(max_examples=500, deadline=None)
@given(st.lists(st.fixed_dictionaries({"image": NAMES | VALUES, "caption": VALUES}, optional={"class": VALUES})))
def test_any_json_lines_come_back_or_are_refused_by_line(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "captions.jsonl"
    write_lines(file, rows)
    try:
        read = read_table(file, PLAIN).rows
    except InputError as error:
        number = int(str(error).split()[1])
        assert str(error).startswith(f"line {number} of ") and str(error).isprintable()
        values = rows[number - 1].values()
        right = all(isinstance(value, str) and "[" not in value and value.strip() not in NOTHING for value in values)
        assert not (right and rows[number - 1]["image"].strip())
        return
    for row, line in zip(read, rows, strict=True):
        texts = line["caption"] if isinstance(line["caption"], list) else [line["caption"]]
        assert (row.image, list(row.captions)) == (line["image"], texts)
        name = line.get("class")
        if isinstance(name, str):
            assert row.class_name == " ".join(name.split())
        else:
            assert row.class_name == ("" if name is None else json.dumps(name))


def write_parquet(path: Path, **columns: list[Any]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table(columns), path)


def test_parquet(folder: Path) -> None:
    names = ["a.png", "b.png", "c.png"]
    texts = [["x", "y"], ["z"], [" z\n"]]
    write_parquet(
        folder / "captions.parquet",
        image=names,
        captions=texts,
        **{"class": [0, 1, None]},
        split=["train", "test", None],
    )
    assert captions(folder) == {"a.png": ["x", "y"], "b.png": ["z"], "c.png": ["z"]}
    assert classes(folder) == {"a.png": "0", "b.png": "1", "c.png": "c.png"}
    assert [record.name for record in read(folder)["test"]] == ["b.png"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image": [1], "caption": ["x"]}, "row 1 of captions.parquet has 1 as image: it must be the path of an image"),
        ({"image": ["a.png", None], "caption": ["x", "x"]}, "row 2 of captions.parquet has nothing as image"),
        ({"image": [{"bytes": b"x", "path": "a.png"}], "caption": ["x"]}, "row 1 of captions.parquet has {'bytes': b'"),
        ({"image": ["a.png"], "caption": [None]}, "row 1 of captions.parquet has nothing as caption: it must be text"),
        ({"image": ["a.png"], "caption": ["x"], "class": [float("nan")]}, "row 1 of captions.parquet has nan as class"),
        ({"image": ["a.png"], "caption": ["x"], "colour": ["x"]}, "captions.parquet has colour" + LEGAL),
        ({"image": ["a.png"]}, "captions.parquet lacks caption (it has image)"),
        ({"image": [], "caption": []}, "captions.parquet lists no images: give it some"),
    ],
)  # fmt: skip
def test_odd_parquet_is_refused(folder: Path, columns: dict[str, list[Any]], message: str) -> None:
    write_parquet(folder / "captions.parquet", **columns)
    assert message in refused(folder)


def test_parquet_with_two_columns_of_one_name(folder: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table([["a.png"], ["x"], ["y"]], names=["image", "caption", "caption"])
    parquet.write_table(table, folder / "captions.parquet")
    assert captions(folder) == {"a.png": ["x", "y"]}


def test_text_of_parquet_that_is_not_utf8_is_one_line(folder: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    offsets = pyarrow.array([0, 2], pyarrow.int32()).buffers()[1]
    text = pyarrow.StringArray.from_buffers(1, offsets, pyarrow.py_buffer(b"x\xe9"))
    parquet.write_table(pyarrow.table([["a.png"], text], names=["image", "caption"]), folder / "captions.parquet")
    assert "captions.parquet cannot be read" in refused(folder)


def test_the_row_numbers_of_pandas_are_not_read(folder: Path) -> None:
    write_parquet(folder / "captions.parquet", image=["a.png"], caption=["x"], __index_level_0__=[7])
    assert captions(folder) == {"a.png": ["x"]}


@pytest.mark.parametrize("data", [b"", b"PAR1", b"image,caption\na.png,x\n", b"PAR1" + b"x" * 100 + b"PAR1"])
def test_damaged_parquet_is_one_line(folder: Path, data: bytes) -> None:
    pytest.importorskip("pyarrow")
    (folder / "captions.parquet").write_bytes(data)
    message = refused(folder)
    assert message.startswith("captions.parquet cannot be read (") and message.endswith("): it must be Parquet")


def test_without_pyarrow_the_way_out_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "captions.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert refused(folder) == 'captions.parquet needs pyarrow: pip install -e ".[parquet]"'


@pytest.mark.parametrize("name", ["captions.tsv", "Captions.CSV", "captions.csv", "CAPTIONS.JSONL"])
def test_names_of_tables(folder: Path, name: str) -> None:
    (folder / name).write_text('{"image":"a.png","caption":"x"}' if "J" in name else "image\tcaption\na.png\tx\n")
    assert captions(folder) == {"a.png": ["x"]}


def test_a_table_that_cannot_be_read_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    (folder / "captions.csv").write_text("image,caption\na.png,x\n")
    monkeypatch.setattr(Path, "read_bytes", denied)
    assert refused(folder) == "captions.csv cannot be read (Permission denied): correct it"
