"""Power of a comparison, against simulated experiments."""

import math

import numpy as np
import pytest
from scipy import stats

from t2i.ablation.power import POWER, detectable_difference, power_table, spread_of_differences
from tests.ablation.made_up import experiment
from tests.ablation.test_effects import table_of


@pytest.mark.parametrize("seeds", [3, 8, 32])
def test_a_difference_of_that_size_is_found_as_often_as_promised(seeds: int) -> None:
    difference = detectable_difference(2.0, seeds)
    made = np.random.default_rng(0).normal(difference, 2.0, (20_000, seeds))
    found = stats.ttest_1samp(made, 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(POWER, abs=0.01)


def test_the_spread_is_that_of_the_differences_of_all_values_to_the_baseline() -> None:
    noise = {0.2: [3.0, -1.0, 4.0, 0.0], 1.0: [2.0, 2.0, -5.0, 1.0]}
    runs = [experiment(0, seed, fid=10.0 * seed) for seed in range(4)]
    runs += [experiment(x, seed, fid=10.0 * seed + of_seed) for x in noise for seed, of_seed in enumerate(noise[x])]
    table = table_of(runs, "loss.lambda", baseline=("0",))
    fid = table[table["metric"] == "FID (judge)"]
    spread = math.sqrt(np.mean([np.var(values, ddof=1) for values in noise.values()]))
    assert spread_of_differences(fid) == pytest.approx(spread)
    (line,) = power_table(fid, [("loss.lambda", "0")]).to_dict("records")
    mean = 600 + np.mean([0.0, 7.0, -4.0, 11.0]) + 15 + 0.5
    smallest = detectable_difference(spread, 8)
    assert line["spread of a difference"] == f"{spread:.3g}"
    assert line["8 seeds"] == f"{smallest:.2g} ({100 * smallest / mean:.2g} %)"
    assert list(line) == ["metric", "spread of a difference", "4 seeds", "8 seeds", "16 seeds"]


def test_one_seed_tells_nothing() -> None:
    table = table_of([experiment(x, 0) for x in (0, 0.2)], "loss.lambda", baseline=("0",))
    assert power_table(table, [("loss.lambda", "0")]).empty
