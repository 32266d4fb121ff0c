"""Which made-up experiments, in the shape of `dvc exp show --json`, are compared, and how."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from t2i.ablation.experiments import (
    compare,
    find_studies,
    flatten,
    read_runs,
    show_experiments,
    value_label,
    value_order,
    verdict,
)
from t2i.ablation.statistics import Estimate
from t2i.errors import InputError
from tests.ablation.made_up import SWEEP, experiment, shown


def row(table: pd.DataFrame, metric: str, value: str) -> dict[str, Any]:
    (found,) = table[(table["metric"] == metric) & (table["value"] == value)].to_dict("records")
    return {str(key): entry for key, entry in found.items()}


def test_runs_are_compared_by_seed() -> None:
    (study,) = find_studies(read_runs(shown(*SWEEP)), "loss.lambda")
    assert study.title == "attngan, toy_birds, recipe quick, budget study, at 1234567"
    assert {value: sorted(runs) for value, runs in study.values.items()} == dict.fromkeys(
        ("0", "0.2", "1"), [0, 1, 2, 3]
    )
    table = compare(study, "0")
    fid = row(table, "FID (judge)", "0.2")
    assert fid["difference"] == pytest.approx(-30) and fid["pairs"] == 4 and fid["verdict"] == "better"
    assert row(table, "FID (judge)", "1")["verdict"] == "no detectable difference"
    assert row(table, "FID (judge)", "0")["mean"] == pytest.approx(600 + 3.5 + 0.5)
    assert row(table, "distance, two captions of one image", "1")["difference"] == pytest.approx(-0.1)
    assert row(table, "R-precision (judge)", "0.2")["verdict"] == "no detectable difference"
    assert row(table, "colour accuracy (mean of five)", "1")["mean"] == pytest.approx(0.9)
    assert "FID (inception)" not in set(table["metric"])


def test_significance_is_adjusted_for_all_comparisons_of_a_table() -> None:
    differences = [-20.0, -50.0, -70.0, -100.0]
    runs = [experiment(0, seed) for seed in range(4)]
    runs += [experiment(0.2, seed, fid=differences[seed]) for seed in range(4)]
    (study,) = find_studies(read_runs(shown(*runs)), "loss.lambda")
    fid = row(compare(study, "0"), "FID (judge)", "0.2")
    alone = stats.ttest_1samp(differences, 0).pvalue
    assert alone < 0.05 and abs(fid["difference"]) > fid["difference_half_width"]
    # of five comparisons it has the second smallest p-value: that of the distance is 0, those of the rest are 1
    assert fid["adjusted_p"] == pytest.approx(alone * 5 / 2) and fid["verdict"] == "no detectable difference"


@pytest.mark.parametrize(
    "changes",
    [
        {"recipes": {"quick": {"lr": 2}, "paper": {"lr": 1}}},
        {"budgets": {"study": {"steps": 10}}},
        {"datasets": {"toy_birds": {"flip": True}}},
        {"models": {"attngan": {"z": 6}}},
        {"judge": {"lr": 2}},
        {"vocab": {"min_count": 2}},
        {"loss": {"lambda": 0.2, "gamma": 5.0}},
        {"evaluate": {"folds": 2}},
        {"runtime": {"precision": "bf16", "workers": 2}},
    ],
)
def test_settings_that_change_a_result_separate_runs(changes: dict[str, Any]) -> None:
    runs = [experiment(0, 0), experiment(0.2, 0, **changes)]
    with pytest.raises(InputError, match="no two finished experiments"):
        find_studies(read_runs(shown(*runs)), "loss.lambda")


@pytest.mark.parametrize(
    "changes",
    [
        {"recipes": {"quick": {"lr": 1}, "paper": {"lr": 9}}},
        {"budgets": {"study": {"steps": 9}, "smoke": {"steps": 7}}},
        {"models": {"attngan": {"z": 5}, "dmgan": {"z": 6}}},
        {"runtime": {"precision": "auto", "workers": 9}},
    ],
)
def test_settings_that_a_run_did_not_use_do_not(changes: dict[str, Any]) -> None:
    runs = [experiment(0, 0), experiment(0.2, 0, **changes)]
    assert len(find_studies(read_runs(shown(*runs)), "loss.lambda")) == 1


def test_a_selector_is_compared_with_all_that_it_chooses() -> None:
    runs = [experiment(0, seed, recipe=recipe) for seed in range(2) for recipe in ("quick", "paper")]
    (study,) = find_studies(read_runs(shown(*runs)), "recipe")
    assert list(study.values) == ["paper", "quick"] and study.title == "attngan, toy_birds, budget study, at 1234567"


def test_studies_are_apart_by_model_and_the_one_with_most_runs_comes_first() -> None:
    models = [*(experiment(lambda_, seed, model="dmgan") for lambda_ in (0, 0.2) for seed in range(2)), *SWEEP]
    first, second = find_studies(read_runs(shown(*models)), "loss.lambda")
    assert first.title.startswith("attngan") and second.title.startswith("dmgan")


def test_studies_that_differ_in_what_the_title_leaves_out_are_told_apart() -> None:
    def study(count: int, **changes: Any) -> list[dict[str, Any]]:
        return [experiment(lambda_, seed, **changes) for lambda_ in (0, 0.2) for seed in range(count)]

    runs = [*study(3), *study(2, judge={"lr": 2, "steps": 5}), experiment(0, 0, evaluate={"folds": 3})]
    assert [study.title for study in find_studies(read_runs(shown(*runs)), "loss.lambda")] == [
        "attngan, toy_birds, recipe quick, budget study, at 1234567, judge.lr 1",
        "attngan, toy_birds, recipe quick, budget study, at 1234567, judge.lr 2, judge.steps 5",
    ]


def test_what_cannot_be_compared_is_named() -> None:
    runs = read_runs(shown(experiment(0.2, 0), experiment(0.2, 1)))
    with pytest.raises(
        InputError, match="differ in loss.lambda alone; queue some: dvc exp run --queue -S 'loss.lambda=0,0.2'"
    ):
        find_studies(runs, "loss.lambda")
    with pytest.raises(InputError, match="no finished experiment has a parameter 'loss.lamda'"):
        find_studies(runs, "loss.lamda")
    (study,) = find_studies(read_runs(shown(*SWEEP)), "loss.lambda")
    with pytest.raises(InputError, match="no run has the baseline value 3; there are 0, 0.2, 1"):
        compare(study, "3")


@pytest.mark.parametrize(
    ("mean", "p_value", "count", "better", "words"),
    [
        (-2.0, 0.01, 4, "lower", "better"), (-2.0, 0.01, 4, "higher", "worse"), (2.0, 0.01, 4, "higher", "better"),
        (2.0, 0.01, 4, "", "differs"), (2.0, 0.06, 4, "lower", "no detectable difference"),
        (2.0, float("nan"), 1, "lower", "too few seeds"),
    ],
)  # fmt: skip
def test_verdicts(mean: float, p_value: float, count: int, better: str, words: str) -> None:
    assert verdict(Estimate(mean, 1.0, count), p_value, better) == words


def test_nested_parameters_become_flat() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": 2}}, "e": [1]}) == {"a.b": 1, "a.c.d": 2, "e": [1]}


def test_values_as_text() -> None:
    values = ["fp32", 10, 0.2, 2, 2.0, None, True, "1e-05", ["train", "test"]]
    labels = ["fp32", "10", "0.2", "2", "2", "null", "true", "1e-05", '["train", "test"]']
    assert [value_label(value) for value in values] == labels
    assert value_label(1e6) == value_label(1_000_000) == value_label("1000000") == "1000000"
    assert [value_label(value) for value in (0.1234567, 0.1234568)] == ["0.1234567", "0.1234568"]
    assert sorted({*labels[:6]}, key=value_order) == ["0.2", "2", "10", "fp32", "null"]


@pytest.mark.slow
def test_outside_of_a_repository_dvc_gives_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="^`dvc exp show` failed: ERROR: .*repository"):
        show_experiments()
