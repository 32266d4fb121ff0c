"""Variants alternate, and warm-up is not timed."""

import time

import pytest

from benchmarks.timing import spread, time_alternately


def test_variants_alternate_and_warm_up_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    clock = 0.0

    def work(name: str, seconds: float) -> None:
        nonlocal clock
        clock += seconds * (10 if len(runs) < 2 else 1)  # the first run of each is slow
        runs.append(name)

    monkeypatch.setattr(time, "perf_counter", lambda: clock)
    seconds = time_alternately({"a": lambda: work("a", 1.0), "b": lambda: work("b", 2.0)}, 2, warm_up=1)
    assert runs == ["a", "b"] * 3
    assert seconds == {"a": [1.0, 1.0], "b": [2.0, 2.0]}


def test_spread_is_the_range_over_the_median() -> None:
    assert spread([1.0, 2.0, 4.0]) == 1.5
