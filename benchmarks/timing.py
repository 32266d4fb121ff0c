"""What benchmarks have in common: works take turns, medians and spreads make a small table, then a line of JSON."""

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Runs = dict[str, list[float]]
"""Way of doing something -> the seconds that it took, one number a turn."""


def take_turns(works: Mapping[str, Callable[[], object]], repeats: int, warm_up: int = 0) -> Runs:
    """Time all works, then all again, ``repeats`` times: a slow minute of the machine hits each of them.

    Args:
        warm_up: turns before, that do not count: the first convolution of a shape prepares for the next ones.
    """
    runs: Runs = {way: [] for way in works}
    for turn in range(warm_up + repeats):
        for way, work in works.items():
            begin = time.perf_counter()
            work()
            if turn >= warm_up:
                runs[way].append(time.perf_counter() - begin)
    return runs


def spread(seconds: list[float]) -> float:
    """Range of the turns, as a share of their median."""
    return (max(seconds) - min(seconds)) / statistics.median(seconds)


def report(
    title: str, runs: Runs, amounts: Mapping[str, float], unit: str, notes: Sequence[str] = (), **facts: Any
) -> None:
    """Print how much of something each way gets done in a second, and how many times the first way's that is.

    Args:
        runs: the way that others are compared with comes first.
        amounts: way -> what it did in each turn, in units; ways may do different amounts.
        notes: lines below the table.
        facts: go into the line of JSON.
    """
    rates = {way: amounts[way] / statistics.median(seconds) for way, seconds in runs.items()}
    first = next(iter(rates.values()))
    width = max(map(len, rates))
    print(title)
    for way, rate in rates.items():
        print(f"  {way:<{width}}  {rate:10,.1f} {unit}/s  x{rate / first:7.2f}  spread {spread(runs[way]):4.0%}")
    for note in notes:
        print(f"  {note}")
    print(json.dumps({"title": title, **facts, "unit": unit, "amounts": dict(amounts), "seconds": runs}))
