"""A figure of a swept parameter: each score above, its paired difference to the baseline below."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_ARROWS = {"lower": "lower is better", "higher": "higher is better", "": ""}


def sweep_figure(path: Path, parameter: str, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write a PNG.

    Args:
        parameter: what was swept, for the axes.
        tables: title of a study -> its rows, as :func:`t2i.ablation.compare` makes them; values need not be equally far
            apart, they are drawn side by side.
    """
    scores = list(dict.fromkeys(score for table in tables.values() for score in table["score"]))
    values = sorted({value for table in tables.values() for value in table["value"]})
    with style.context("default"):
        figure = Figure(figsize=(3.2 * len(scores), 5.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = np.atleast_2d(figure.subplots(2, len(scores), sharex=True, squeeze=False))
        for column, score in enumerate(scores):
            for number, (title, table) in enumerate(tables.items()):
                rows = table[table["score"] == score]
                if rows.empty:
                    continue
                places = np.array([values.index(value) for value in rows["value"]]) + 0.12 * number
                for axis, mean, width in (
                    (axes[0, column], rows["mean"], rows["half_width"]),
                    (axes[1, column], rows["difference"], rows["difference_half_width"]),
                ):
                    axis.errorbar(
                        places, mean, width.fillna(0), fmt="o-", markersize=4, capsize=3, linewidth=1,
                        color=f"C{number}", label=title,
                    )  # fmt: skip
                axes[0, column].set_title(f"{score}\n{_ARROWS[rows['better'].iloc[0]]}", fontsize=9)
            axes[1, column].axhline(0, color="0.6", linewidth=0.8, zorder=0)
            axes[1, column].set_xticks(range(len(values)), [str(value) for value in values])
            axes[1, column].set_xlabel(parameter, fontsize=9)
            for axis in axes[:, column]:
                axis.tick_params(labelsize=8)
        axes[0, 0].set_ylabel("mean, 95 % interval", fontsize=9)
        axes[1, 0].set_ylabel("paired difference, 95 % interval", fontsize=9)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9, frameon=False)
        part = path.with_name(path.name + ".part")
        try:
            figure.savefig(part, format="png", dpi=110, metadata={"Software": None})
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
