"""Estimates, contrasts and q-values against scipy, textbook designs, simulation and plain arithmetic."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from t2i.ablation.statistics import Estimate, contrast, estimate, q_values, rounded_up

SEEDS = [str(seed) for seed in range(6)]


def by_seed(values: np.ndarray, seeds: list[str] = SEEDS) -> dict[str, float]:
    return dict(zip(seeds, map(float, values), strict=False))


def difference(values: Mapping[str, float], baseline: Mapping[str, float]) -> Estimate:
    return contrast([(1.0, values), (-1.0, baseline)])


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


def test_differences_within_seeds_are_a_paired_t_test_and_other_seeds_do_not_count() -> None:
    values, baseline = {"0": 10.0, "1": 21.0, "2": 32.0, "7": 99.0}, {"0": 9.0, "1": 20.0, "2": 30.0, "8": 0.0}
    result, test = difference(values, baseline), stats.ttest_rel([10, 21, 32], [9, 20, 30])
    assert result.count == 3 and result.mean == pytest.approx(4 / 3) and result.paired
    assert result.p_value == pytest.approx(test.pvalue)
    low, high = test.confidence_interval(0.95)
    assert result.half_width == pytest.approx((high - low) / 2)
    assert result.relative == pytest.approx((4 / 3) / (59 / 3))


def test_p_values_agree_with_all_changes_of_sign() -> None:
    values, baseline = np.random.default_rng(0).normal(0.45, 1, 12), np.zeros(12)
    seeds = [str(seed) for seed in range(12)]
    result = difference(by_seed(values, seeds), by_seed(baseline, seeds))
    test = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=10_000)
    assert 0.01 < result.p_value < 0.2 and result.p_value == pytest.approx(test.pvalue, rel=0.1)


def test_settings_without_common_seeds_are_compared_by_welch() -> None:
    rng = np.random.default_rng(0)
    values, baseline = rng.normal(3, 1, 4), rng.normal(1, 3, 3)
    for seeds in (["7", "8", "9"], ["0", "8", "9"]):  # none, or one that is common
        result, test = (
            difference(by_seed(values), by_seed(baseline, seeds)),
            stats.ttest_ind(values, baseline, equal_var=False),
        )
        assert not result.paired and result.count == 3 and result.mean == pytest.approx(values.mean() - baseline.mean())
        assert result.p_value == pytest.approx(test.pvalue)
        low, high = test.confidence_interval(0.95)
        assert result.half_width == pytest.approx((high - low) / 2)
        assert result.relative == pytest.approx(result.mean / baseline.mean())


def test_an_interaction_within_seeds_is_that_of_an_analysis_of_variance() -> None:
    rng = np.random.default_rng(0)
    cells = rng.normal(size=(2, 2, 6)) + rng.normal(size=6)
    signs = {(1, 1): 1.0, (0, 1): -1.0, (1, 0): -1.0, (0, 0): 1.0}
    result = contrast([(sign, by_seed(cells[cell])) for cell, sign in signs.items()])
    # repeated measures: F = mean square of the interaction / that of interaction x seeds, 1 and 5 degrees of freedom
    grand, seed = cells.mean(), cells.mean((0, 1))
    a, b, ab = cells.mean((1, 2)), cells.mean((0, 2)), cells.mean(2)
    a_seed, b_seed = cells.mean(1), cells.mean(0)
    both = ab - a[:, None] - b[None] + grand
    residual = (
        cells - a_seed[:, None] - b_seed[None] - ab[..., None] + a[:, None, None] + b[None, :, None] + seed - grand
    )
    f = 6 * (both**2).sum() / ((residual**2).sum() / 5)
    assert result.p_value == pytest.approx(stats.f.sf(f, 1, 5)) and math.isclose(result.mean, 4 * both[1, 1])


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    one, none = estimate([2.0]), estimate([])
    assert one.mean == 2.0 and math.isnan(one.half_width) and math.isnan(one.p_value) and str(one) == "2.00"
    assert math.isnan(none.mean) and str(none) == "-"
    missing = difference({"0": 1.0}, {})
    assert missing.count == 0 and math.isnan(missing.mean) and math.isnan(missing.p_value) and str(missing) == "-"
    same_seed, other_seed = difference({"0": 3.0, "1": 9.0}, {"0": 1.0}), difference({"0": 3.0}, {"1": 1.0})
    for result, paired in ((same_seed, True), (other_seed, False)):
        assert (result.mean, result.count, result.paired, result.relative) == (2.0, 1, paired, 2.0)
        assert math.isnan(result.half_width) and math.isnan(result.p_value)


@pytest.mark.parametrize("baseline", [[0.0, 0.0], [-3.0, -2.0], [1.0, -1.0]])
def test_there_is_no_share_of_what_is_not_positive(baseline: list[float]) -> None:
    assert math.isnan(difference({"0": 1.0, "1": 3.0}, by_seed(np.array(baseline))).relative)


def test_numbers_are_shown_with_two_digits_of_their_interval() -> None:
    shown = {
        "-2 ± 21": Estimate(-2.1, 20.968, 4), "612 ± 42": Estimate(612.3, 41.7, 4), "0 ± 12": Estimate(-0.3, 12, 4),
        "-0.0200 ± 0.0041": Estimate(-0.02, 0.0041, 4), "0.00235 ± 0.00011": Estimate(0.00235, 0.000107, 4),
        "-30.0 ± 0.0": Estimate(-30.0, 0.0, 3), "0 ± 0": Estimate(0.0, 0.0, 2),
        "0.00235": Estimate(0.00235, math.nan, 1),
    }  # fmt: skip
    assert {text: str(estimated) for text, estimated in shown.items()} == {text: text for text in shown}


def test_equal_values_are_no_evidence_and_equal_zeros_no_difference() -> None:
    zero, equal = estimate([0.0] * 3), estimate([-30.0] * 3)
    assert zero == Estimate(0.0, 0.0, 3, 1.0)
    assert (equal.mean, equal.half_width, equal.count) == (-30, 0, 3) and math.isnan(equal.p_value)
    # 0.3 - 0.1 and 0.7 - 0.5 differ by rounding alone, as 0.1 + 0.2 does from 0.3
    assert math.isnan(difference({"0": 0.3, "1": 0.7}, {"0": 0.1, "1": 0.5}).p_value)
    nothing = difference({"0": 0.1 + 0.2, "1": 0.7}, {"0": 0.3, "1": 0.7})
    assert (nothing.mean, nothing.half_width, nothing.p_value) == (0, 0, 1)
    unpaired = difference({"0": 2.0, "1": 2.0}, {"2": 2.0, "3": 2.0})
    assert (unpaired.mean, unpaired.p_value, unpaired.paired) == (0, 1, False)
    assert math.isnan(difference({"0": 3.0, "1": 3.0}, {"2": 2.0, "3": 2.0}).p_value)


@given(st.lists(st.tuples(st.sampled_from(SEEDS), st.floats(-1e3, 1e3)), max_size=6), st.randoms())
def test_order_of_seeds_does_not_matter(pairs: list[tuple[str, float]], random: object) -> None:
    values = dict(pairs)
    shuffled = list(values.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    baseline = by_seed(np.arange(6.0))
    assert repr(difference(dict(shuffled), baseline)) == repr(difference(values, baseline))


def test_q_values_are_p_values_adjusted_for_their_number() -> None:
    # by hand: 0.01 * 4/1, 0.02 * 4/2, 0.03 * 4/3, 0.8 * 4/4; each at most its successor
    adjusted = q_values([0.03, 0.01, math.nan, 0.8, 0.02])
    assert adjusted[:2] == pytest.approx([0.04, 0.04]) and adjusted[3:] == pytest.approx([0.8, 0.04])
    assert math.isnan(adjusted[2])
    assert q_values([]) == [] and math.isnan(q_values([math.nan])[0])


def test_false_discoveries_are_bounded_by_their_share() -> None:
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(150):
        effects = np.repeat([0.0, 3.0], [15, 5])
        p_values = [estimate(list(rng.normal(effect, 1, 5))).p_value for effect in effects]
        found = np.array(q_values(p_values)) <= 0.05
        shares.append(found[:15].sum() / max(1, found.sum()))
    assert np.mean(shares) <= 0.05


@pytest.mark.parametrize(
    ("value", "text"),
    [(123.2, "124"), (640.0, "640"), (3.149, "3.2"), (3.1, "3.1"), (0.0201, "0.021"), (0.02, "0.020"), (99.6, "100")],
)
def test_bounds_are_rounded_up_and_written_out(value: float, text: str) -> None:
    assert rounded_up(value) == text
