"""Means, paired differences and confidence intervals over seeds."""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """Mean of independent runs.

    Attributes:
        mean: NaN without a value.
        half_width: of the 95 % confidence interval of the mean, by Student's t; NaN below two values.
        count: number of values.
        p_value: of the t-test that the true mean is 0; NaN below two values.
    """

    mean: float
    half_width: float
    count: int
    p_value: float = math.nan

    def __str__(self) -> str:
        largest = max(abs(self.mean), self.half_width if self.count > 1 else 0.0)
        digits = 0 if largest >= 100 else 1 if largest >= 10 else 3
        width = f" ± {self.half_width:.{digits}f}" if self.count > 1 else ""
        return f"{self.mean:.{digits}f}{width}" if self.count else "-"


def estimate(values: Sequence[float]) -> Estimate:
    """Mean of the values of several seeds, with its interval."""
    if len(values) < 2:
        return Estimate(values[0] if values else math.nan, math.nan, len(values))
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)  # values that hardly differ
        test = stats.ttest_1samp(values, 0)
        low, high = test.confidence_interval(CONFIDENCE)
    p_value = 1.0 if math.isnan(test.pvalue) else float(test.pvalue)  # all values are 0
    return Estimate(float(np.mean(values)), float(high - low) / 2, len(values), p_value)


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate:
    """Mean of value - baseline over the seeds that both have.

    A seed changes both runs alike (initial weights, order of the data, noise), so the difference varies less than
    either.
    """
    return estimate([values[seed] - baseline[seed] for seed in sorted(values.keys() & baseline.keys())])


def adjusted_p_values(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number, so that a bound on them bounds the false discovery rate.

    Benjamini and Hochberg, "Controlling the False Discovery Rate", 1995. NaN stays NaN and does not count.
    """
    adjusted = np.array(p_values, dtype=float)
    known = ~np.isnan(adjusted)
    if known.any():
        adjusted[known] = stats.false_discovery_control(adjusted[known], method="bh")
    return [float(value) for value in adjusted]
