"""Intervals and p-values against a textbook example, simulation and plain arithmetic."""

import math

import numpy as np
import pytest
from scipy import stats

from t2i.ablation.statistics import Estimate, adjusted_p_values, estimate, paired_difference


def test_interval_is_students_t() -> None:
    values = [4.1, 5.2, 3.9, 4.8, 5.0]
    result = estimate(values)
    # 2.776 is the 97.5 % quantile of Student's t with 4 degrees of freedom
    assert result.mean == pytest.approx(4.6) and result.count == 5
    assert result.half_width == pytest.approx(2.776 * np.std(values, ddof=1) / math.sqrt(5), rel=1e-3)


def test_intervals_contain_the_true_mean_in_95_of_100_studies() -> None:
    rng = np.random.default_rng(0)
    inside = [abs(e.mean - 3) < e.half_width for e in (estimate(list(rng.normal(3, 2, 4))) for _ in range(1000))]
    assert 0.93 < np.mean(inside) < 0.97


def test_pairs_share_a_seed_and_others_do_not_count() -> None:
    values, baseline = {0: 10.0, 1: 21.0, 2: 32.0, 7: 99.0}, {0: 9.0, 1: 20.0, 2: 30.0, 8: 0.0}
    result = paired_difference(values, baseline)
    assert result.count == 3 and result.mean == pytest.approx(4 / 3)
    assert result.p_value == pytest.approx(stats.ttest_rel([10, 21, 32], [9, 20, 30]).pvalue)
    assert paired_difference({1: 1.0}, {2: 1.0}).count == 0


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one, none = estimate([2.0]), estimate([])
    assert one.mean == 2.0 and math.isnan(one.half_width) and math.isnan(one.p_value) and str(one) == "2.000"
    assert math.isnan(none.mean) and str(none) == "-"
    assert str(Estimate(-2.1, 20.968, 4)) == "-2.1 ± 21.0"
    assert str(Estimate(612.3, 41.7, 4)) == "612 ± 42" and str(Estimate(-0.02, 0.0041, 4)) == "-0.020 ± 0.004"


@pytest.mark.parametrize(("value", "p_value"), [(0.0, 1.0), (-30.0, 0.0)])
def test_values_without_spread_have_an_interval_of_no_width(value: float, p_value: float) -> None:
    assert estimate([value] * 3) == Estimate(value, 0.0, 3, p_value)


def test_p_values_are_adjusted_for_their_number() -> None:
    # by hand: 0.01 * 4/1, 0.02 * 4/2, 0.03 * 4/3, 0.8 * 4/4; each at most its successor
    adjusted = adjusted_p_values([0.03, 0.01, math.nan, 0.8, 0.02])
    assert adjusted[:2] == pytest.approx([0.04, 0.04]) and adjusted[3:] == pytest.approx([0.8, 0.04])
    assert math.isnan(adjusted[2])
    assert adjusted_p_values([]) == []
