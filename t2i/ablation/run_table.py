"""Parameters and metrics of experiments as a table that can be committed, and read again elsewhere."""

import json
import warnings
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from t2i.ablation.experiments import Run
from t2i.ablation.values import value_label
from t2i.errors import InputError
from t2i.files import replacing

_PARAMETER, _METRIC = "params.", "metrics."
"""Before the names of columns."""


def write_runs(path: Path, runs: Iterable[Run], *, add: bool = False) -> int:
    """Write a line a run: its name and commit, parameters and metrics. Returns the number of lines.

    Args:
        path: CSV to write.
        add: keep the runs that the table has; those of the same name, commit and parameters are replaced.

    Raises:
        InputError: ``add``, and the file there is no such table; or two runs have the same name and commit, but not the
            same parameters.
    """
    lines: dict[tuple[str, str], Run] = {}
    for run in chain(read_runs(path) if add and path.exists() else [], runs):
        if (other := lines.get(_key(run))) and (name := _differing(other, run)):
            raise InputError(
                f"{path} has another run {run.name} of commit {run.short_commit}, with {name} = "
                f"{value_label(other.params[name])} and not {value_label(run.params[name])}: give this one another "
                "name, with `dvc exp rename` or in the table"
            )
        lines[_key(run)] = run
    table = pd.DataFrame([_line(lines[key]) for key in sorted(lines)])
    columns = sorted(map(str, table.columns), key=_group)
    with replacing(path) as part:
        table.to_csv(part, columns=columns, index=False, lineterminator="\n")
    return len(table)


def _key(run: Run) -> tuple[str, str]:
    """Two runs of one key cannot be in a table; scores that a commit came with have its name, which moves on."""
    return run.commit, "" if run.of_commit else run.name


def _differing(one: Run, other: Run) -> str | None:
    """A parameter in which two runs differ, but for the machine."""
    both = one.params.keys() & other.params.keys()
    names = (name for name in sorted(both) if not name.startswith("runtime."))
    return next((name for name in names if value_label(one.params[name]) != value_label(other.params[name])), None)


def _group(column: str) -> int:
    """Place of a column: what names the run, its parameters, its metrics."""
    return 1 if column.startswith(_PARAMETER) else 2 if column.startswith(_METRIC) else 0


def _line(run: Run) -> dict[str, Any]:
    line = {"run": run.name, "commit": run.commit, "of": "commit" if run.of_commit else "experiment"}
    line |= {f"{_PARAMETER}{name}": value_label(value) for name, value in run.params.items()}
    return line | {f"{_METRIC}{name}": value for name, value in run.numbers.items()}


def read_runs(path: Path) -> list[Run]:
    """The runs of a table.

    Raises:
        InputError: it is missing, or no such table.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a line with more cells than columns
            table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)  # "null" is a value
    except (OSError, ValueError, pd.errors.ParserWarning) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read as a table of runs: {reason}") from error
    if missing := [name for name in ("run", "commit", "of") if name not in table]:
        raise InputError(f"{path}: no table of runs, it has no column {missing[0]!r}; `t2i runs` writes one")
    runs = []
    for number, line in enumerate(table.to_dict("records"), 1):
        known = {str(name): value for name, value in line.items() if value}
        if empty := [name for name in ("run", "commit", "of") if name not in known]:
            raise InputError(f"{path}: run {number} has nothing in the column {empty[0]!r}")
        params = {
            name.removeprefix(_PARAMETER): _value(text) for name, text in known.items() if name.startswith(_PARAMETER)
        }
        metrics = {name.removeprefix(_METRIC): text for name, text in known.items() if name.startswith(_METRIC)}
        try:
            values = {name: float(text) for name, text in metrics.items()}
        except ValueError as error:
            raise InputError(f"{path}: run {number}: {error}") from error
        runs.append(Run(known["run"], known["commit"], params, values, known["of"] == "commit"))
    return runs


def _value(label: str) -> Any:
    """The value of a parameter that :func:`~t2i.ablation.values.value_label` wrote."""
    try:
        return json.loads(label)
    except json.JSONDecodeError:
        return label
