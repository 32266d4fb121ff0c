"""Tables and a figure of an ablation: all experiments that differ in one parameter, or in two."""

import fnmatch
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd

from t2i.ablation.effects import MEAN, NO_DIFFERENCE, as_estimate, compare, sorted_cells
from t2i.ablation.experiments import Experiments, few, read_experiments, show_experiments
from t2i.ablation.figure import ablation_figure, grid_figure, snapshot_figure
from t2i.ablation.power import POWER, power_table
from t2i.ablation.run_table import read_runs
from t2i.ablation.statistics import rounded_up
from t2i.ablation.studies import Cell, Study, find_studies, value_label
from t2i.errors import InputError
from t2i.files import replacing

_NAMED = 20
"""Experiments that a line names at most."""


def ablation_name(parameters: Sequence[str], *, snapshots: bool = False) -> str:
    """Name of the files of an ablation, without ending."""
    return f"ablation-{'+'.join(parameters)}{'-snapshots' if snapshots else ''}"


def compared_in(name: str) -> str:
    """What the ablation of a name compares, in words."""
    parameters = name.removeprefix("ablation-")
    of_evaluation = parameters.removesuffix("-snapshots")
    return " and ".join(of_evaluation.split("+")) + (", by snapshot" if parameters != of_evaluation else "")


def write_ablation(
    parameters: Sequence[str],
    baseline: Sequence[str],
    metrics: Path,
    plots: Path,
    runs: Path | None = None,
    *,
    names: Sequence[str] = (),
    drawn: Sequence[str] = (),
    snapshots: bool = False,
) -> str:
    """Compare all finished experiments of this repository, or those of a table, by one parameter or two.

    Writes ``ablation-<parameter>.md`` and ``.csv`` in the folder ``metrics`` and ``.png`` in ``plots``; the names of
    two parameters are joined by a plus.

    Args:
        parameters: as in params.yaml: loss.lambda.
        baseline: value of each that the others are compared with.
        runs: a table of :func:`~t2i.ablation.run_table.write_runs`; None: the experiments that DVC knows of.
        names: patterns, with * for any letters, of the names of those that are compared; all without one.
        drawn: patterns of the scores in the figure, of the tables' ``metric``; all without one.
        snapshots: compare the scores of each snapshot instead of those of the evaluation.

    Returns:
        The Markdown text.

    Raises:
        InputError: there is nothing to compare, no run or score has such a name, or no study has the baseline.
    """
    compared, cell = tuple(parameters), tuple(map(value_label, baseline))
    experiments = read_experiments(show_experiments()) if runs is None else Experiments(read_runs(runs), [], [])
    if names:
        experiments = experiments.chosen(names)
    scores = attrgetter("snapshot_scores" if snapshots else "scores")
    scored = [run for run in experiments.runs if scores(run)]
    unscored = [run.name for run in experiments.runs if not scores(run) and not run.of_commit]
    experiments = replace(experiments, without_scores=[*experiments.without_scores, *unscored])
    without = experiments.without_scores
    if not scored or (without and all(run.of_commit for run in scored)):
        kind = "scores of snapshots (metrics/score_snapshots.json)" if snapshots else "scores (metrics/evaluate.json)"
        raise InputError(f"no finished run has {kind}{f'; without are {few(without)}' if without else ''}")
    studies, alone = find_studies(scored, compared, scores)
    shown = [study for study in studies if not _lacking(study, cell)]
    if not shown:
        lacking = "; ".join(dict.fromkeys(_lacking(study, cell) for study in studies))
        raise InputError(f"nothing to compare with: {lacking} (--baseline)")
    tables = {study.title: compare(study, cell) for study in shown}
    pictured = _pictured(tables, drawn)
    left_out = [f"{study.title}: {_lacking(study, cell)} (`--baseline`)." for study in studies if study not in shown]
    text = "\n\n".join(
        [
            _introduction(compared, cell),
            *(_section(study, tables[study.title], cell) for study in shown),
            *_left_out(left_out, alone, experiments, compared),
        ]
    )
    name = ablation_name(compared, snapshots=snapshots)
    table = pd.concat(tables, names=["study"]).reset_index("study")
    of_evaluation = ablation_figure if len(compared) == 1 else grid_figure
    draw = snapshot_figure if snapshots else of_evaluation
    draw(plots / f"{name}.png", compared, pictured)  # first: it takes seconds, and the tables are to go with it
    with replacing(metrics / f"{name}.md") as part:
        part.write_text(text + "\n", encoding="utf-8")
    with replacing(metrics / f"{name}.csv") as part:
        table.to_csv(part, index=False, lineterminator="\n", float_format="%.6g")
    return text


def _pictured(tables: Mapping[str, pd.DataFrame], patterns: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The rows of the scores in the figure."""
    scores = list(dict.fromkeys(name for table in tables.values() for name in table["metric"]))
    for pattern in patterns:
        if not fnmatch.filter(scores, pattern):
            raise InputError(f"no score is named {pattern!r}; there are {'; '.join(scores)}")
    kept = {name for pattern in patterns or ["*"] for name in fnmatch.filter(scores, pattern)}
    return {title: table[table["metric"].isin(kept)] for title, table in tables.items()}


def _lacking(study: Study, baseline: Cell) -> str:
    """Which baseline value no run has, in words; "" if all are there."""
    for axis, (name, value) in enumerate(zip(study.parameters, baseline, strict=True)):
        if value not in study.levels(axis):
            return f"no run has {name} = {value}; there are {', '.join(study.levels(axis))}"
    return ""


def _introduction(parameters: tuple[str, ...], baseline: Cell) -> str:
    compared = _setting(parameters, baseline)
    grid = (
        " A main effect is the difference of a value to its baseline, averaged over the values of the other parameter; "
        "an interaction is how much the difference that one makes changes with the other (0: they add up)."
    )
    return (
        f"# Effect of {' and '.join(parameters)}\n\n"
        "Means over seeds ± half of the 95 % confidence interval (Student's t), n seeds, and differences to "
        f"{compared}, in brackets in % of its mean. Differences are taken within a seed; where settings share "
        "fewer than two seeds, they count as independent (Welch), and the difference is marked as unpaired."
        f"{grid if len(parameters) > 1 else ''} q is the p-value of the t-test, adjusted for all comparisons of a "
        "study (Benjamini-Hochberg): of its differences with q of at most 0.05, at most 5 % are expected to be chance. "
        "A difference that is not detectable is, with 95 % confidence, smaller than what stands beside it."
    )


def _section(study: Study, table: pd.DataFrame, baseline: Cell) -> str:
    """A study: title, what is particular about it, its tables, and what they can tell."""
    notes = []
    if study.repeated:
        notes.append(
            f"More than one experiment has the same values and seed in {_counted(study.repeated, 'case')}; their mean "
            "counts once."
        )
    missing = [cell for cell in sorted_cells(study) if cell not in study.cells]
    if missing:
        notes.append(f"Not run: {'; '.join(_setting(study.parameters, cell) for cell in missing)}.")
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
            column = f"{parameter} = {row[parameter]}"
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


def _left_out(
    studies: Sequence[str], alone: Sequence[str], experiments: Experiments, parameters: tuple[str, ...]
) -> list[str]:
    lines = list(studies)
    for names, reason in (
        (alone, f"no counterpart on the same commit that differs in {' and '.join(parameters)} alone"),
        (sorted(experiments.unfinished), "not finished (queued, running or failed)"),
        (sorted(experiments.without_scores), "without these scores"),
    ):
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            lines.append(f"{_counted(len(names), 'experiment')}, {reason}: {', '.join(names[:_NAMED])}{more}.")
    return ["## Left out", "\n".join(f"- {line}" for line in lines)] if lines else []


def _setting(parameters: tuple[str, ...], cell: Cell) -> str:
    return ", ".join(f"{name} = {value}" for name, value in zip(parameters, cell, strict=True))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
