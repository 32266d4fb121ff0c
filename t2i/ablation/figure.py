"""Figures of an ablation: two panels for each metric, means above and effects below."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from t2i.ablation.effects import AVERAGE, DIFFERENCE, INTERACTION, MAIN_EFFECT, MEAN
from t2i.ablation.metrics import split_steps
from t2i.ablation.panels import (
    columns_of,
    error_bars,
    label_rows,
    legend,
    metrics_of,
    new_figure,
    panels_of,
    parts_of,
    save,
)  # fmt: skip
from t2i.ablation.statistics import SIGNIFICANCE
from t2i.ablation.studies import CHANGE, setting, short_names
from t2i.ablation.values import value_order

_LINES = 14  # of labels that fit beside a panel


def ablation_figure(path: Path, parameters: Sequence[str], tables: dict[str, pd.DataFrame]) -> None:
    """Draw means against one parameter and, below, differences to the baseline; a colour for each study.

    Args:
        path: PNG to write, replaced at once.
        parameters: label of the axes.
        tables: title of a study -> its rows, as :func:`t2i.ablation.effects.compare` returns them. Values of the
            parameter are drawn at equal distances.
    """
    (parameter,) = parameters
    values = sorted({value for table in tables.values() for value in table[parameter]}, key=value_order)
    metrics = metrics_of(tables)
    apart = min(0.12, 0.8 / len(tables))
    with style.context("default"):
        figure = new_figure(len(metrics), 1)
        panels = panels_of(figure, metrics)
        for metric, (above, below) in panels.items():
            for number, (title, table) in enumerate(tables.items()):
                rows = table[table["metric"] == metric]
                for axis, effect, kind in ((above, MEAN, "o-"), (below, DIFFERENCE, "o")):
                    of_effect = rows[rows["effect"] == effect]
                    places = [values.index(value) + apart * number for value in of_effect[parameter]]
                    error_bars(axis, places, of_effect, kind, f"C{number % 10}", title)
            below.axhline(0, color="0.6", linewidth=0.8, zorder=0)
            for axis in (above, below):
                axis.set_xticks(range(len(values)), values)
                axis.set_xlim(-0.3, len(values) - 0.7 + apart * len(tables))
            below.set_xlabel(parameter, fontsize=8)
        label_rows(panels, "mean, 95 % interval", "difference, 95 % interval")
        legend(figure, panels)
        save(figure, path)


def change_figure(path: Path, _: Sequence[str], tables: dict[str, pd.DataFrame]) -> None:
    """Draw the means of changes below each other, and their differences to the baseline.

    Differences that are told from chance are filled.

    Args:
        path, tables: as for :func:`ablation_figure`, of one study, of changes.
    """
    ((title, table),) = tables.items()
    metrics = metrics_of(tables)
    with style.context("default"):
        figure = new_figure(len(metrics), 1)
        figure.suptitle(title, fontsize=10)
        labels = {change: textwrap.fill(change, 28, break_long_words=False) for change in table[CHANGE]}
        lines = len(labels) * max(label.count("\n") + 1 for label in labels.values())
        figure.set_figheight(figure.get_figheight() * max(1.0, lines / _LINES))
        panels = panels_of(figure, metrics)
        for number, (metric, pair) in enumerate(panels.items()):
            rows = table[table["metric"] == metric]
            for axis, effect in zip(pair, (MEAN, DIFFERENCE), strict=True):
                of_effect = rows[rows["effect"] == effect]
                names = [labels[change] for change in of_effect[CHANGE]]
                _forest(axis, of_effect, names if number % columns_of(len(panels)) == 0 else [""] * len(names))
                axis.set_xlabel(f"{effect}, 95 % interval", fontsize=8)
            pair[1].axvline(0, color="0.6", linewidth=0.8, zorder=0)
        save(figure, path)


def grid_figure(path: Path, parameters: Sequence[str], tables: dict[str, pd.DataFrame]) -> None:
    """Draw means against the second parameter, a line for each value of the first, and main effects and interactions.

    Lines that are parallel do not interact. Effects that are told from chance are filled.

    Args:
        path, tables: as for :func:`ablation_figure`; the studies stand below each other.
        parameters: the two.
    """
    first, second = parameters
    with style.context("default"):
        figure, metrics, parts = parts_of(tables)
        for part, table in parts:
            panels = panels_of(part, metrics)
            values = sorted(set(table.loc[table["effect"] == MEAN, second]), key=value_order)
            for number, (metric, (above, below)) in enumerate(panels.items()):
                rows = table[table["metric"] == metric]
                means = rows[rows["effect"] == MEAN]
                for line, (value, of_value) in enumerate(means.groupby(first, sort=False)):
                    places = [values.index(other) + 0.06 * line for other in of_value[second]]
                    error_bars(above, places, of_value, "o-", f"C{line % 10}", f"{first} = {value}")
                above.set_xticks(range(len(values)), values)
                above.set_xlabel(second, fontsize=8)
                effects = rows[rows["effect"].isin((MAIN_EFFECT, INTERACTION))]
                names = _names_of_effects(effects, (first, second))
                _forest(below, effects, names if number % columns_of(len(panels)) == 0 else [""] * len(names))
                below.axvline(0, color="0.6", linewidth=0.8, zorder=0)
                below.set_xlabel("effect, 95 % interval", fontsize=8)
            label_rows(panels, "mean, 95 % interval", "")
            legend(part, panels)
        save(figure, path)


def snapshot_figure(path: Path, parameters: Sequence[str], tables: dict[str, pd.DataFrame]) -> None:
    """Draw means against the steps of the training and, below, differences to the baseline, a line for each setting.

    Args:
        path, tables: as for :func:`ablation_figure`, of the scores of snapshots; the studies stand below each other.
        parameters: one or two.
    """
    with style.context("default"):
        figure, metrics, parts = parts_of({title: _by_steps(table) for title, table in tables.items()})
        for part, table in parts:
            panels = panels_of(part, metrics)
            for metric, (above, below) in panels.items():
                rows = table[(table["metric"] == metric) & table["effect"].isin((MEAN, DIFFERENCE))]
                for line, (values, of_cell) in enumerate(rows.groupby(list(parameters), sort=False)):
                    label = setting(tuple(parameters), tuple(map(str, values)))
                    for axis, effect in ((above, MEAN), (below, DIFFERENCE)):
                        of_effect = of_cell[of_cell["effect"] == effect]
                        error_bars(axis, list(of_effect["steps"]), of_effect, "o-", f"C{line % 10}", label)
                below.axhline(0, color="0.6", linewidth=0.8, zorder=0)
                below.set_xlabel("steps", fontsize=8)
            label_rows(panels, "mean, 95 % interval", "difference, 95 % interval")
            legend(part, panels)
        save(figure, path)


def _by_steps(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a snapshot's scores, with the score without its steps as ``metric``, and its ``steps``."""
    names = [split_steps(name) for name in table["metric"]]
    return table.assign(metric=[name for name, _ in names], steps=[steps for _, steps in names])


def _forest(axis: Axes, effects: pd.DataFrame, names: Sequence[str]) -> None:
    """Estimates below each other, with their intervals."""
    for place, row in enumerate(effects.to_dict("records")):
        width = 0 if np.isnan(row["half_width"]) else row["half_width"]
        axis.errorbar(
            row["estimate"], place, xerr=width, fmt="o", markersize=4, capsize=3, linewidth=1, color="black",
            markerfacecolor="black" if row["q_value"] <= SIGNIFICANCE else "white",
        )  # fmt: skip
    axis.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axis.set_yticks(range(len(names)), names)
    axis.xaxis.set_major_locator(MaxNLocator(4))


def _names_of_effects(effects: pd.DataFrame, parameters: tuple[str, str]) -> list[str]:
    """ "lambda = 0.2" for main effects, "damsm_lambda = 1 × lambda = 0.2" for interactions."""
    short, names = short_names(parameters), []
    for row in effects.to_dict("records"):
        values = {short[name]: str(row[name]) for name in parameters}
        names.append(" × ".join(f"{name} = {value}" for name, value in values.items() if not value.startswith(AVERAGE)))
    return names
