"""Exponents, and what is measured at tiny sizes."""

import argparse

import pytest

from benchmarks import scaling as growth
from tests.conftest import ROOT


def test_exponents_of_power_laws() -> None:
    amounts = [8, 16, 32]
    assert growth.exponents(amounts, [1.0, 2.0, 4.0]) == pytest.approx([1, 1])
    assert growth.exponents(amounts, [3.0, 12.0, 12.0]) == pytest.approx([2, 0])
    assert growth.exponents([32**2, 64**2], [1.0, 4.0]) == pytest.approx([1])  # linear in pixels
    assert growth.exponents(amounts, [0.0, 0.0, 0.0]) == [0, 0]


def test_a_line_of_the_table() -> None:
    rows = [{"seconds": 0.5, "gib": 1.0}, {"seconds": 1.0, "gib": 1.0}]
    line = "| damsm | pixels | 32² | 64² | 0.5 s → 1 s | 0.50 | 1.00 GiB → 1.00 GiB | 0.00 |"
    assert growth.row("damsm", "pixels", [32, 64], rows) == line
    assert growth.median([*rows, rows[1]]) == rows[1]


@pytest.mark.parametrize("what", growth.AMOUNTS)
def test_a_part_in_a_process_of_its_own(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    given = argparse.Namespace(data="toy_birds", budget="smoke", steps=1)
    found = growth.measure(given, what, "pictures", 100)
    assert found["seconds"] > 0 and 0 < found["gib"] < 8


def test_a_training_step_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(growth, "SIZES", {"batch": 4, "pixels": 32, "words": 5, "images": 8})
    given = argparse.Namespace(data="toy_birds", budget="smoke", steps=1)
    found = growth.measure(given, "damsm", "batch", 8)
    assert found["seconds"] > 0 and 0 < found["gib"] < 8
