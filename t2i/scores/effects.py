"""Is it more than luck? Means over seeds and differences between runs of one seed, with their intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean of independent runs.

    Attributes:
        mean: of the values; NaN without any.
        half_width: of the interval that holds the true mean in 95 of 100 studies, by Student's t; NaN below two values.
        count: number of values.
    """

    mean: float
    half_width: float
    count: int

    @property
    def differs_from_zero(self) -> bool:
        """Whether the interval leaves 0 out; False where there is no interval."""
        return abs(self.mean) > self.half_width

    def __str__(self) -> str:
        largest = max(abs(self.mean), self.half_width if self.count > 1 else 0.0)
        digits = 0 if largest >= 100 else 1 if largest >= 10 else 3
        width = f" ± {self.half_width:.{digits}f}" if self.count > 1 else ""
        return f"{self.mean:.{digits}f}{width}" if self.count else "-"


def estimate(values: Sequence[float]) -> Estimate:
    """Mean of the values of several seeds and its 95 % interval."""
    n = len(values)
    if n < 2:
        return Estimate(values[0] if n else float("nan"), float("nan"), n)
    spread = float(np.std(values, ddof=1)) / n**0.5
    return Estimate(float(np.mean(values)), float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * spread, n)


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate:
    """Mean of value - baseline over the seeds that both have.

    A seed moves both runs alike (initial weights, order of the data, noise); the difference is free of that.
    """
    return estimate([values[seed] - baseline[seed] for seed in sorted(values.keys() & baseline.keys())])
