"""Experiments of DVC: which of them may be compared, and what their scores say."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from t2i.ablation.statistics import CONFIDENCE, Estimate, adjusted_p_values, estimate, paired_difference
from t2i.errors import InputError

COLOURS = ("body", "belly", "wing", "crown", "beak")

_SELECTORS = {"model": "models", "data": "datasets", "recipe": "recipes", "budget": "budgets"}
"""Parameters that choose an entry of a block."""

_SHARED = (*_SELECTORS, "vocab", "loss", "judge", "evaluate", "runtime.precision")
"""Parameters and blocks that every result depends on, beside the chosen entries."""


@dataclass(frozen=True)
class Metric:
    """A number that is compared.

    Attributes:
        better: "lower", "higher", or "" where neither is.
        value: the number in a flat metrics/evaluate.json; None if it is not there.
    """

    name: str
    better: str
    value: Callable[[Mapping[str, Any]], float | None]


def _path(path: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda metrics: metrics.get(path)


def _mean_colour_accuracy(metrics: Mapping[str, Any]) -> float | None:
    values = [metrics.get(f"attribute_accuracy.{colour}.fakes") for colour in COLOURS]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(COLOURS) else None


METRICS = (
    Metric("FID (judge)", "lower", _path("fidelity.judge_fid.fakes")),
    Metric("FID (inception)", "lower", _path("fidelity.inception_fid.fakes")),
    Metric("R-precision (damsm)", "higher", _path("r_precision.damsm.fakes")),
    Metric("R-precision (judge)", "higher", _path("r_precision.judge.fakes")),
    Metric("distance, two captions of one image", "lower", _path("caption_consistency.distance_same_image")),
    Metric("distance, captions of two images", "", _path("caption_consistency.distance_other_image")),
    Metric("colour accuracy (mean of five)", "higher", _mean_colour_accuracy),
)


@dataclass(frozen=True)
class Run:
    """A finished experiment: its parameters and scores, flat, and the commit it was started from."""

    name: str
    commit: str
    params: Mapping[str, Any]
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Study:
    """Runs that differ in one parameter and the seed alone.

    Attributes:
        title: what they have in common, in short, and what tells them from other studies.
        values: value of the parameter, as :func:`value_label` writes it -> seed -> run.
    """

    title: str
    values: Mapping[str, Mapping[int, Run]]


def show_experiments() -> list[dict[str, Any]]:
    """All commits and their experiments, as ``dvc exp show --json`` prints them.

    ``dvc.api.exp_show`` does not do: it covers one branch, turns values into text, and leaves out the commit of an
    experiment.

    Raises:
        InputError: DVC fails, as outside of a repository.
    """
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json", "--all-commits"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"`dvc exp show` failed: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}")
    return list(json.loads(done.stdout))


def read_runs(commits: list[dict[str, Any]]) -> list[Run]:
    """The finished ones of :func:`show_experiments`; a commit counts as an experiment of its own."""
    runs = []
    for commit in commits:
        if commit["rev"] == "workspace":
            continue
        entries = [(commit.get("name") or commit["rev"][:7], commit.get("data"))]
        entries += [
            (experiment.get("name") or "", experiment["revs"][0].get("data"))
            for experiment in commit.get("experiments") or []
            if experiment.get("revs")
        ]
        for name, data in entries:
            params = ((data or {}).get("params") or {}).get("params.yaml", {}).get("data")
            metrics = ((data or {}).get("metrics") or {}).get("metrics/evaluate.json", {}).get("data")
            if params and metrics:
                scores = {metric.name: metric.value(flatten(metrics)) for metric in METRICS}
                known = {metric: value for metric, value in scores.items() if value is not None}
                runs.append(Run(name, commit["rev"], flatten(params), known))
    return runs


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` -> ``{"a.b": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def find_studies(runs: list[Run], parameter: str) -> list[Study]:
    """Groups of runs with at least two values of the parameter, the one with most runs first.

    Runs on different commits are not compared: the code may differ. Of blocks that a selector chooses from, only the
    chosen entry counts.

    Raises:
        InputError: no run has such a parameter, or no two differ in it alone.
    """
    if not any(parameter in run.params for run in runs):
        raise InputError(f"no finished experiment has a parameter {parameter!r}; see `dvc exp show`")
    groups: dict[str, dict[str, dict[int, Run]]] = {}
    titles = {}
    for run in runs:
        if parameter not in run.params:
            continue
        value, seed = value_label(run.params[parameter]), run.params["seed"]
        key = json.dumps([run.commit, _relevant(run.params, parameter)], sort_keys=True)
        groups.setdefault(key, {}).setdefault(value, {})[seed] = run
        titles[key] = _title(run, parameter)
    groups = {key: values for key, values in groups.items() if len(values) > 1}
    titles = _told_apart({key: titles[key] for key in groups})
    studies = [
        Study(titles[key], {value: values[value] for value in sorted(values, key=value_order)})
        for key, values in groups.items()
    ]
    if not studies:
        sweep = f"dvc exp run --queue -S '{parameter}=0,0.2' -S 'seed=0,1,2,3'"
        raise InputError(f"no two finished experiments on one commit differ in {parameter} alone; queue some: {sweep}")
    return sorted(studies, key=lambda study: -sum(map(len, study.values.values())))


def value_label(value: Any) -> str:
    """A value of params.yaml as text: 0.2, true, null, bf16; the same for a number and its text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError:
            return str(value)
    if not isinstance(value, float):
        return json.dumps(value)
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    short = f"{value:g}"
    return short if float(short) == value else repr(value)  # values that differ stay apart


def value_order(label: str) -> tuple[bool, float, str]:
    """Sort key of labels: numbers by size, then the rest by name."""
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


def _relevant(params: Mapping[str, Any], parameter: str) -> dict[str, Any]:
    """Parameters that a result depends on, without the compared one and the seed.

    If a selector is compared, the entries that it chooses belong to its values.
    """
    chosen = tuple(f"{block}.{params.get(name)}." for name, block in _SELECTORS.items() if name != parameter)
    return {
        key: value
        for key, value in params.items()
        if key not in (parameter, "seed")
        and (key.startswith(chosen) or any(key == name or key.startswith(f"{name}.") for name in _SHARED))
    }


def _title(run: Run, parameter: str) -> str:
    parts = {
        "model": run.params.get("model"),
        "data": run.params.get("data"),
        "recipe": f"recipe {run.params.get('recipe')}",
        "budget": f"budget {run.params.get('budget')}",
    }
    return ", ".join([*(str(part) for name, part in parts.items() if name != parameter), f"at {run.commit[:7]}"])


def _told_apart(titles: Mapping[str, str]) -> dict[str, str]:
    """Titles by key; equal ones are followed by the parameters in which their keys differ."""
    groups: dict[str, list[str]] = {}
    for key, title in titles.items():
        groups.setdefault(title, []).append(key)
    different = {}
    for title, keys in groups.items():
        params = {key: json.loads(key)[1] for key in keys}
        for key, of_key in params.items():
            others = [other for other in params.values() if other is not of_key]
            parts = [
                f"{name} {value_label(value)}"
                for name, value in of_key.items()
                if any(other.get(name) != value for other in others)
            ]
            different[key] = ", ".join([title, *parts])
    return different


def compare(study: Study, baseline: str) -> pd.DataFrame:
    """Means of each metric and value, and paired differences to the baseline.

    Returns:
        One row a metric and value, with columns metric, better, value, mean, half_width, seeds, difference,
        difference_half_width, pairs, adjusted_p, verdict. P-values are adjusted for all comparisons of the table.

    Raises:
        InputError: no run of the study has the baseline value.
    """
    if baseline not in study.values:
        values = ", ".join(study.values)
        raise InputError(f"{study.title}: no run has the baseline value {baseline}; there are {values} (--baseline)")
    rows, differences = [], []
    for metric in METRICS:
        per_value = {
            value: {seed: run.scores[metric.name] for seed, run in by_seed.items() if metric.name in run.scores}
            for value, by_seed in study.values.items()
        }
        if not any(per_value.values()):
            continue
        for value, by_seed in per_value.items():
            mean, difference = estimate(list(by_seed.values())), paired_difference(by_seed, per_value[baseline])
            rows.append(
                {
                    "metric": metric.name, "better": metric.better, "value": value, "mean": mean.mean,
                    "half_width": mean.half_width, "seeds": mean.count, "difference": difference.mean,
                    "difference_half_width": difference.half_width, "pairs": difference.count,
                }
            )  # fmt: skip
            differences.append(difference if value != baseline else None)
    adjusted = adjusted_p_values([float("nan") if d is None else d.p_value for d in differences])
    table = pd.DataFrame(rows).assign(adjusted_p=adjusted)
    table["verdict"] = [
        "" if difference is None else verdict(difference, p_value, better)
        for difference, p_value, better in zip(differences, adjusted, table["better"], strict=True)
    ]
    return table


def verdict(difference: Estimate, adjusted_p: float, better: str) -> str:
    """A paired difference in words."""
    if difference.count < 2:
        return "too few seeds"
    if adjusted_p > 1 - CONFIDENCE:
        return "no detectable difference"
    if not better:
        return "differs"
    return "better" if (difference.mean < 0) == (better == "lower") else "worse"
