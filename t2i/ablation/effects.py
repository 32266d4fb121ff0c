"""Effects of one parameter, or of two and their interaction, on each score of a study."""

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from t2i.ablation.metrics import Metric
from t2i.ablation.statistics import SIGNIFICANCE, Estimate, contrast, estimate, q_values
from t2i.ablation.studies import Cell, Study

MEAN, DIFFERENCE, MAIN_EFFECT, INTERACTION = "mean", "difference", "main effect", "interaction"
NO_DIFFERENCE = "no detectable difference"
AVERAGE = "mean of "
"""Before the values of a parameter that a main effect is averaged over."""


@dataclass(frozen=True)
class Effect:
    """A contrast of the cells of a study.

    Attributes:
        kind: DIFFERENCE, MAIN_EFFECT or INTERACTION.
        values: of each parameter; "mean of 0, 0.2" for one that is averaged over.
        weights: of the means of the cells.
    """

    kind: str
    values: Cell
    weights: dict[Cell, float]


def effects(study: Study, baseline: Cell) -> Iterator[Effect]:
    """What is compared in a study.

    One parameter: the difference of each value to the baseline. Two: that of each cell to the cell of both baselines;
    the main effect of each value, which is its difference to the baseline averaged over the values of the other
    parameter; and the interaction of each two, which is how much the effect of one changes with the other. Effects
    whose cells have no run are left out.
    """
    for cell in sorted_cells(study):
        if cell != baseline and baseline in study.cells and cell in study.cells:
            yield Effect(DIFFERENCE, cell, {cell: 1.0, baseline: -1.0})
    if len(baseline) == 1:
        return
    for axis in (0, 1):
        for value in study.levels(axis):
            if value != baseline[axis]:
                yield from _main_effect(study, baseline, axis, value)
    for first, second in sorted_cells(study):
        if first != baseline[0] and second != baseline[1]:
            corners = {
                (first, second): 1.0, (baseline[0], second): -1.0, (first, baseline[1]): -1.0, baseline: 1.0,
            }  # fmt: skip
            if corners.keys() <= study.cells.keys():
                yield Effect(INTERACTION, (first, second), corners)


def sorted_cells(study: Study) -> list[Cell]:
    """All combinations of values, those without a run, too."""
    return list(product(*(study.levels(axis) for axis in range(len(study.parameters)))))


def _main_effect(study: Study, baseline: Cell, axis: int, value: str) -> Iterator[Effect]:
    def cell(own: str, other: str) -> Cell:
        return (own, other) if axis == 0 else (other, own)

    others = [
        other
        for other in study.levels(1 - axis)
        if {cell(value, other), cell(baseline[axis], other)} <= study.cells.keys()
    ]
    # a level whose two cells share no seeds would cost the others their pairing
    paired = [
        other
        for other in others
        if len(study.cells[cell(value, other)].keys() & study.cells[cell(baseline[axis], other)].keys()) > 1
    ]
    others = paired or others
    weights = {
        cell(own, other): sign / len(others) for other in others for own, sign in ((value, 1), (baseline[axis], -1))
    }
    if weights:
        yield Effect(MAIN_EFFECT, cell(value, f"{AVERAGE}{', '.join(others)}"), weights)


def compare(study: Study, baseline: Cell) -> pd.DataFrame:
    """Means of each metric and cell, and effects of the parameters.

    Returns:
        One row a metric and cell, and a metric and effect, with columns metric, better, effect, one for each parameter,
        estimate, half_width, seeds, paired, relative_percent, p_value, q_value, verdict. Q-values are over all
        comparisons of the study.
    """
    rows, tests = [], []
    compared = list(effects(study, baseline))
    for metric in study.metrics:
        for cell in sorted_cells(study):
            mean = estimate(list(study.values(metric, cell).values()))
            rows.append(_row(study, metric, MEAN, cell, mean))
            tests.append(float("nan"))
        for effect in compared:
            result = contrast([(weight, study.values(metric, cell)) for cell, weight in effect.weights.items()])
            rows.append(_row(study, metric, effect.kind, effect.values, result))
            tests.append(result.p_value)
    table = pd.DataFrame(rows).assign(p_value=tests, q_value=q_values(tests))
    table["verdict"] = [
        "" if row["effect"] == MEAN else verdict(as_estimate(row), row["q_value"], row["better"], row["effect"])
        for row in table.to_dict("records")
    ]
    return table


def _row(study: Study, metric: Metric, effect: str, values: Cell, of: Estimate) -> dict[str, object]:
    is_share = effect in (DIFFERENCE, MAIN_EFFECT)
    return {
        "metric": metric.name, "better": metric.better, "effect": effect,
        **dict(zip(study.parameters, values, strict=True)), "estimate": of.mean, "half_width": of.half_width,
        "seeds": of.count, "paired": "" if effect == MEAN else "yes" if of.paired else "no",
        "relative_percent": 100 * of.relative if is_share else float("nan"),
    }  # fmt: skip


def as_estimate(row: Mapping[Hashable, Any]) -> Estimate:
    """The estimate of a row of :func:`compare`."""
    return Estimate(float(row["estimate"]), float(row["half_width"]), int(row["seeds"]))


def verdict(difference: Estimate, q_value: float, better: str, effect: str = DIFFERENCE) -> str:
    """An effect in words."""
    if difference.count < 2:
        return "too few seeds, no interval" if difference.count else ""
    if math.isnan(q_value):
        return "the same in all seeds, no test"
    if q_value > SIGNIFICANCE:
        return "no detectable interaction" if effect == INTERACTION else NO_DIFFERENCE
    if effect == INTERACTION:
        return "interaction"
    if not better:
        return "differs"
    return "better" if (difference.mean < 0) == (better == "lower") else "worse"
