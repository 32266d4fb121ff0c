"""Times of several variants of the same work."""

import statistics
import time
from collections.abc import Callable, Mapping

Seconds = dict[str, list[float]]
"""Variant -> its times, one a run."""


def time_alternately(variants: Mapping[str, Callable[[], object]], repeats: int, warm_up: int = 0) -> Seconds:
    """Time every variant once, then every one again, ``repeats`` times, so that a slow minute affects all of them.

    Args:
        warm_up: runs of each before that are not timed: the first convolution of a shape prepares for the next ones.
    """
    seconds: Seconds = {name: [] for name in variants}
    for turn in range(warm_up + repeats):
        for name, work in variants.items():
            begin = time.perf_counter()
            work()
            if turn >= warm_up:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def spread(seconds: list[float]) -> float:
    """Range of times as a share of their median."""
    return (max(seconds) - min(seconds)) / statistics.median(seconds)
