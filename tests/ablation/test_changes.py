"""Made-up runs beside the one that they were changed from."""

from dataclasses import replace
from typing import Any

import pytest

from t2i.ablation.changes import UNCHANGED, find_changes
from t2i.ablation.experiments import Run, read_experiments
from t2i.ablation.studies import Study
from t2i.errors import InputError
from tests.ablation.made_up import experiment, shown

TITLE = "attngan, toy_birds, recipe quick, budget study, at 1234567"


def runs_of(*experiments: dict[str, Any]) -> list[Run]:
    return read_experiments(shown(*experiments)).runs


def changes_of(*experiments: dict[str, Any]) -> Study:
    return find_changes(runs_of(*experiments), "e0")[0]


def quick(**settings: Any) -> dict[str, Any]:
    return {"recipes": {"quick": {"lr": 1, **settings}, "paper": {"lr": 2}}}


def fids(study: Study) -> dict[str, dict[str, float]]:
    (metric,) = [metric for metric in study.metrics if metric.name == "FID (judge)"]
    return {cell[0]: study.values(metric, cell) for cell in study.cells}


def test_each_run_is_beside_the_unchanged_one_of_its_seed() -> None:
    study = changes_of(
        experiment(0, 0), experiment(0, 1), experiment(0.2, 0), experiment(0.2, 1), experiment(0, 0, **quick(lr=3))
    )
    assert study.title == TITLE and study.parameters == ("change",) and study.repeated == 0
    assert fids(study) == {
        UNCHANGED: {"0": 600, "1": 608}, "lambda = 0.2": {"0": 570, "1": 578}, "lr = 3": {"0": 600}
    }  # fmt: skip
    assert study.levels(0)[0] == UNCHANGED


def test_two_settings_changed_at_once_are_one_change() -> None:
    study = changes_of(experiment(0, 0), experiment(0.2, 0, judge={"lr": 2}, **quick(lr=3)))
    assert set(fids(study)) == {UNCHANGED, "judge.lr = 2, lambda = 0.2, quick.lr = 3"}


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"model": "dmgan"}, "model = dmgan"),  # not what models.dmgan says besides
        ({"recipe": "paper"}, "recipe = paper"),
        ({"recipe": "paper", "vocab": {"min_count": 2}}, "recipe = paper, min_count = 2"),
        (quick(augment=["contrast"]), 'augment = ["contrast"]'),
        (quick(backbone=None), "backbone = null"),
        (quick(a=1, b=2, c=3, d=4), "a = 1, b = 2, c = 3, d = 4"),
        (quick(a=1, b=2, c=3, d=4, e=5), "a = 1, b = 2, c = 3 and 2 more"),
        ({"judge": {}}, "lr = (absent)"),
        (quick(nothing={"name": "b", "side": 8}), "name = b, side = 8"),
        ({"runtime": {"precision": "bf16", "workers": 2}}, "precision = bf16"),
    ],
)
def test_the_words_for_a_change(changes: dict[str, Any], label: str) -> None:
    base = quick(augment=[], backbone={"name": "a", "side": 9}, nothing=None)
    study = changes_of(experiment(0, 0, **base), experiment(0, 0, **{**base, **changes, **_within(base, changes)}))
    assert set(fids(study)) == {UNCHANGED, label}


def _within(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Changes inside of the recipe keep its other entries."""
    if "recipes" not in changes:
        return {}
    return {"recipes": {"quick": base["recipes"]["quick"] | changes["recipes"]["quick"], "paper": {"lr": 2}}}


def test_one_block_chosen_with_different_entries_is_two_changes() -> None:
    study = changes_of(
        experiment(0, 0), experiment(0, 0, recipe="paper"),
        experiment(0, 0, recipe="paper", recipes={"quick": {"lr": 1}, "paper": {"lr": 7}}),
    )  # fmt: skip
    assert set(fids(study)) == {
        UNCHANGED, "recipe = paper, recipes.paper.lr 2", "recipe = paper, recipes.paper.lr 7"
    }  # fmt: skip


def test_settings_that_no_result_depends_on_are_no_change() -> None:
    study = changes_of(
        experiment(0, 0), experiment(0, 0, runtime={"precision": "auto", "workers": 9}), experiment(0.2, 0)
    )
    assert set(fids(study)) == {UNCHANGED, "lambda = 0.2"} and study.repeated == 1


def test_scores_that_the_commit_came_with_count_as_the_baseline_alone() -> None:
    runs = runs_of(experiment(0, 0), experiment(1, 0))
    own = replace(runs[-1], name="main", commit=runs[0].commit)
    assert own.of_commit and own.params["loss.lambda"] == 0.2
    assert set(fids(find_changes([*runs, own], "e0")[0])) == {UNCHANGED, "lambda = 1"}
    assert set(fids(find_changes([*runs, own], "main")[0])) == {UNCHANGED, "lambda = 0", "lambda = 1"}


def test_experiments_of_other_commits_are_named() -> None:
    runs = runs_of(experiment(0, 0), experiment(0.2, 0))
    assert find_changes([*runs, replace(runs[1], name="away", commit="9" * 40)], "e0")[1] == ["away"]


def test_nothing_to_compare() -> None:
    with pytest.raises(InputError, match="no finished experiment is named x; there are abcdefa, e0, e1$"):
        find_changes(runs_of(experiment(0, 0), experiment(0.2, 0)), "x")
    with pytest.raises(InputError, match="no finished experiment of the commit and code of e0 differs"):
        changes_of(experiment(0, 0), experiment(0, 1))
    runs = runs_of(experiment(0, 0), experiment(0.2, 0))
    twice = [replace(run, name="e0") for run in runs]
    with pytest.raises(InputError, match=r"3 runs are named e0: give one of them another name"):
        find_changes(twice, "e0")
