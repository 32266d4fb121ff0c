"""Images that are listed but missing: refused with their number and the first few names, or left out and reported."""

import json
import os

import pytest

from t2i.errors import InputError
from t2i.sources.missing import MissingItems


def fill(missing_items: MissingItems, count: int) -> None:
    with missing_items.raise_unless_skipping() as missing:
        for number in range(count):
            missing.add("of the train split without a file", f"bird {number}")


def test_error_names_the_first_few_and_the_count() -> None:
    message = r"^2933 images of the train split without a file \(bird 0, bird 1, bird 2, ...\): correct the data"
    with pytest.raises(InputError, match=message):
        fill(MissingItems("error"), 2933)
    with pytest.raises(InputError, match=r"^1 image of the train split without a file \(bird 0\):"):
        fill(MissingItems(), 1)
    fill(MissingItems(), 0)


def test_skip_reports() -> None:
    missing_items = MissingItems("skip")
    fill(missing_items, 5)
    missing_items.add("of the test split that cannot be read", "torn")
    assert missing_items.report() == {
        "of the train split without a file": {"count": 5, "first": ["bird 0", "bird 1", "bird 2"]},
        "of the test split that cannot be read": {"count": 1, "first": ["torn"]},
    }
    assert missing_items.lines() == [
        "left out: 5 images of the train split without a file (bird 0, bird 1, bird 2, ...)",
        "left out: 1 image of the test split that cannot be read (torn)",
    ]
    assert MissingItems("skip").report() == {} and MissingItems("skip").lines() == []


def test_errors_within_the_block_come_first() -> None:
    with pytest.raises(KeyError), MissingItems().raise_unless_skipping() as missing:
        missing.add("have no file", "x")
        raise KeyError("y")


def test_the_cause_is_that_of_the_first() -> None:
    missing_items = MissingItems("skip")
    for number in range(4):
        missing_items.add("that cannot be read", f"bird {number}", f"bird {number} is cut off")
    missing_items.note("captions without a word", "bird 9")
    problem = "4 images that cannot be read (bird 0, bird 1, bird 2, ...); the first: bird 0 is cut off"
    assert missing_items.summary() == f"{problem}; 1 captions without a word (bird 9)"
    assert missing_items.lines() == [f"left out: {problem}", "left out: 1 captions without a word (bird 9)"]
    assert MissingItems("skip").summary() == ""


def test_new_lines_are_those_that_were_not_there_before() -> None:
    missing_items = MissingItems("skip")
    missing_items.note("captions without a word", "x")
    missing_items.add("without a file", "a")
    assert missing_items.new_lines() == missing_items.lines() and missing_items.new_lines() == []
    missing_items.add("that cannot be read", "b")
    assert missing_items.new_lines() == ["left out: 1 image that cannot be read (b)"]
    assert len(missing_items.lines()) == 3


def test_any_name_is_shown_in_one_line_and_reported_as_it_is() -> None:
    names = ["a\nb", "\udcff", "\x1b[31m"]
    missing_items = MissingItems("skip")
    for name in names:
        missing_items.add("without a file", name)
    assert missing_items.lines() == [r"left out: 3 images without a file (a\nb, \udcff, \x1b[31m)"]
    written = json.dumps(missing_items.report())
    assert written.isascii() and json.loads(written)["without a file"]["first"] == names


def test_names_that_the_encoding_of_file_names_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsencode", lambda name: name.encode("ascii", "surrogateescape"))
    monkeypatch.setattr("sys.getfilesystemencoding", lambda: "ascii")
    missing_items = MissingItems("skip")
    missing_items.add("without a file", "a\udcff")
    assert missing_items.lines()[0].endswith(r"(a\udcff)")
    missing_items.add("without a file", "grün")
    assert missing_items.lines()[0].endswith("grün); Python reads file names as ascii here, set PYTHONUTF8=1")
