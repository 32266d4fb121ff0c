"""Figures of an ablation: two panels for each metric, means above and effects below."""

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from t2i.ablation.effects import AVERAGE, DIFFERENCE, INTERACTION, MAIN_EFFECT, MEAN
from t2i.ablation.studies import value_order
from t2i.files import replacing

_DIRECTIONS = {"lower": "lower is better", "higher": "higher is better", "": ""}
_COLUMNS = 5
"""Metrics side by side at most."""
_TITLE_WIDTH = 32
"""Characters of a line above a panel at most."""
_STUDIES = 6
"""Grids that a figure shows at most; the table has all."""


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
    metrics = _metrics(tables)
    apart = min(0.12, 0.8 / len(tables))
    with style.context("default"):
        figure = _figure(len(metrics), 1)
        panels = _panels(figure, metrics)
        for metric, (above, below) in panels.items():
            for number, (title, table) in enumerate(tables.items()):
                rows = table[table["metric"] == metric]
                for axis, effect, kind in ((above, MEAN, "o-"), (below, DIFFERENCE, "o")):
                    of_effect = rows[rows["effect"] == effect]
                    places = [values.index(value) + apart * number for value in of_effect[parameter]]
                    _error_bars(axis, places, of_effect, kind, f"C{number % 10}", title)
            below.axhline(0, color="0.6", linewidth=0.8, zorder=0)
            for axis in (above, below):
                axis.set_xticks(range(len(values)), values)
                axis.set_xlim(-0.3, len(values) - 0.7 + apart * len(tables))
            below.set_xlabel(parameter, fontsize=8)
        _label_rows(panels, "mean, 95 % interval", "difference, 95 % interval")
        _legend(figure, panels)
        _save(figure, path)


def grid_figure(path: Path, parameters: Sequence[str], tables: dict[str, pd.DataFrame]) -> None:
    """Draw means against the second parameter, a line for each value of the first, and main effects and interactions.

    Lines that are parallel do not interact. Effects that are told from chance are filled.

    Args:
        path, tables: as for :func:`ablation_figure`; the studies stand below each other.
        parameters: the two.
    """
    first, second = parameters
    shown = dict(list(tables.items())[:_STUDIES])
    metrics = _metrics(shown)
    with style.context("default"):
        figure = _figure(len(metrics), len(shown))
        for part, (title, table) in zip(
            figure.subfigures(len(shown), 1, squeeze=False)[:, 0], shown.items(), strict=True
        ):
            more = f" ({len(shown)} of {len(tables)} studies)" if len(shown) < len(tables) else ""
            part.suptitle(title + more, fontsize=10)
            panels = _panels(part, metrics)
            values = sorted(set(table.loc[table["effect"] == MEAN, second]), key=value_order)
            for number, (metric, (above, below)) in enumerate(panels.items()):
                rows = table[table["metric"] == metric]
                means = rows[rows["effect"] == MEAN]
                for line, (value, of_value) in enumerate(means.groupby(first, sort=False)):
                    places = [values.index(other) + 0.06 * line for other in of_value[second]]
                    _error_bars(above, places, of_value, "o-", f"C{line % 10}", f"{first} = {value}")
                above.set_xticks(range(len(values)), values)
                above.set_xlabel(second, fontsize=8)
                _forest(
                    below,
                    rows[rows["effect"].isin((MAIN_EFFECT, INTERACTION))],
                    (first, second),
                    named=number % _shape(len(panels))[0] == 0,
                )
            _label_rows(panels, "mean, 95 % interval", "")
            _legend(part, panels)
        _save(figure, path)


def _forest(axis: Axes, effects: pd.DataFrame, parameters: tuple[str, str], *, named: bool) -> None:
    """Effects below each other; their names stand beside the first panel of a row."""
    names = _short(parameters)
    labels = []
    for place, row in enumerate(effects.to_dict("records")):
        values = {short: str(row[name]) for short, name in zip(names, parameters, strict=True)}
        labels.append(
            " × ".join(f"{name} = {value}" for name, value in values.items() if not value.startswith(AVERAGE))
        )
        width = 0 if np.isnan(row["half_width"]) else row["half_width"]
        axis.errorbar(
            row["estimate"], place, xerr=width, fmt="o", markersize=4, capsize=3, linewidth=1, color="black",
            markerfacecolor="black" if row["q_value"] <= 0.05 else "white",
        )  # fmt: skip
    axis.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    axis.set_ylim(max(len(labels), 1) - 0.5, -0.5)
    axis.set_yticks(range(len(labels)), labels if named else [""] * len(labels))
    axis.xaxis.set_major_locator(MaxNLocator(4))
    axis.set_xlabel("effect, 95 % interval", fontsize=8)


def _short(names: tuple[str, str]) -> list[str]:
    last = [name.rpartition(".")[2] for name in names]
    return last if len(set(last)) == len(names) else list(names)


def _metrics(tables: dict[str, pd.DataFrame]) -> dict[str, str]:
    """Name -> better, in the order of the tables."""
    order = pd.concat(tables.values()).drop_duplicates("metric")
    return dict(zip(order["metric"], order["better"], strict=True))


def _shape(metrics: int) -> tuple[int, int]:
    """Columns, and blocks of two rows, that are about equally full."""
    blocks = math.ceil(metrics / _COLUMNS)
    return math.ceil(metrics / blocks), blocks


def _figure(metrics: int, studies: int) -> Figure:
    columns, blocks = _shape(metrics)
    figure = Figure(figsize=(3.1 * columns + 0.8, 4.6 * blocks * studies + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _panels(figure: Figure | SubFigure, metrics: dict[str, str]) -> dict[str, tuple[Axes, Axes]]:
    """The upper and lower panel of each metric, in blocks of two rows."""
    columns, blocks = _shape(len(metrics))
    axes = figure.subplots(2 * blocks, columns, squeeze=False)
    panels = {}
    for number, (metric, better) in enumerate(metrics.items()):
        block, column = divmod(number, columns)
        panels[metric] = axes[2 * block, column], axes[2 * block + 1, column]
        panels[metric][0].set_title("\n".join([*textwrap.wrap(metric, _TITLE_WIDTH), _DIRECTIONS[better]]), fontsize=9)
    used = [axis for pair in panels.values() for axis in pair]
    for axis in axes.flat:
        axis.tick_params(labelsize=7)
        axis.set_visible(axis in used)
    return panels


def _error_bars(axis: Axes, places: Sequence[float], rows: pd.DataFrame, kind: str, colour: str, label: str) -> None:
    axis.errorbar(
        places, rows["estimate"], rows["half_width"].fillna(0), fmt=kind, markersize=4, capsize=3, linewidth=1,
        color=colour, label=label,
    )  # fmt: skip


def _label_rows(panels: dict[str, tuple[Axes, Axes]], above: str, below: str) -> None:
    for number, (upper, lower) in enumerate(panels.values()):
        if number % _shape(len(panels))[0] == 0:
            upper.set_ylabel(above, fontsize=8)
            lower.set_ylabel(below, fontsize=8)


def _legend(figure: Figure | SubFigure, panels: dict[str, tuple[Axes, Axes]]) -> None:
    handles, labels = next(iter(panels.values()))[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 3), fontsize=8, frameon=False)


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as part:
        figure.savefig(part, format="png", dpi=110, metadata={"Software": None})
