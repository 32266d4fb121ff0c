"""Tables and a figure of an ablation: all experiments that differ in one parameter."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from t2i.ablation.experiments import compare, find_studies, read_runs, show_experiments, value_label
from t2i.ablation.figure import ablation_figure
from t2i.ablation.statistics import Estimate
from t2i.files import replacing


def write_ablation(parameter: str, baseline: str, metrics: Path, plots: Path) -> str:
    """Compare all finished experiments of this repository by a parameter.

    Writes ``ablation-<parameter>.md`` and ``.csv`` in the folder ``metrics`` and ``.png`` in ``plots``.

    Args:
        parameter: as in params.yaml: loss.lambda.
        baseline: value that the others are compared with.

    Returns:
        The Markdown text.

    Raises:
        InputError: there is nothing to compare, or no run has the baseline value.
    """
    baseline = value_label(baseline)
    studies = find_studies(read_runs(show_experiments()), parameter)
    tables = {studies[0].title: compare(studies[0], baseline)}
    for study in studies[1:]:
        if baseline in study.values:
            tables.setdefault(study.title, compare(study, baseline))
    text = markdown(parameter, baseline, tables)
    table = pd.concat([table.assign(study=title) for title, table in tables.items()])
    name = f"ablation-{parameter}"
    with replacing(metrics / f"{name}.md") as part:
        part.write_text(text + "\n", encoding="utf-8")
    with replacing(metrics / f"{name}.csv") as part:
        table.to_csv(part, index=False, lineterminator="\n", float_format="%.6g")
    ablation_figure(plots / f"{name}.png", parameter, tables)
    return text


def markdown(parameter: str, baseline: str, tables: Mapping[str, pd.DataFrame]) -> str:
    """A Markdown page: a table for each study, by title."""
    parts = [
        f"# Effect of {parameter}",
        "Mean over seeds ± half of its 95 % confidence interval (Student's t), n seeds. Below it the paired difference "
        f"to the runs of the same seeds with {parameter} = {baseline}, with its interval. A difference is detectable "
        "if the p-value of its t-test is at most 0.05, adjusted for all comparisons of the table (Benjamini-Hochberg).",
    ]
    for title, table in tables.items():
        parts += [f"## {title}", _wide(parameter, baseline, table).to_markdown(index=False, disable_numparse=True)]
    return "\n\n".join(parts)


def _wide(parameter: str, baseline: str, table: pd.DataFrame) -> pd.DataFrame:
    """Two rows a metric, its means and the differences; a column for each value of the parameter."""
    rows = []
    for metric, of_metric in table.groupby("metric", sort=False):
        means, differences = {"metric": metric}, {"metric": "difference"}
        means["better"], differences["better"] = of_metric["better"].iloc[0], ""
        for row in of_metric.to_dict("records"):
            column = f"{parameter} = {row['value']}"
            means[column] = f"{Estimate(row['mean'], row['half_width'], row['seeds'])} (n={row['seeds']})"
            difference = Estimate(row["difference"], row["difference_half_width"], row["pairs"])
            sign = "+" if difference.mean > 0 else ""
            differences[column] = "" if row["value"] == baseline else f"{sign}{difference}: {row['verdict']}"
        rows += [means, differences]
    return pd.DataFrame(rows)
