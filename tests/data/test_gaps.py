"""What is listed and not there: refused with the first few and the count, or left out and reported."""

import pytest

from t2i.data.gaps import Gaps
from t2i.errors import InputError


def fill(gaps: Gaps, count: int) -> None:
    with gaps.settled() as missing:
        for number in range(count):
            missing.add("of the train split without a file", f"bird {number}")


def test_error_names_the_first_few_and_the_count() -> None:
    message = r"^2933 images of the train split without a file \(bird 0, bird 1, bird 2, ...\): correct the data"
    with pytest.raises(InputError, match=message):
        fill(Gaps("error"), 2933)
    with pytest.raises(InputError, match=r"^1 image of the train split without a file \(bird 0\):"):
        fill(Gaps(), 1)
    fill(Gaps(), 0)


def test_skip_reports() -> None:
    gaps = Gaps("skip")
    fill(gaps, 5)
    gaps.add("of the test split that cannot be read", "torn")
    assert gaps.report() == {
        "of the train split without a file": {"count": 5, "first": ["bird 0", "bird 1", "bird 2"]},
        "of the test split that cannot be read": {"count": 1, "first": ["torn"]},
    }
    assert gaps.lines() == [
        "left out: 5 images of the train split without a file (bird 0, bird 1, bird 2, ...)",
        "left out: 1 image of the test split that cannot be read (torn)",
    ]
    assert Gaps("skip").report() == {} and Gaps("skip").lines() == []


def test_errors_within_the_block_come_first() -> None:
    with pytest.raises(KeyError), Gaps().settled() as missing:
        missing.add("have no file", "x")
        raise KeyError("y")
