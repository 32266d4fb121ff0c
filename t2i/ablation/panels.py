"""What the figures of an ablation share: two panels for each metric, in rows of five at most."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from t2i.files import replacing

_DIRECTIONS = {"lower": "lower is better", "higher": "higher is better", "": ""}
_COLUMNS = 5
"""Metrics side by side at most."""
_TITLE_WIDTH = 32
"""Characters of a line above a panel at most."""
_LEGEND_CHARACTERS = 15
"""Characters of a legend on an inch; each label has a line of six before it."""
_STUDIES = 6
"""Studies below each other that a figure shows at most; the table has all."""


def metrics_of(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Name -> better, in the order of the tables."""
    order = pd.concat(tables.values()).drop_duplicates("metric")
    return dict(zip(order["metric"], order["better"], strict=True))


def columns_of(metrics: int) -> int:
    """How many metrics stand side by side."""
    return math.ceil(metrics / _blocks(metrics))


def _blocks(metrics: int) -> int:
    """Blocks of two rows, so that rows are about equally full."""
    return math.ceil(metrics / _COLUMNS)


def new_figure(metrics: int, studies: int) -> Figure:
    columns, blocks = columns_of(metrics), _blocks(metrics)
    figure = Figure(figsize=(3.1 * columns + 0.8, 4.6 * blocks * studies + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def parts_of(
    tables: Mapping[str, pd.DataFrame],
) -> tuple[Figure, dict[str, str], Iterator[tuple[SubFigure, pd.DataFrame]]]:
    """A figure whose studies stand below each other, the metrics of those shown, and the part and the table of each."""
    drawn = {title: table for title, table in tables.items() if len(table)}  # --draw may leave nothing of a study
    shown = dict(list(drawn.items())[:_STUDIES])
    metrics = metrics_of(shown)
    figure = new_figure(len(metrics), len(shown))
    parts = figure.subfigures(len(shown), 1, squeeze=False)[:, 0]
    more = f" ({len(shown)} of {len(drawn)} studies)" if len(shown) < len(drawn) else ""
    for part, title in zip(parts, shown, strict=True):
        part.suptitle(title + more, fontsize=10)
    return figure, metrics, zip(parts, shown.values(), strict=True)


def panels_of(figure: Figure | SubFigure, metrics: dict[str, str]) -> dict[str, tuple[Axes, Axes]]:
    """The upper and lower panel of each metric, in blocks of two rows."""
    columns, blocks = columns_of(len(metrics)), _blocks(len(metrics))
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


def error_bars(axis: Axes, places: Sequence[float], rows: pd.DataFrame, kind: str, colour: str, label: str) -> None:
    axis.errorbar(
        places, rows["estimate"], rows["half_width"].fillna(0), fmt=kind, markersize=4, capsize=3, linewidth=1,
        color=colour, label=label,
    )  # fmt: skip


def label_rows(panels: dict[str, tuple[Axes, Axes]], above: str, below: str) -> None:
    for number, (upper, lower) in enumerate(panels.values()):
        if number % columns_of(len(panels)) == 0:
            upper.set_ylabel(above, fontsize=8)
            lower.set_ylabel(below, fontsize=8)


def legend(figure: Figure | SubFigure, panels: dict[str, tuple[Axes, Axes]]) -> None:
    all_labels = (above.get_legend_handles_labels() for above, _ in panels.values())
    handles, labels = max(all_labels, key=lambda each: len(each[1]))  # not every study has every score
    fit = int(figure.bbox.width / figure.dpi * _LEGEND_CHARACTERS / (6 + max(map(len, labels), default=0)))
    ncols = max(1, min(len(labels), 3, fit))
    figure.legend(handles, labels, loc="outside lower center", ncols=ncols, fontsize=8, frameon=False)


def save(figure: Figure, path: Path) -> None:
    with replacing(path) as part:
        figure.savefig(part, format="png", dpi=110, metadata={"Software": None})
