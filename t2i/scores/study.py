"""Experiments put side by side: which of them may be compared, and what their scores say."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from t2i.errors import InputError
from t2i.scores.effects import Estimate, estimate, paired_difference

COLOURS = ("body", "belly", "wing", "crown", "beak")
_SHARED = ("data", "model", "budget", "vocab", "loss", "evaluate", "runtime.precision")


@dataclass(frozen=True)
class Score:
    """A number of metrics/evaluate.json, by its path or as a function of all of them."""

    name: str
    better: str
    of: Callable[[Mapping[str, Any]], float | None]


def _at(path: str) -> Callable[[Mapping[str, Any]], float | None]:
    return lambda metrics: metrics.get(path)


def _colours(metrics: Mapping[str, Any]) -> float | None:
    found = [metrics.get(f"attribute_accuracy.{colour}.fakes") for colour in COLOURS]
    return sum(found) / len(found) if None not in found else None  # type: ignore[arg-type]


SCORES = (
    Score("FID (judge)", "lower", _at("fidelity.judge_fid.fakes")),
    Score("FID (Inception)", "lower", _at("fidelity.inception_fid.fakes")),
    Score("R-precision (damsm)", "higher", _at("r_precision.damsm.fakes")),
    Score("R-precision (judge)", "higher", _at("r_precision.judge.fakes")),
    Score("distance, two captions of one image", "lower", _at("caption_consistency.distance_same_image")),
    Score("distance, captions of two images", "", _at("caption_consistency.distance_other_image")),
    Score("colours as said (mean of five)", "higher", _colours),
)


@dataclass(frozen=True)
class Run:
    """One experiment: its parameters and scores, flat, and the commit it hangs on."""

    name: str
    commit: str
    params: Mapping[str, Any]
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Study:
    """Runs that differ in the swept parameter and the seed alone.

    Attributes:
        title: what they have in common, in short.
        values: value of the parameter -> seed -> run.
    """

    title: str
    values: Mapping[Any, Mapping[int, Run]]


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` -> ``{"a.b": 1}``."""
    found: dict[str, Any] = {}
    for key, value in nested.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def read_runs(shown: list[dict[str, Any]]) -> list[Run]:
    """The finished experiments of ``dvc exp show --json``, and the commits themselves."""
    runs = []
    for commit in shown:
        if commit["rev"] == "workspace":
            continue
        candidates = [(commit.get("name") or commit["rev"][:7], commit.get("data"))]
        candidates += [
            (experiment.get("name") or "", experiment["revs"][0].get("data"))
            for experiment in commit.get("experiments") or []
            if experiment.get("revs")
        ]
        for name, data in candidates:
            params = ((data or {}).get("params") or {}).get("params.yaml", {}).get("data")
            metrics = ((data or {}).get("metrics") or {}).get("metrics/evaluate.json", {}).get("data")
            if params and metrics:
                scores = {score.name: score.of(flat(metrics)) for score in SCORES}
                known = {score: value for score, value in scores.items() if value is not None}
                runs.append(Run(name, commit["rev"], flat(params), known))
    return runs


def studies(runs: list[Run], parameter: str) -> list[Study]:
    """Groups of runs with two values or more of the parameter, the one with most runs first.

    Runs on different commits are not compared: the code may differ. Of blocks that a selector chooses from, only the
    chosen one counts.

    Raises:
        InputError: no run has such a parameter, or none differ in it alone.
    """
    if not any(parameter in run.params for run in runs):
        raise InputError(f"no finished experiment has a parameter {parameter!r}; see `dvc exp show`")
    groups: dict[str, dict[Any, dict[int, Run]]] = {}
    titles = {}
    for run in runs:
        if parameter not in run.params:
            continue
        kept = _relevant(run.params)
        value, seed = run.params[parameter], run.params["seed"]
        common = {key: kept[key] for key in sorted(kept) if key not in (parameter, "seed")}
        key = json.dumps([run.commit, common])
        groups.setdefault(key, {}).setdefault(value, {})[seed] = run
        titles[key] = f"{run.params['model']}, {run.params['data']}, budget {run.params['budget']}, at {run.commit[:7]}"
    found = [Study(titles[key], dict(sorted(values.items()))) for key, values in groups.items() if len(values) > 1]
    if not found:
        sweep = f"dvc exp run --queue -S '{parameter}=0,0.2' -S 'seed=0,1,2,3'"
        raise InputError(f"no two finished experiments on one commit differ in {parameter} alone; queue some: {sweep}")
    return sorted(found, key=lambda study: -sum(map(len, study.values.values())))


def _relevant(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without those that this run did not use or that change no result."""
    chosen = (
        f"datasets.{params.get('data')}.", f"models.{params.get('model')}.", f"budgets.{params.get('budget')}.",
    )  # fmt: skip
    return {
        key: value
        for key, value in params.items()
        if key.startswith(chosen) or key == "seed" or any(key == name or key.startswith(f"{name}.") for name in _SHARED)
    }


def compare(study: Study, baseline: Any) -> pd.DataFrame:
    """One row a score and value.

    Returns:
        columns score, better, value, mean, half_width, seeds, difference, difference_half_width, pairs, verdict.

    Raises:
        InputError: no run of the study has the baseline value.
    """
    if baseline not in study.values:
        have = ", ".join(map(str, study.values))
        raise InputError(f"{study.title}: no run has the baseline value {baseline}; there are {have} (--baseline)")
    rows = []
    for score in SCORES:
        per_value = {
            value: {seed: run.scores[score.name] for seed, run in by_seed.items() if score.name in run.scores}
            for value, by_seed in study.values.items()
        }
        if not any(per_value.values()):
            continue
        for value, by_seed in per_value.items():
            mean = estimate(list(by_seed.values()))
            difference = paired_difference(by_seed, per_value[baseline])
            rows.append(
                {
                    "score": score.name, "better": score.better, "value": value, "mean": mean.mean,
                    "half_width": mean.half_width, "seeds": mean.count, "difference": difference.mean,
                    "difference_half_width": difference.half_width, "pairs": difference.count,
                    "verdict": "" if value == baseline else verdict(difference, score.better),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def verdict(difference: Estimate, better: str) -> str:
    """What a paired difference says, in words."""
    if difference.count < 2:
        return "too few seeds to say"
    if not difference.differs_from_zero:
        return "no detectable difference"
    if not better:
        return "differs"
    return "better" if (difference.mean < 0) == (better == "lower") else "worse"
