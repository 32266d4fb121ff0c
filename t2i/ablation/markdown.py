"""The page of an ablation: Markdown tables of means and effects, and what was left out."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from t2i.ablation.effects import MEAN, NO_DIFFERENCE, as_estimate, sorted_cells
from t2i.ablation.experiments import Experiments
from t2i.ablation.power import POWER, power_table
from t2i.ablation.statistics import rounded_up
from t2i.ablation.studies import Cell, Study, setting

_NAMED = 20
"""Experiments that a line names at most."""


def introduction(parameters: tuple[str, ...], baseline: Cell, original: str = "") -> str:
    """The head of a page: what is compared, and what its numbers mean.

    Args:
        original: name of the run whose changes are compared; "": parameters are.
    """
    title = f"Changes of {original}" if original else f"Effect of {' and '.join(parameters)}"
    compared = original or setting(parameters, baseline)
    grid = (
        " A main effect is the difference of a value to its baseline, averaged over the values of the other parameter; "
        "an interaction is how much the difference that one makes changes with the other (0: they add up)."
    )
    return (
        f"# {title}\n\n"
        "Means over seeds ± half of the 95 % confidence interval (Student's t), n seeds, and differences to "
        f"{compared}, in brackets in % of its mean. Differences are taken within a seed; where settings share "
        "fewer than two seeds, they count as independent (Welch), and the difference is marked as unpaired."
        f"{grid if len(parameters) > 1 else ''} q is the p-value of the t-test, adjusted for all comparisons of a "
        "study (Benjamini-Hochberg): of its differences with q of at most 0.05, at most 5 % are expected to be chance. "
        "A difference that is not detectable is, with 95 % confidence, smaller than what stands beside it."
    )


def section(study: Study, table: pd.DataFrame, baseline: Cell) -> str:
    """A study: title, what is particular about it, its tables, and what they can tell."""
    notes = []
    if study.repeated:
        notes.append(
            f"More than one experiment has the same values and seed in {_counted(study.repeated, 'case')}; their mean "
            "counts once."
        )
    missing = [cell for cell in sorted_cells(study) if cell not in study.cells]
    if missing:
        notes.append(f"Not run: {'; '.join(setting(study.parameters, cell) for cell in missing)}.")
    if all(len(by_seed) < 2 for by_seed in study.cells.values()):
        notes.append("One seed: no intervals, and no difference can be told from chance.")
    parts = [_one_parameter(study, table)] if len(study.parameters) == 1 else _grid(study, table)
    shown = [_markdown(part) for part in parts if not part.empty]
    power = power_table(table, dict(zip(study.parameters, baseline, strict=True)))
    if not power.empty:
        shown += [
            "Smallest true differences to the baseline that have a p-value of at most 0.05 in "
            f"{POWER:.0%} of such studies, by the spread of the differences above (q, which counts all comparisons, "
            "takes larger ones):",
            _markdown(power),
        ]
    return "\n\n".join([f"## {study.title}", *notes, *shown])


def _markdown(table: pd.DataFrame) -> str:
    return str(table.to_markdown(index=False, disable_numparse=True))


def _one_parameter(study: Study, table: pd.DataFrame) -> pd.DataFrame:
    """Two rows a metric, its means and the differences; a column for each value of the parameter."""
    (parameter,) = study.parameters
    rows = []
    for metric, of_metric in table.groupby("metric", sort=False):
        means, differences = {"metric": metric}, {"metric": "difference"}
        means["better"], differences["better"] = of_metric["better"].iloc[0], ""
        for row in of_metric.to_dict("records"):
            column = setting(study.parameters, (str(row[parameter]),))
            if row["effect"] == MEAN:
                means[column], differences[column] = _mean(row), ""
            else:
                differences[column] = _difference(row)
        rows += [means, differences]
    return pd.DataFrame(rows)


def _grid(study: Study, table: pd.DataFrame) -> list[pd.DataFrame]:
    """The means, a row for each value of the first parameter and a column for each of the second; then the effects."""
    first, second = study.parameters
    means, effects = [], []
    for metric, of_metric in table.groupby("metric", sort=False):
        better = of_metric["better"].iloc[0]
        cells = of_metric[of_metric["effect"] == MEAN]
        for number, (value, of_value) in enumerate(cells.groupby(first, sort=False)):
            head = {"metric": "" if number else metric, "better": "" if number else better, first: value}
            means.append(head | {f"{second} = {row[second]}": _mean(row) for row in of_value.to_dict("records")})
        of_effects = of_metric[of_metric["effect"] != MEAN].to_dict("records")
        for number, row in enumerate(of_effects):
            head = {"metric": "" if number else metric, "effect": row["effect"], first: row[first], second: row[second]}
            effects.append(head | {"estimate": _difference(row)})
    return [pd.DataFrame(means), pd.DataFrame(effects)]


def _mean(row: Mapping[Hashable, Any]) -> str:
    return f"{as_estimate(row)} (n={row['seeds']})" if row["seeds"] else "-"


def _difference(row: Mapping[Hashable, Any]) -> str:
    """ "-30 ± 4 (-5.0 %): better, q = 0.012"; what cannot be told from chance, with the end of its interval."""
    if not row["seeds"]:
        return "-"
    sign = "+" if row["estimate"] > 0 else ""
    relative = "" if pd.isna(row["relative_percent"]) else f" ({row['relative_percent']:+z.1f} %)"
    unpaired = "unpaired, " if row["paired"] == "no" else ""
    q_value = "" if pd.isna(row["q_value"]) else f", q = {row['q_value']:.2g}"
    bound = abs(row["estimate"]) + row["half_width"]
    smaller = f" (smaller than {rounded_up(bound)})" if row["verdict"] == NO_DIFFERENCE and row["half_width"] else ""
    return f"{sign}{as_estimate(row)}{relative}: {unpaired}{row['verdict']}{smaller}{q_value}"


def left_out(studies: Sequence[str], alone: Sequence[str], why_alone: str, experiments: Experiments) -> list[str]:
    """What is not compared.

    Args:
        studies: lines on those that are not.
        alone: experiments in none.
        why_alone: the reason for that.
    """
    lines = list(studies)
    for names, reason in (
        (alone, why_alone),
        (sorted(experiments.unfinished), "not finished (queued, running or failed)"),
        (sorted(experiments.without_scores), "without these scores of their own"),
    ):
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            lines.append(f"{_counted(len(names), 'experiment')}, {reason}: {', '.join(names[:_NAMED])}{more}.")
    return ["## Left out", "\n".join(f"- {line}" for line in lines)] if lines else []


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
