"""Tables and a figure of an ablation: experiments that differ in one parameter or two, or in one change each."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import pandas as pd

from t2i.ablation.changes import UNCHANGED, find_changes
from t2i.ablation.effects import compare
from t2i.ablation.experiments import Experiments, few, read_experiments, show_experiments
from t2i.ablation.figure import ablation_figure, change_figure, grid_figure, snapshot_figure
from t2i.ablation.markdown import introduction, left_out, section
from t2i.ablation.run_table import read_runs
from t2i.ablation.studies import CHANGE, Cell, Study, find_studies
from t2i.ablation.values import value_label
from t2i.errors import InputError
from t2i.files import replacing


def ablation_name(parameters: Sequence[str], *, snapshots: bool = False) -> str:
    """Name of the files of an ablation, without ending."""
    return f"ablation-{'+'.join(parameters)}{'-snapshots' if snapshots else ''}"


def compared_in(name: str) -> str:
    """What the ablation of a name compares, in words."""
    parameters = name.removeprefix("ablation-")
    of_evaluation = parameters.removesuffix("-snapshots")
    compared = "each change" if of_evaluation == CHANGE else " and ".join(of_evaluation.split("+"))
    return compared + (", by snapshot" if parameters != of_evaluation else "")


def write_ablation(
    parameters: Sequence[str],
    baseline: Sequence[str],
    metrics: Path,
    plots: Path,
    runs: Path | None = None,
    *,
    original: str = "",
    names: Sequence[str] = (),
    drawn: Sequence[str] = (),
    snapshots: bool = False,
) -> str:
    """Compare all finished experiments of this repository, or those of a table, by one parameter or two, or by changes.

    Writes ``ablation-<parameter>.md`` and ``.csv`` in the folder ``metrics`` and ``.png`` in ``plots``; the names of
    two parameters are joined by a plus, and changes are called "change".

    Args:
        parameters: as in params.yaml: loss.lambda; none with ``original``.
        baseline: value of each that the others are compared with.
        runs: a table of :func:`~t2i.ablation.run_table.write_runs`; None: the experiments that DVC knows of.
        original: name of the run that the others are compared with, by what was changed; "": by the parameters.
        names: patterns, with * for any letters, of the names of those that are compared; all without one.
        drawn: patterns of the scores in the figure, of the tables' ``metric``; all without one.
        snapshots: compare the scores of each snapshot instead of those of the evaluation.

    Returns:
        The Markdown text.

    Raises:
        InputError: there is nothing to compare, no run or score has such a name, or no study has the baseline.
    """
    compared, cell = ((CHANGE,), (UNCHANGED,)) if original else (tuple(parameters), tuple(map(value_label, baseline)))
    experiments = read_experiments(show_experiments()) if runs is None else Experiments(read_runs(runs), [], [])
    if names:
        experiments = experiments.chosen([*names, original] if original else names)
    scores = attrgetter("snapshot_scores" if snapshots else "scores")
    scored = [run for run in experiments.runs if scores(run)]
    unscored = [run.name for run in experiments.runs if not scores(run) and not run.of_commit]
    experiments = replace(experiments, without_scores=[*experiments.without_scores, *unscored])
    without = experiments.without_scores
    if not scored or (without and all(run.of_commit for run in scored)):
        kind = "scores of snapshots (metrics/score_snapshots.json)" if snapshots else "scores (metrics/evaluate.json)"
        raise InputError(f"no finished run has {kind}{f'; without are {few(without)}' if without else ''}")
    if original:
        if original in experiments.without_scores:
            raise InputError(f"the experiment {original} has no scores")
        study, alone = find_changes(scored, original, scores)
        studies, why_alone = [study], f"of another commit or code than {original}"
    else:
        studies, alone = find_studies(scored, compared, scores)
        why_alone = f"no counterpart of the same commit and code that differs in {' and '.join(compared)} alone"
    shown = [study for study in studies if not _lacking(study, cell)]
    if not shown:
        lacking = "; ".join(dict.fromkeys(_lacking(study, cell) for study in studies))
        raise InputError(f"nothing to compare with: {lacking} (--baseline)")
    tables = {study.title: compare(study, cell) for study in shown}
    pictured = _pictured(tables, drawn)
    others = [study for study in studies if study not in shown]
    without_baseline = [f"{study.title}: {_lacking(study, cell)} (`--baseline`)." for study in others]
    text = "\n\n".join(
        [
            introduction(compared, cell, original),
            *(section(study, tables[study.title], cell) for study in shown),
            *left_out(without_baseline, alone, why_alone, experiments),
        ]
    )
    name = ablation_name(compared, snapshots=snapshots)
    table = pd.concat(tables, names=["study"]).reset_index("study")
    of_evaluation = change_figure if original else ablation_figure if len(compared) == 1 else grid_figure
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
