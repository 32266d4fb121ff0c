"""Which made-up experiments are compared, and what studies are called."""

import random
from typing import Any

import pytest

from t2i.ablation.experiments import Run, read_experiments
from t2i.ablation.studies import Study, find_studies
from t2i.ablation.values import value_label, value_order
from t2i.errors import InputError
from tests.ablation.made_up import SWEEP, experiment, grid, shown

LAMBDA = ("loss.lambda",)
BOTH = ("loss.damsm_lambda", "loss.lambda")
TITLE = "attngan, toy_birds, recipe quick, budget study, at 1234567"


def runs_of(*experiments: dict[str, Any]) -> list[Run]:
    return read_experiments(shown(*experiments)).runs


def studies_of(*experiments: dict[str, Any], parameters: tuple[str, ...] = LAMBDA) -> list[Study]:
    return find_studies(runs_of(*experiments), parameters)[0]


def score(study: Study, name: str, cell: tuple[str, ...]) -> dict[str, float]:
    (metric,) = [metric for metric in study.metrics if metric.name == name]
    return study.values(metric, cell)


def test_runs_that_differ_in_the_parameter_and_the_seed_are_a_study() -> None:
    (study,) = studies_of(*SWEEP)
    assert study.title == TITLE and study.levels(0) == ["0", "0.2", "1"] and study.repeated == 0
    assert {cell: sorted(runs) for cell, runs in study.cells.items()} == dict.fromkeys(
        (("0",), ("0.2",), ("1",)), ["0", "1", "2", "3"]
    )
    assert score(study, "FID (judge)", ("0.2",)) == {"0": 570, "1": 578, "2": 566, "3": 582}


def test_two_parameters_make_a_grid() -> None:
    (study,) = studies_of(*grid(2), parameters=BOTH)
    assert list(study.cells) == [("0", "0"), ("0", "0.2"), ("1", "0"), ("1", "0.2")]
    assert [study.levels(axis) for axis in (0, 1)] == [["0", "1"], ["0", "0.2"]]
    flipped = studies_of(*grid(2), parameters=BOTH[::-1])[0]
    assert score(flipped, "FID (judge)", ("0.2", "1")) == score(study, "FID (judge)", ("1", "0.2"))


@pytest.mark.parametrize(
    "changes",
    [
        {"recipes": {"quick": {"lr": 2}, "paper": {"lr": 1}}},
        {"budgets": {"study": {"steps": 10}}},
        {"datasets": {"toy_birds": {"flip": True}}},
        {"models": {"attngan": {"z": 6}}},
        {"judge": {"lr": 2}},
        {"vocab": {"min_count": 2}},
        {"loss": {"lambda": 0.2, "damsm_lambda": 1.0, "gamma": 5.0}},
        {"evaluate": {"folds": 2}},
        {"runtime": {"precision": "bf16", "workers": 2}},
        {"sample": {"protocol": "published"}},
    ],
)
def test_settings_that_change_a_result_separate_runs(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="no finished experiments on one commit differ in loss.lambda alone"):
        studies_of(experiment(0, 0), experiment(0.2, 0, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"recipes": {"quick": {"lr": 1}, "paper": {"lr": 9}}},
        {"budgets": {"study": {"steps": 9}, "smoke": {"steps": 7}}},
        {"models": {"attngan": {"z": 5}, "dmgan": {"z": 6}}},
        {"runtime": {"precision": "auto", "workers": 9}},
        {"evaluate": {"folds": 10, "extractors": ["judge", "dinov2-vit-b-14"]}},
        {"judge": {"lr": 1.0}},
        {"judge": {"lr": "1"}},
    ],
)
def test_settings_that_a_result_does_not_depend_on_do_not(changes: dict[str, Any]) -> None:
    assert len(studies_of(experiment(0, 0), experiment(0.2, 0, **changes))) == 1


def test_a_selector_is_compared_with_all_that_it_chooses() -> None:
    runs = [experiment(0, seed, recipe=recipe) for seed in range(2) for recipe in ("quick", "paper")]
    (study,) = studies_of(*runs, parameters=("recipe",))
    assert list(study.cells) == [("quick",), ("paper",)] and study.levels(0) == ["paper", "quick"]
    assert study.title == "attngan, toy_birds, budget study, at 1234567"
    other = [
        experiment(0, 0, recipe=recipe, recipes={"quick": {"lr": 1}, "paper": {"lr": 7}})
        for recipe in ("quick", "paper")
    ]
    apart = studies_of(*runs, *other, parameters=("recipe",))
    assert [study.title.rpartition(", ")[2] for study in apart] == ["recipes.paper.lr 2", "recipes.paper.lr 7"]


def test_all_below_a_name_may_be_compared_and_what_was_not_chosen_may_not() -> None:
    runs = [experiment(0, seed, judge={"lr": lr, "steps": 3}) for seed in range(2) for lr in (1, 2)]
    (study,) = studies_of(*runs, parameters=("judge",))
    assert study.levels(0) == ['{"lr": 1, "steps": 3}', '{"lr": 2, "steps": 3}']
    unused = [experiment(0, 0, models={"attngan": {"z": 5}, "dmgan": {"z": z}}) for z in (5, 6)]
    with pytest.raises(InputError, match="no finished experiment has a parameter 'models.dmgan.z'"):
        studies_of(*unused, parameters=("models.dmgan.z",))


def test_studies_are_apart_by_model_and_the_one_with_most_runs_comes_first() -> None:
    models = [*(experiment(lambda_, seed, model="dmgan") for lambda_ in (0, 0.2) for seed in range(2)), *SWEEP]
    first, second = studies_of(*models)
    assert first.title.startswith("attngan") and second.title.startswith("dmgan")


def test_studies_that_differ_in_what_the_title_leaves_out_are_told_apart() -> None:
    def study(count: int, **changes: Any) -> list[dict[str, Any]]:
        return [experiment(lambda_, seed, **changes) for lambda_ in (0, 0.2) for seed in range(count)]

    runs = [*study(4), *study(3, judge={"lr": 2, "steps": 5}), *study(2, judge={"lr": 1, "steps": None})]
    runs.append(experiment(0, 0, evaluate={"folds": 3}))
    assert [study.title for study in studies_of(*runs)] == [
        f"{TITLE}, judge.lr 1, judge.steps (absent)",
        f"{TITLE}, judge.lr 2, judge.steps 5",
        f"{TITLE}, judge.lr 1, judge.steps null",
    ]


def test_experiments_without_a_counterpart_are_named_and_commits_are_not() -> None:
    runs = [*SWEEP, experiment(0, 0, evaluate={"folds": 3})]
    old = experiment(0, 0)
    del old["params"]["params.yaml"]["data"]["loss"]["lambda"]
    _, alone = find_studies(runs_of(*runs, old), LAMBDA)
    assert alone == ["e12", "e13"]
    _, alone = find_studies(runs_of(*grid(1), experiment(1, 0, loss={"lambda": 1, "damsm_lambda": 9})), BOTH)
    assert alone == ["e4"]


def test_experiments_that_repeat_a_seed_count_once_with_their_mean() -> None:
    once, twice = experiment(0.2, 1), experiment(0.2, 1, fid=-20)
    (study,) = studies_of(*SWEEP[:5], once, twice)
    assert study.repeated == 1
    assert score(study, "FID (judge)", ("0.2",)) == {"0": 570, "1": 583}
    del twice["metrics"]["metrics/evaluate.json"]["data"]["r_precision"]
    (study,) = studies_of(*SWEEP[:5], once, twice)
    assert score(study, "R-precision (judge)", ("0.2",)) == {"0": 0.6, "1": 0.6}


def test_scores_of_a_commit_count_where_no_experiment_has_its_values() -> None:
    commits = shown(experiment(0, 0), experiment(0.2, 0))
    commits[1]["data"] = experiment(0.2, 0, fid=999)
    (study,), alone = find_studies(read_experiments(commits).runs, LAMBDA)
    assert score(study, "FID (judge)", ("0.2",)) == {"0": 570} and study.repeated == 0 and alone == []
    commits[1]["data"] = experiment(1, 0)
    assert find_studies(read_experiments(commits).runs, LAMBDA)[0][0].levels(0) == ["0", "0.2", "1"]


def test_order_of_experiments_does_not_matter() -> None:
    runs = runs_of(*SWEEP, *grid(3), *(experiment(lambda_, 0, model="dmgan") for lambda_ in (0, 0.2)), *SWEEP[:3])
    first = find_studies(runs, LAMBDA)
    for _ in range(5):
        random.Random(0).shuffle(runs)
        assert find_studies(runs, LAMBDA) == first


def test_a_run_without_a_seed_is_one_of_its_own() -> None:
    runs = [experiment(lambda_, seed) for lambda_ in (0, 0.2) for seed in (0, 3)]
    for run in runs[::2]:
        del run["params"]["params.yaml"]["data"]["seed"]
    (study,) = studies_of(*runs)
    assert sorted(study.cells["0",]) == ["3", "null"]


def test_what_cannot_be_compared_is_named() -> None:
    same = [experiment(0.2, 0), experiment(0.2, 1)]
    queue = "queue some: dvc exp run --queue -S 'loss.lambda=X,Y' -S 'seed=0,1,2,3'$"
    with pytest.raises(InputError, match=queue):
        studies_of(*same)
    with pytest.raises(InputError, match="no finished experiment has a parameter 'loss.lamda'; see `dvc exp show`"):
        studies_of(*same, parameters=("loss.lamda",))
    with pytest.raises(InputError, match="no finished experiment has a parameter 'x'"):
        studies_of(*same, parameters=("loss.lambda", "x"))
    with pytest.raises(InputError, match="no finished experiment has a parameter 'loss.lambda'"):
        find_studies([], LAMBDA)
    with pytest.raises(InputError, match="loss.lambda is named twice; name one parameter, or two different ones"):
        studies_of(*SWEEP, parameters=("loss.lambda", "loss.lambda"))
    for parameters in (("seed",), ("loss.lambda", "seed")):
        with pytest.raises(InputError, match="seed is not compared"):
            studies_of(*SWEEP, parameters=parameters)
    grid_line = (
        "form a grid of loss.damsm_lambda and loss.lambda .two values of each.; queue some: dvc exp run --queue "
    )
    with pytest.raises(InputError, match=f"{grid_line}-S 'loss.damsm_lambda=X,Y' -S 'loss.lambda=X,Y' -S 'seed="):
        studies_of(*SWEEP, parameters=BOTH)


def test_values_as_text() -> None:
    values = ["fp32", 10, 0.2, 2, 2.0, None, True, "1e-05", ["train", "test"], {"b": 1, "a": 2}]
    labels = ["fp32", "10", "0.2", "2", "2", "null", "true", "1e-05", '["train", "test"]', '{"a": 2, "b": 1}']
    assert [value_label(value) for value in values] == labels
    assert value_label(1e6) == value_label(1_000_000) == value_label("1000000") == "1000000"
    assert [value_label(value) for value in (0.1234567, 0.1234568)] == ["0.1234567", "0.1234568"]
    assert sorted({*labels[:6]}, key=value_order) == ["0.2", "2", "10", "fp32", "null"]
