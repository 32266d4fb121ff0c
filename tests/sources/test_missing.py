"""Images that are listed but missing: refused with their number and the first few names, or left out and reported."""

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
