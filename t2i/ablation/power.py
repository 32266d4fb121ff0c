"""Power: how small a difference a number of seeds can tell from chance."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import optimize, stats

from t2i.ablation.effects import DIFFERENCE, MEAN
from t2i.ablation.statistics import CONFIDENCE, rounded_up

POWER = 0.8
"""Probability with which a difference is to be found."""


def detectable_difference(spread: float, seeds: int) -> float:
    """Smallest true difference that a paired t-test at 5 % finds, with its sign, with a probability of :data:`POWER`.

    Args:
        spread: standard deviation of the differences within a seed.
        seeds: number of pairs, 2 or more.
    """
    freedom = seeds - 1
    critical = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))

    def lack_of_power(shift: float) -> float:
        return float(stats.nct.sf(critical, freedom, shift)) - POWER

    return float(optimize.brentq(lack_of_power, 0.0, 2 * critical + 10)) * spread / math.sqrt(seeds)


def spread_of_differences(rows: pd.DataFrame) -> float:
    """Standard deviation of differences to the baseline within a seed, pooled over the values; NaN if there is none.

    Args:
        rows: of one metric, as :func:`t2i.ablation.effects.compare` returns them.
    """
    paired = rows[(rows["effect"] == DIFFERENCE) & (rows["paired"] == "yes") & (rows["seeds"] > 1)]
    freedom = paired["seeds"].to_numpy(dtype=float) - 1
    if not freedom.sum():
        return math.nan
    errors = paired["half_width"].to_numpy(dtype=float) / stats.t.ppf((1 + CONFIDENCE) / 2, freedom)
    return float(np.sqrt((freedom * errors**2 * (freedom + 1)).sum() / freedom.sum()))


def power_table(table: pd.DataFrame, baseline: Mapping[str, str]) -> pd.DataFrame:
    """What as many seeds as a study has can tell, and what twice and four times as many could; empty without pairs.

    Args:
        table: as :func:`t2i.ablation.effects.compare` returns it.
        baseline: value of each parameter; its mean is what differences are given in % of.
    """
    pairs = table[(table["effect"] == DIFFERENCE) & (table["paired"] == "yes")]
    seeds = int(pairs["seeds"].max()) if len(pairs) else 0  # of the value that has most
    if seeds < 2:
        return pd.DataFrame()
    lines = []
    for metric, rows in table.groupby("metric", sort=False):
        spread = spread_of_differences(rows)
        if math.isnan(spread) or spread == 0:
            continue
        base = rows[rows["effect"] == MEAN]
        for name, value in baseline.items():
            base = base[base[name] == value]
        mean = abs(float(base["estimate"].iloc[0]))
        line = {"metric": metric, "spread of a difference": rounded_up(spread)}
        for count in (seeds, 2 * seeds, 4 * seeds):
            smallest = detectable_difference(spread, count)
            share = f" ({rounded_up(100 * smallest / mean)} %)" if mean > 0 else ""
            line[f"{count} seeds"] = rounded_up(smallest) + share
        lines.append(line)
    return pd.DataFrame(lines)
