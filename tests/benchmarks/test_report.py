"""Tables, rates and the line of JSON."""

import json

import pytest

from benchmarks.report import report_rates


def test_rates_are_per_amount_and_compared_with_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = {"slow": [2.0, 2.0, 3.0], "fast": [1.0, 1.0, 1.0]}
    report_rates("title", seconds, {"slow": 10, "fast": 4000}, "images", ["a note"], x=1)
    title, _, header, _, slow, fast, _, note, line = capsys.readouterr().out.splitlines()
    assert title == "title" and note == "a note"
    assert cells(header) == ["variant", "images/s", "speed-up", "spread"]
    assert cells(slow) == ["slow", "5.0", "x1.00", "50%"]
    assert cells(fast) == ["fast", "4,000.0", "x800.00", "0%"]
    assert json.loads(line) == {
        "title": "title", "x": 1, "unit": "images", "amounts": {"slow": 10, "fast": 4000}, "seconds": seconds
    }  # fmt: skip


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]
