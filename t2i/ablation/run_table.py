"""Parameters and metrics of experiments as a table that can be committed, and read again elsewhere."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from t2i.ablation.experiments import Run
from t2i.ablation.studies import SELECTORS, value_label
from t2i.errors import InputError
from t2i.files import replacing

_PARAMETER, _METRIC = "params.", "metrics."
"""Before the names of columns."""


def write_runs(path: Path, runs: Iterable[Run], commit: str = "", names: Sequence[str] = ()) -> int:
    """Write a line a run: its name and commit, parameters and metrics. Returns the number of lines.

    Parameters that are the same in all runs, but for the selectors and the seed, are left out: the commit has them.

    Args:
        path: CSV to write.
        commit: of the runs that are written, or how it begins; "": of all.
        names: patterns of their names, with * for any letters; of all without one.

    Raises:
        InputError: there is no such run.
    """
    lines = []
    for run in runs:
        named = not names or any(fnmatchcase(run.name, pattern) for pattern in names)
        if named and run.commit.startswith(commit):
            line = {"run": run.name, "commit": run.commit, "of": "commit" if run.of_commit else "experiment"}
            line |= {f"{_PARAMETER}{name}": value_label(value) for name, value in run.params.items()}
            lines.append(line | {f"{_METRIC}{name}": value for name, value in run.numbers.items()})
    if not lines:
        which = [*([f"named {' or '.join(names)}"] if names else []), *([f"on commit {commit}"] if commit else [])]
        raise InputError(f"{' '.join(['no finished experiment', *which])}; see `dvc exp show -A`")
    table = pd.DataFrame(lines).sort_values(["commit", "run"])
    always = {f"{_PARAMETER}{name}" for name in (*SELECTORS, "seed")}
    parameters = [name for name in map(str, table) if name.startswith(_PARAMETER) and name not in always]
    table = table.drop(columns=[name for name in parameters if table[name].nunique(dropna=False) == 1])
    with replacing(path) as part:
        table.to_csv(part, index=False, lineterminator="\n")
    return len(table)


def read_runs(path: Path) -> list[Run]:
    """The runs of a table.

    Raises:
        InputError: it is missing, or no such table.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)  # "null" is a value
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a table of runs: {str(error).splitlines()[0]}") from error
    if missing := [name for name in ("run", "commit", "of") if name not in table]:
        raise InputError(f"{path}: no table of runs, it has no column {missing[0]!r}; `t2i runs` writes one")
    runs = []
    for line in table.to_dict("records"):
        known = {str(name): value for name, value in line.items() if value}
        params = {name.removeprefix(_PARAMETER): text for name, text in known.items() if name.startswith(_PARAMETER)}
        metrics = {name.removeprefix(_METRIC): text for name, text in known.items() if name.startswith(_METRIC)}
        try:
            values = {name: float(text) for name, text in metrics.items()}
        except ValueError as error:
            raise InputError(f"{path}: run {known.get('run')}: {error}") from error
        runs.append(Run(known["run"], known["commit"], params, values, known["of"] == "commit"))
    return runs
