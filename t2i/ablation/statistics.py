"""Means, contrasts of settings and confidence intervals over seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
SIGNIFICANCE = 0.05
"""Largest q-value of a difference that is told from chance."""

_ROUNDING = 1e-12
"""Differences below this share of the values themselves come from floating point."""


@dataclass(frozen=True)
class Estimate:
    """Mean over seeds, of a score or of a contrast of several.

    Attributes:
        mean: NaN without a value.
        half_width: of the 95 % confidence interval of the mean, by Student's t; NaN below two values.
        count: number of values; of unpaired settings, that of the one with fewest.
        p_value: of the t-test that the true mean is 0; NaN below two values, and where all are equal but not 0: a
            t-test takes them for certain, while scores are rounded and few.
        relative: of a contrast, its share of the mean that it is compared with; NaN where that is not positive.
        paired: whether the values of a contrast are differences within a seed.
    """

    mean: float
    half_width: float
    count: int
    p_value: float = math.nan
    relative: float = math.nan
    paired: bool = True

    def __str__(self) -> str:
        """The mean ± its half width with two significant digits, or with three of its own without an interval."""
        if not self.count:
            return "-"
        digits = _decimals(self.half_width, 2) if self.half_width > 0 else _decimals(self.mean, 3)
        width = f" ± {self.half_width:.{digits}f}" if self.count > 1 else ""
        return f"{self.mean:z.{digits}f}{width}"


def rounded_up(value: float) -> str:
    """A positive number with two significant digits, or all of its own before the point; never less than it is."""
    digits = _decimals(value, 2)
    return f"{math.ceil(round(value * 10**digits, 9)) / 10**digits:.{digits}f}"


def _decimals(value: float, significant: int) -> int:
    return 0 if value == 0 else max(0, significant - 1 - math.floor(math.log10(abs(value))))


def estimate(values: Sequence[float]) -> Estimate:
    """Mean of the values of several seeds, with its interval."""
    return _estimate(values, _ROUNDING * max(map(abs, values), default=0.0))


def contrast(terms: Sequence[tuple[float, Mapping[str, float]]]) -> Estimate:
    """Weighted sum of the means of settings: a difference, a mean of differences, a difference of differences.

    With two or more seeds that all settings have, it is the mean of the sums within each of these seeds: a seed changes
    initial weights, order of the data and noise of all settings alike, so that the sums vary less than the scores.
    Otherwise settings count as independent and the interval is that of Welch and Satterthwaite, if each has two seeds.

    Args:
        terms: weight of a setting -> its values by seed. The negative ones make up what it is compared with.
    """
    common = sorted(set.intersection(*(set(values) for _, values in terms)))
    if not all(values for _, values in terms):
        return Estimate(math.nan, math.nan, 0)
    paired = len(common) > 1 or (len(common) == 1 and any(len(values) < 2 for _, values in terms))
    used = [(weight, [values[seed] for seed in (common if paired else sorted(values))]) for weight, values in terms]
    rounding = _ROUNDING * max(abs(weight * value) for weight, values in used for value in values)
    base = math.fsum(-weight * math.fsum(values) / len(values) for weight, values in used if weight < 0)
    result = _within_seeds(used, rounding) if paired else _between_seeds(used, rounding)
    relative = result.mean / base if base > rounding else math.nan
    return Estimate(result.mean, result.half_width, result.count, result.p_value, relative, paired)


def _within_seeds(terms: Sequence[tuple[float, list[float]]], rounding: float) -> Estimate:
    sums = zip(*([weight * value for value in values] for weight, values in terms), strict=True)
    return _estimate([math.fsum(of_seed) for of_seed in sums], rounding)


def _between_seeds(terms: Sequence[tuple[float, list[float]]], rounding: float) -> Estimate:
    mean = math.fsum(weight * math.fsum(values) / len(values) for weight, values in terms)
    count = min(len(values) for _, values in terms)
    if count < 2:
        return Estimate(mean, math.nan, 1)
    parts = [(weight**2 * float(np.var(values, ddof=1)) / len(values), len(values) - 1) for weight, values in terms]
    variance = math.fsum(part for part, _ in parts)
    if math.sqrt(variance) <= rounding:
        return _without_spread(mean, count, rounding)
    freedom = variance**2 / math.fsum(part**2 / own for part, own in parts)
    return _by_students_t(mean, math.sqrt(variance), freedom, count)


def _estimate(values: Sequence[float], rounding: float) -> Estimate:
    if len(values) < 2:
        return Estimate(values[0] if values else math.nan, math.nan, len(values))
    mean, count = math.fsum(values) / len(values), len(values)
    if max(values) - min(values) <= 2 * rounding:
        return _without_spread(mean, count, rounding)
    return _by_students_t(mean, float(np.std(values, ddof=1)) / math.sqrt(count), count - 1, count)


def _without_spread(mean: float, count: int, rounding: float) -> Estimate:
    return Estimate(0.0, 0.0, count, 1.0) if abs(mean) <= rounding else Estimate(mean, 0.0, count)


def _by_students_t(mean: float, error: float, freedom: float, count: int) -> Estimate:
    half_width = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    return Estimate(mean, half_width, count, float(2 * stats.t.sf(abs(mean) / error, freedom)))


def q_values(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number: a bound on them bounds the expected share of false discoveries.

    Benjamini and Hochberg, "Controlling the False Discovery Rate", 1995. NaN stays NaN and does not count.
    """
    adjusted = np.array(p_values, dtype=float)
    known = ~np.isnan(adjusted)
    if known.any():
        adjusted[known] = stats.false_discovery_control(adjusted[known], method="bh")
    return [float(value) for value in adjusted]
