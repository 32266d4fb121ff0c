"""Power of a comparison, against simulated experiments."""

import math

import numpy as np
import pytest
from scipy import stats

from t2i.ablation.power import POWER, detectable_difference, power_table, spread_of_differences
from t2i.ablation.statistics import rounded_up
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
    spread = math.sqrt(sum(float(np.var(values, ddof=1)) for values in noise.values()) / len(noise))
    assert spread_of_differences(fid) == pytest.approx(spread)
    (line,) = power_table(fid, {"loss.lambda": "0"}).to_dict("records")
    mean = 600 + (7.0 - 4.0 + 11.0) / 4 + 15 + 0.5
    smallest = detectable_difference(spread, 8)
    assert line["spread of a difference"] == rounded_up(spread)
    assert line["8 seeds"] == f"{rounded_up(smallest)} ({rounded_up(100 * smallest / mean)} %)"
    assert list(line) == ["metric", "spread of a difference", "4 seeds", "8 seeds", "16 seeds"]


def test_every_score_is_compared_with_the_mean_of_the_baseline() -> None:
    runs = [experiment(x, seed, fid=1000.0 * x + seed**2 * x) for x in (0, 0.2, 1) for seed in range(4)]
    table = table_of(runs, "loss.lambda", baseline=("1",))
    for line in power_table(table, {"loss.lambda": "1"}).to_dict("records"):
        rows = table[table["metric"] == line["metric"]]
        mean = rows[(rows["effect"] == "mean") & (rows["loss.lambda"] == "1")]["estimate"].item()
        smallest = detectable_difference(spread_of_differences(rows), 4)
        assert line["4 seeds"] == f"{rounded_up(smallest)} ({rounded_up(100 * smallest / mean)} %)"
    assert {line["metric"] for line in power_table(table, {"loss.lambda": "1"}).to_dict("records")} > {"FID (judge)"}


def test_one_seed_tells_nothing() -> None:
    table = table_of([experiment(x, 0) for x in (0, 0.2)], "loss.lambda", baseline=("0",))
    assert power_table(table, {"loss.lambda": "0"}).empty
