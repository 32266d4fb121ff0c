"""Figure of an ablation: each metric above, its paired difference to the baseline below."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from t2i.ablation.experiments import value_order
from t2i.files import replacing

_DIRECTIONS = {"lower": "lower is better", "higher": "higher is better", "": ""}


def ablation_figure(path: Path, parameter: str, tables: Mapping[str, pd.DataFrame]) -> None:
    """Draw a column of two panels for each metric.

    Args:
        path: PNG to write, replaced at once.
        parameter: label of the axes.
        tables: title of a study -> its rows, as :func:`t2i.ablation.experiments.compare` returns them. Values of the
            parameter are drawn at equal distances.
    """
    metrics = list(dict.fromkeys(metric for table in tables.values() for metric in table["metric"]))
    values = sorted({value for table in tables.values() for value in table["value"]}, key=value_order)
    with style.context("default"):
        figure = Figure(figsize=(3.2 * len(metrics), 5.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, len(metrics), sharex=True, squeeze=False)
        for column, metric in enumerate(metrics):
            for number, (title, table) in enumerate(tables.items()):
                rows = table[table["metric"] == metric]
                if rows.empty:
                    continue
                places = np.array([values.index(value) for value in rows["value"]]) + 0.12 * number
                for axis, mean, half_width in (
                    (axes[0, column], rows["mean"], rows["half_width"]),
                    (axes[1, column], rows["difference"], rows["difference_half_width"]),
                ):
                    axis.errorbar(
                        places, mean, half_width.fillna(0), fmt="o-", markersize=4, capsize=3, linewidth=1,
                        color=f"C{number}", label=title,
                    )  # fmt: skip
                axes[0, column].set_title(f"{metric}\n{_DIRECTIONS[rows['better'].iloc[0]]}", fontsize=9)
            axes[1, column].axhline(0, color="0.6", linewidth=0.8, zorder=0)
            axes[1, column].set_xticks(range(len(values)), values)
            axes[1, column].set_xlabel(parameter, fontsize=9)
            for axis in axes[:, column]:
                axis.tick_params(labelsize=8)
        axes[0, 0].set_ylabel("mean, 95 % interval", fontsize=9)
        axes[1, 0].set_ylabel("paired difference, 95 % interval", fontsize=9)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9, frameon=False)
        with replacing(path) as part:
            figure.savefig(part, format="png", dpi=110, metadata={"Software": None})
