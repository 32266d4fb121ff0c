"""Which experiments may be compared: groups that differ in the compared parameters and the seed alone."""

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from t2i.ablation.experiments import Run
from t2i.ablation.metrics import Metric
from t2i.ablation.values import counts, value_label, value_order
from t2i.errors import InputError

Cell = tuple[str, ...]
"""A value of each compared parameter, as :func:`~t2i.ablation.values.value_label` writes it."""

ABSENT = "(absent)"

CHANGE = "change"
"""The parameter of a study of :mod:`t2i.ablation.changes`; its values say for themselves what differs."""


@dataclass(frozen=True)
class Study:
    """Runs on one commit that differ in the compared parameters and the seed alone.

    Attributes:
        title: what they have in common, in short, and what tells them from other studies.
        parameters: the compared ones, as in params.yaml.
        cells: values of the parameters -> seed -> scores.
        repeated: cells and seeds that more than one experiment has; their scores are the means over these.
    """

    title: str
    parameters: tuple[str, ...]
    cells: Mapping[Cell, Mapping[str, Mapping[Metric, float]]]
    repeated: int = 0

    @property
    def metrics(self) -> list[Metric]:
        """Those that any run has, in the order of a table."""
        return sorted({metric for by_seed in self.cells.values() for scores in by_seed.values() for metric in scores})

    def levels(self, axis: int) -> list[str]:
        """Values of a parameter, in order."""
        return sorted({cell[axis] for cell in self.cells}, key=value_order)

    def values(self, metric: Metric, cell: Cell) -> dict[str, float]:
        """Seed -> score of the runs of a cell that have it."""
        return {seed: scores[metric] for seed, scores in self.cells.get(cell, {}).items() if metric in scores}


Group = dict[tuple[Cell, str], list[Run]]
"""Runs that may be compared: values of the parameters and seed -> runs."""


def find_studies(
    runs: Iterable[Run],
    parameters: tuple[str, ...],
    scores: Callable[[Run], Mapping[Metric, float]] = attrgetter("scores"),
) -> tuple[list[Study], list[str]]:
    """Groups of runs with at least two values of each parameter, the one with most runs first.

    Runs of different commits or code are not compared. Of blocks that a selector chooses from, only the
    chosen entry counts, and all of them if the selector is compared. The scores that a commit came with count where no
    experiment has their values and seed.

    Args:
        scores: those of a run that are compared.

    Returns:
        The studies, and the names of the experiments that are in none.

    Raises:
        InputError: the parameters cannot be compared, or no run has them, or no runs differ in them alone.
    """
    runs = list(runs)
    _check(runs, parameters)
    groups: dict[str, Group] = {}
    alone = []
    for run in runs:
        labels = tuple(label for name in parameters if (label := _label_of(run.params, name)) is not None)
        if len(labels) < len(parameters):
            alone.append(run)
            continue
        place = labels, value_label(run.params.get("seed"))
        groups.setdefault(_key(run, parameters), {}).setdefault(place, []).append(run)
    studies = {
        key: group
        for key, group in groups.items()
        if all(len({cell[axis] for cell, _ in group}) > 1 for axis in range(len(parameters)))
    }
    others = [group for key, group in groups.items() if key not in studies]
    alone += [run for group in others for of_place in group.values() for run in of_place]
    if not studies:
        values = " ".join(f"-S '{name}=X,Y'" for name in parameters)
        differ = "differ in {} alone" if len(parameters) == 1 else "form a grid of {} (two values of each)"
        raise InputError(
            f"no finished experiments on one commit {differ.format(' and '.join(parameters))}; "
            f"queue some: dvc exp run --queue {values} -S 'seed=0,1,2,3'"
        )
    titles = told_apart(
        {key: title_of(next(iter(group.values()))[0], parameters) for key, group in studies.items()},
        {key: settings_of(next(iter(group.values()))[0], parameters) for key, group in studies.items()},
    )
    found = [study_of(titles[key], parameters, group, scores) for key, group in studies.items()]
    found.sort(key=lambda study: (-sum(map(len, study.cells.values())), study.title))
    return found, sorted(run.name for run in alone if not run.of_commit)


def setting(parameters: tuple[str, ...], cell: Cell) -> str:
    """A cell in words: "loss.lambda = 0.2"."""
    return ", ".join(
        value if name == CHANGE else f"{name} = {value}" for name, value in zip(parameters, cell, strict=True)
    )


def short_names(names: Collection[str]) -> dict[str, str]:
    """Names -> their last parts, as many as tell them apart."""
    short = {}
    for name in names:
        parts = name.split(".")
        ends = (".".join(parts[-count:]) for count in range(1, len(parts)))
        others = [f".{other}" for other in names if other != name]
        short[name] = next((end for end in ends if not any(other.endswith(f".{end}") for other in others)), name)
    return short


def _check(runs: Sequence[Run], parameters: tuple[str, ...]) -> None:
    if len(set(parameters)) < len(parameters):
        raise InputError(f"{parameters[0]} is named twice; name one parameter, or two different ones")
    if "seed" in parameters:
        raise InputError("seed is not compared: experiments that differ in it alone are the sample of one setting")
    for name in parameters:
        if above := next((other for other in parameters if name.startswith(f"{other}.")), None):
            raise InputError(f"{above} holds {name}: compare one of them")
        if not any(_label_of(run.params, name) is not None for run in runs):
            raise InputError(f"no finished experiment has a parameter {name!r}; see `dvc exp show`")


def _label_of(params: Mapping[str, Any], name: str) -> str | None:
    """The value of a parameter, or of all below it, that the run depends on; None if there is none."""
    if name in params:
        return value_label(params[name]) if counts(name, params) else None
    below = {key: value for key, value in params.items() if key.startswith(f"{name}.") and counts(key, params)}
    return value_label({key.removeprefix(f"{name}."): value for key, value in below.items()}) if below else None


def _key(run: Run, parameters: tuple[str, ...]) -> str:
    """What has to be equal for runs to be compared: the commit, and all that a result depends on."""
    return json.dumps([run.commit, settings_of(run, parameters)], sort_keys=True)


def settings_of(run: Run, compared: tuple[str, ...] = ()) -> dict[str, str]:
    """What the result of a run depends on, but for its seed and the compared parameters: name -> value.

    The machine (``runtime``) counts only by its precision, and the networks that score decide which scores there are.
    """
    out = ("seed", "evaluate.extractors", *compared)
    return {
        key: value_label(value)
        for key, value in run.params.items()
        if not any(key == name or key.startswith(f"{name}.") for name in out)
        and (not key.startswith("runtime.") or key == "runtime.precision")
        and counts(key, run.params, compared)
    }


def study_of(
    title: str, parameters: tuple[str, ...], group: Group, scores: Callable[[Run], Mapping[Metric, float]]
) -> Study:
    """The scores of a group; those that a commit came with count where no experiment has its values and seed."""
    cells: dict[Cell, dict[str, dict[Metric, float]]] = {}
    repeated = 0
    for (cell, seed), of_place in group.items():
        experiments = [run for run in of_place if not run.of_commit] or of_place
        repeated += len(experiments) > 1
        compared = [scores(run) for run in experiments]
        known = {metric for each in compared for metric in each}
        per_metric = {metric: [each[metric] for each in compared if metric in each] for metric in known}
        cells.setdefault(cell, {})[seed] = {
            name: math.fsum(values) / len(values) for name, values in per_metric.items()
        }
    return Study(title, parameters, cells, repeated)


def title_of(run: Run, compared: tuple[str, ...] = ()) -> str:
    """What a run is, in short: model, data, recipe, budget and commit, but for what is compared."""
    parts = {
        "model": run.params.get("model"),
        "data": run.params.get("data"),
        "recipe": f"recipe {run.params.get('recipe')}",
        "budget": f"budget {run.params.get('budget')}",
    }
    shown = [str(part) for name, part in parts.items() if name not in compared]
    return ", ".join([*shown, f"at {run.short_commit}"])


def told_apart(titles: Mapping[str, str], settings: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Titles by key; equal ones are followed by the settings of their keys that differ."""
    groups: dict[str, list[str]] = {}
    for key, title in titles.items():
        groups.setdefault(title, []).append(key)
    different = {}
    for title, keys in groups.items():
        names = sorted({name for key in keys for name in settings[key]})
        differing = [name for name in names if len({settings[key].get(name, ABSENT) for key in keys}) > 1]
        for key in keys:
            different[key] = ", ".join([title, *(f"{name} {settings[key].get(name, ABSENT)}" for name in differing)])
    return different
