"""One change at a time: runs beside one that they were changed from, whatever it is that was changed."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter

from t2i.ablation.experiments import Run, few
from t2i.ablation.metrics import Metric
from t2i.ablation.studies import (
    ABSENT,
    CHANGE,
    Group,
    Study,
    settings_of,
    short_names,
    study_of,
    title_of,
    told_apart,
)
from t2i.ablation.values import SELECTORS, value_label
from t2i.errors import InputError

UNCHANGED = "(none)"
"""The value of :data:`CHANGE` that the baseline has."""
_MAX_IN_LABEL = 4  # parameters; a whole block is no label of a column


def find_changes(
    runs: Iterable[Run],
    baseline: str,
    scores: Callable[[Run], Mapping[Metric, float]] = attrgetter("scores"),
) -> tuple[Study, list[str]]:
    """All experiments of the commit and code of a run, by how their parameters differ from its own.

    Scores that the commit came with are compared if they are the baseline.

    Args:
        baseline: name of the run that the others are compared with, each with those of its seed.
        scores: those of a run that are compared.

    Returns:
        A study whose only parameter is :data:`CHANGE`, with values like "norm_act = leaky_groupnorm", and the names of
        the experiments on other commits.

    Raises:
        InputError: no run, or runs of different commits or settings, have that name; or there is nothing else.
    """
    runs = list(runs)
    original = _named(runs, baseline)
    base = settings_of(original)
    here = [run for run in runs if run.commit == original.commit and (run is original or not run.of_commit)]
    settings = {_key(run): settings_of(run) for run in here}
    differing = {key: _differences(base, of_run) for key, of_run in settings.items()}
    short = short_names({name for names in differing.values() for name in names})
    labels = told_apart(
        {key: _label({short[name]: value for name, value in changed.items()}) for key, changed in differing.items()},
        settings,
    )
    if len(labels) < 2:
        raise InputError(
            f"no finished experiment of the commit and code of {baseline} differs from it in more than the seed; queue "
            "some: dvc exp run --queue --name NAME -S 'KEY=VALUE' -S 'seed=0,1'"
        )
    group: Group = {}
    for run in here:
        group.setdefault(((labels[_key(run)],), value_label(run.params.get("seed"))), []).append(run)
    elsewhere = sorted(run.name for run in runs if run.commit != original.commit and not run.of_commit)
    return study_of(title_of(original), (CHANGE,), group, scores), elsewhere


def _label(changed: Mapping[str, str]) -> str:
    """What was changed, in the words of tables and figures."""
    texts = [f"{name} = {value}" for name, value in changed.items()]
    if len(texts) > _MAX_IN_LABEL:
        return f"{', '.join(texts[: _MAX_IN_LABEL - 1])} and {len(texts) - _MAX_IN_LABEL + 1} more"
    return ", ".join(texts) or UNCHANGED


def _named(runs: Sequence[Run], name: str) -> Run:
    """The run of a name."""
    found = [run for run in runs if run.name == name]
    if not found:
        raise InputError(f"no finished experiment is named {name}; there are {few(sorted(run.name for run in runs))}")
    if len({(run.commit, _key(run)) for run in found}) > 1:
        raise InputError(f"{len(found)} runs are named {name}: give one of them another name, with `dvc exp rename`")
    return found[0]


def _key(run: Run) -> str:
    return json.dumps(settings_of(run), sort_keys=True)


def _differences(base: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """Parameters that differ -> their values in the other settings; of what a selector chose, the selector alone."""
    chosen = tuple(f"{block}." for selector, block in SELECTORS.items() if base.get(selector) != other.get(selector))
    names = [name for name in sorted(base.keys() | other.keys()) if not name.startswith(chosen)]
    changed = {name: other.get(name, ABSENT) for name in names if base.get(name) != other.get(name)}

    def is_told_by_another(name: str) -> bool:
        """A mapping that became null is told by that, and null that became a mapping by its entries."""
        return name not in other and any(name.startswith(f"{key}.") or key.startswith(f"{name}.") for key in other)

    return {name: value for name, value in changed.items() if not is_told_by_another(name)}
