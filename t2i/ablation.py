"""What a swept parameter did: a table and a figure of all experiments that DVC knows of.

    python -m t2i.ablation loss.lambda --baseline 0

reads `dvc exp show`, puts experiments that differ in nothing but the parameter and the seed side by side, and writes
metrics/ablation-loss.lambda.md, .csv and plots/ablation-loss.lambda.png.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from t2i.errors import InputError
from t2i.scores.effects import Estimate
from t2i.scores.study import compare, read_runs, studies
from t2i.sweep_figure import sweep_figure


def markdown(parameter: str, baseline: Any, tables: Mapping[str, pd.DataFrame]) -> str:
    """The tables for people."""
    lines = [f"# What {parameter} did", ""]
    lines += [
        "Mean over seeds ± half of its 95 % interval (Student's t). Below it the paired difference to the run of the "
        f"same seed with {parameter} = {baseline}, with its interval; where that holds 0, there is no detectable "
        "difference. Of so many intervals every twentieth leaves 0 out by chance alone.", "",
    ]  # fmt: skip
    for title, table in tables.items():
        values = list(dict.fromkeys(table["value"]))
        heads = " | ".join(f"{parameter} = {v}" if isinstance(v, str) else f"{parameter} = {v:g}" for v in values)
        lines += [f"## {title}", "", f"| score | better | {heads} |"]
        lines += ["|" + "---|" * (len(values) + 2)]
        for score, rows in table.groupby("score", sort=False):
            cells, differences = [], []
            for row in rows.to_dict("records"):
                cells.append(f"{Estimate(row['mean'], row['half_width'], row['seeds'])} (n={row['seeds']})")
                difference = Estimate(row["difference"], row["difference_half_width"], row["pairs"])
                sign = "+" if difference.mean > 0 else ""
                differences.append("" if row["value"] == baseline else f"{sign}{difference}: {row['verdict']}")
            lines += [f"| {score} | {rows['better'].iloc[0]} | " + " | ".join(cells) + " |"]
            lines += ["| difference |  | " + " | ".join(differences) + " |"]
        lines.append("")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """``python -m t2i.ablation``: see the module."""
    parser = argparse.ArgumentParser(prog="python -m t2i.ablation", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parameter", help="as in params.yaml: loss.lambda")
    parser.add_argument("--baseline", type=_value, default=0, help="value that the others are compared with (0)")
    parser.add_argument("--metrics", type=Path, default=Path("metrics"), help="folder of the tables (metrics)")
    parser.add_argument("--plots", type=Path, default=Path("plots"), help="folder of the figure (plots)")
    given = parser.parse_args(arguments)
    try:
        found = studies(read_runs(_shown()), given.parameter)
        tables: dict[str, pd.DataFrame] = {}
        for study in found:
            try:
                tables.setdefault(study.title, compare(study, given.baseline))
            except InputError:  # a study of its own, without the baseline
                if study is found[0]:
                    raise
        text = markdown(given.parameter, given.baseline, tables)
        name = f"ablation-{given.parameter}"
        for folder in (given.metrics, given.plots):
            folder.mkdir(parents=True, exist_ok=True)
        table = pd.concat([table.assign(study=title) for title, table in tables.items()])
        _write(given.metrics / f"{name}.md", text + "\n")
        _write(given.metrics / f"{name}.csv", table.to_csv(index=False, lineterminator="\n", float_format="%.6g"))
        sweep_figure(given.plots / f"{name}.png", given.parameter, tables)
    except InputError as error:
        sys.exit(f"ablation: {error}")
    sys.stdout.write(text + "\n")


def _value(said: str) -> Any:
    """As params.yaml has it: a number, true or false, or else a name."""
    try:
        return json.loads(said)
    except json.JSONDecodeError:
        return said


def _shown() -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json", "--all-commits"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"`dvc exp show` failed: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}")
    return list(json.loads(done.stdout))


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


if __name__ == "__main__":
    main()
