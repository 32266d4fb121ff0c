"""Intervals against a textbook example, simulation and plain arithmetic."""

import math

import numpy as np
import pytest
from scipy import stats

from t2i.scores.effects import Estimate, estimate, paired_difference


def test_interval_is_that_of_a_one_sample_t_test() -> None:
    values = [4.1, 5.2, 3.9, 4.8, 5.0]
    found = estimate(values)
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.mean == pytest.approx(4.6) and found.count == 5
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high))


def test_intervals_hold_the_truth_in_95_of_100_studies() -> None:
    rng = np.random.default_rng(0)
    inside = [abs(e.mean - 3) < e.half_width for e in (estimate(list(rng.normal(3, 2, 4))) for _ in range(4000))]
    assert 0.94 < np.mean(inside) < 0.96


def test_pairs_share_a_seed_and_others_do_not_count() -> None:
    values, baseline = {0: 10.0, 1: 21.0, 2: 32.0, 7: 99.0}, {0: 9.0, 1: 20.0, 2: 30.0, 8: 0.0}
    found = paired_difference(values, baseline)
    assert found.count == 3 and found.mean == pytest.approx(4 / 3)
    assert found.differs_from_zero == (stats.ttest_rel([10, 21, 32], [9, 20, 30]).pvalue < 0.05)
    assert paired_difference({1: 1.0}, {2: 1.0}).count == 0


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one, none = estimate([2.0]), estimate([])
    assert one.mean == 2.0 and math.isnan(one.half_width) and not one.differs_from_zero and str(one) == "2.000"
    assert math.isnan(none.mean) and str(none) == "-"
    assert str(Estimate(-2.1, 20.968, 4)) == "-2.1 ± 21.0"
    assert str(Estimate(612.3, 41.7, 4)) == "612 ± 42" and str(Estimate(-0.02, 0.0041, 4)) == "-0.020 ± 0.004"
