"""Turns, rates and the line of JSON."""

import json

import pytest

from benchmarks.timing import report, spread, take_turns


def test_works_take_turns_and_warm_up() -> None:
    seen: list[str] = []
    runs = take_turns({"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, 2, warm_up=1)
    assert seen == ["a", "b"] * 3
    assert list(runs) == ["a", "b"] and all(len(seconds) == 2 for seconds in runs.values())


def test_rates_are_per_amount_and_compared_with_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    report("t", {"slow": [2.0, 2.0, 3.0], "fast": [1.0, 1.0, 1.0]}, {"slow": 10, "fast": 100}, "images", ["note"], x=1)
    title, slow, fast, note, line = capsys.readouterr().out.splitlines()
    assert title == "t" and note.strip() == "note"
    assert slow.split() == ["slow", "5.0", "images/s", "x", "1.00", "spread", "50%"]
    assert fast.split() == ["fast", "100.0", "images/s", "x", "20.00", "spread", "0%"]
    assert json.loads(line)["seconds"]["slow"] == [2.0, 2.0, 3.0] and json.loads(line)["x"] == 1
    assert spread([1.0, 2.0, 4.0]) == 1.5
