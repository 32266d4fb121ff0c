"""Effects in made-up studies whose effects are known."""

import math
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from t2i.ablation.effects import compare, verdict
from t2i.ablation.experiments import read_experiments
from t2i.ablation.statistics import Estimate
from t2i.ablation.studies import find_studies
from tests.ablation.made_up import SWEEP, experiment, grid, shown

BOTH = ("loss.damsm_lambda", "loss.lambda")


def table_of(experiments: list[dict[str, Any]], *parameters: str, baseline: tuple[str, ...] = ()) -> pd.DataFrame:
    (study,), _ = find_studies(read_experiments(shown(*experiments)).runs, parameters or ("loss.lambda",))
    return compare(study, baseline or ("0",) * len(study.parameters))


def row(table: pd.DataFrame, metric: str, effect: str, *values: str) -> dict[str, Any]:
    parameters = [name for name in table if "." in str(name)]
    rows = table[(table["metric"] == metric) & (table["effect"] == effect)].to_dict("records")
    (found,) = [row for row in rows if tuple(row[name] for name in parameters) == values]
    return {str(key): entry for key, entry in found.items()}


def test_one_parameter() -> None:
    noisy = [experiment(0.2, seed, fid=-30 + 2 * (seed % 2)) for seed in range(4)]
    table = table_of([run for run in SWEEP if run not in SWEEP[4:8]] + noisy)
    fid = row(table, "FID (judge)", "difference", "0.2")
    assert fid["estimate"] == pytest.approx(-29) and fid["seeds"] == 4 and fid["paired"] == "yes"
    assert fid["relative_percent"] == pytest.approx(-100 * 29 / 604) and fid["verdict"] == "better"
    assert row(table, "FID (judge)", "difference", "1")["verdict"] == "no detectable difference"
    assert row(table, "FID (judge)", "mean", "0")["estimate"] == pytest.approx(600 + 3.5 + 0.5)
    assert row(table, "R-precision (judge)", "difference", "0.2")["verdict"] == "no detectable difference"
    assert row(table, "colour accuracy (mean of five)", "mean", "1")["estimate"] == pytest.approx(0.9)
    # lambda 1 shrinks all distances by a fifth: no consistency is gained
    for metric in ("distance, two captions of one image", "distance, captions of two images"):
        shrunk = row(table, metric, "difference", "1")
        assert shrunk["relative_percent"] == pytest.approx(-20) and shrunk["verdict"] == "differs"
    ratio = row(table, "distance ratio, same image / other image", "difference", "1")
    assert ratio["estimate"] == pytest.approx(0) and ratio["verdict"] == "no detectable difference"


def test_q_values_are_over_all_comparisons_of_a_table() -> None:
    differences = [-20.0, -50.0, -70.0, -100.0]
    runs = [experiment(0, seed) for seed in range(4)]
    runs += [experiment(0.2, seed, fid=differences[seed]) for seed in range(4)]
    table = table_of(runs)
    fid = row(table, "FID (judge)", "difference", "0.2")
    alone = stats.ttest_1samp(differences, 0).pvalue
    assert fid["p_value"] == pytest.approx(alone) and alone < 0.05 and abs(fid["estimate"]) > fid["half_width"]
    # of twelve comparisons it has the third smallest p-value: those of the distances are near 0, the rest are 1
    assert fid["q_value"] == pytest.approx(alone * 12 / 3) and fid["verdict"] == "no detectable difference"
    tested = table["p_value"].dropna()
    assert list(table["q_value"].dropna()) == pytest.approx(list(stats.false_discovery_control(tested)))
    assert len(tested) == 12 and set(table.loc[table["effect"] == "mean", "q_value"].isna()) == {True}


def test_main_effects_and_interaction_of_a_known_grid() -> None:
    table = table_of(grid(), *BOTH)
    expected = {
        ("difference", "0", "0.2"): -30, ("difference", "1", "0"): -20, ("difference", "1", "0.2"): -58,
        ("main effect", "1", "mean of 0, 0.2"): -24, ("main effect", "mean of 0, 1", "0.2"): -34,
        ("interaction", "1", "0.2"): -8,
    }  # fmt: skip
    fid = table[table["metric"] == "FID (judge)"]
    effects = fid[fid["effect"] != "mean"].to_dict("records")
    found = {(row["effect"], row[BOTH[0]], row[BOTH[1]]): row["estimate"] for row in effects}
    assert found == pytest.approx(expected)
    wobble = np.array([-0.5, 0.5, -0.5, 0.5])
    interaction = row(table, "FID (judge)", "interaction", "1", "0.2")
    assert interaction["p_value"] == pytest.approx(stats.ttest_1samp(-8 - wobble, 0).pvalue)
    assert math.isnan(interaction["relative_percent"]) and interaction["verdict"] == "interaction"
    main = row(table, "FID (judge)", "main effect", "mean of 0, 1", "0.2")
    low, high = stats.ttest_1samp(-30 + 2 * wobble + (-8 - wobble) / 2, 0).confidence_interval(0.95)
    assert main["half_width"] == pytest.approx((high - low) / 2) and main["verdict"] == "better"
    assert main["relative_percent"] == pytest.approx(-100 * 34 / (604 - 10))
    assert row(table, "IS (judge)", "interaction", "1", "0.2")["verdict"] == "no detectable interaction"


def test_effects_that_add_up_do_not_interact() -> None:
    runs = []
    for first, second in ((0.0, 0.0), (0.0, 0.2), (1.0, 0.0), (1.0, 0.2)):
        for seed in range(3):
            loss = {"lambda": second, "damsm_lambda": first, "gamma": 4.0}
            runs.append(experiment(second, seed, fid=-20 * first - 30 * (second > 0) + seed * first, loss=loss))
    interaction = row(table_of(runs, *BOTH), "FID (judge)", "interaction", "1", "0.2")
    assert (interaction["estimate"], interaction["p_value"]) == (0, 1)


def test_a_grid_of_a_selector_and_more_than_two_values() -> None:
    runs = [
        experiment(lambda_, seed, model=model, fid=seed + 10 * lambda_ + 50 * (model == "dmgan"))
        for model in ("attngan", "dmgan") for lambda_ in (0, 0.2, 1) for seed in range(2)
    ]  # fmt: skip
    table = table_of(runs, "model", "loss.lambda", baseline=("attngan", "0.2"))
    kinds = table[table["metric"] == "FID (judge)"]["effect"].value_counts().to_dict()
    assert kinds == {"mean": 6, "difference": 5, "main effect": 3, "interaction": 2}
    fid = table[(table["metric"] == "FID (judge)") & (table["effect"] == "main effect")]
    assert list(fid["estimate"]) == pytest.approx([50, -2, 8])
    assert list(fid["model"]) == ["dmgan", "mean of attngan, dmgan", "mean of attngan, dmgan"]


def test_cells_that_were_not_run() -> None:
    without = tuple((1.0, 0.2, seed) for seed in range(4))
    table = table_of(grid(leave_out=without), *BOTH)
    fid = table[table["metric"] == "FID (judge)"]
    assert row(fid, "FID (judge)", "mean", "1", "0.2")["seeds"] == 0
    assert row(fid, "FID (judge)", "main effect", "1", "mean of 0")["estimate"] == pytest.approx(-20)
    assert set(fid["effect"]) == {"mean", "difference", "main effect"}
    diagonal = [
        run
        for run in grid()
        if (loss := run["params"]["params.yaml"]["data"]["loss"])["lambda"] * 5 == loss["damsm_lambda"]
    ]
    table = table_of(diagonal, *BOTH)
    assert set(table["effect"]) == {"mean", "difference"}
    assert row(table, "FID (judge)", "difference", "1", "0.2")["estimate"] == pytest.approx(-58)


def test_seeds_that_a_cell_lacks_do_not_count_in_its_effects() -> None:
    table = table_of(grid(leave_out=((1.0, 0.2, 3),)), *BOTH)
    seeds = {effect: row(table, "FID (judge)", *effect)["seeds"] for effect in (
        ("difference", "1", "0"), ("difference", "1", "0.2"), ("interaction", "1", "0.2"), ("mean", "1", "0.2"),
    )}  # fmt: skip
    assert list(seeds.values()) == [4, 3, 3, 3]


def test_a_level_with_one_seed_leaves_the_others_their_pairs() -> None:
    lone = [
        experiment(1, 0, fid=0, loss={"lambda": 1, "damsm_lambda": first, "gamma": 4.0}) for first in (0.0, 1.0)
    ]  # fmt: skip
    main = row(table_of([*grid(), *lone], *BOTH), "FID (judge)", "main effect", "1", "mean of 0, 0.2")
    assert main == row(table_of(grid(), *BOTH), "FID (judge)", "main effect", "1", "mean of 0, 0.2") | {
        "q_value": main["q_value"]
    }
    assert main["estimate"] == -24 and main["seeds"] == 4 and main["verdict"] == "better"


def test_other_seeds_are_compared_unpaired() -> None:
    table = table_of([experiment(0, seed) for seed in (0, 1, 2)] + [experiment(0.2, seed) for seed in (4, 5, 7)])
    fid = row(table, "FID (judge)", "difference", "0.2")
    test = stats.ttest_ind([570, 578, 582], [600, 608, 596], equal_var=False)
    assert fid["paired"] == "no" and fid["p_value"] == pytest.approx(test.pvalue)


def test_one_seed_has_no_interval() -> None:
    for experiments, parameters in ((SWEEP[::4], ("loss.lambda",)), (grid(1), BOTH)):
        table = table_of(experiments, *parameters)
        assert table[["half_width", "p_value", "q_value"]].isna().all(axis=None)
        assert set(table.loc[table["effect"] != "mean", "verdict"]) == {"too few seeds, no interval"}


def test_scores_that_some_runs_lack_are_blank() -> None:
    runs = [experiment(lambda_, seed) for lambda_ in (0, 0.2) for seed in range(2)]
    for run in runs[2:]:
        del run["metrics"]["metrics/evaluate.json"]["data"]["fidelity"]["judge"]["kid"]
    lost = row(table_of(runs), "KID (judge)", "difference", "0.2")
    assert lost["seeds"] == 0 and math.isnan(lost["estimate"]) and lost["verdict"] == ""
    assert row(table_of(runs), "KID (judge)", "mean", "0")["seeds"] == 2


def test_order_of_experiments_does_not_matter() -> None:
    runs = [*grid(3), *grid(2, noise=2.0)]
    first = table_of(runs, *BOTH)
    for seed in range(3):
        random.Random(seed).shuffle(runs)
        pd.testing.assert_frame_equal(table_of(runs, *BOTH), first)


@pytest.mark.parametrize(
    ("mean", "q_value", "count", "better", "words"),
    [
        (-2.0, 0.01, 4, "lower", "better"), (-2.0, 0.01, 4, "higher", "worse"), (2.0, 0.01, 4, "higher", "better"),
        (2.0, 0.01, 4, "", "differs"), (2.0, 0.06, 4, "lower", "no detectable difference"),
        (2.0, float("nan"), 1, "lower", "too few seeds, no interval"), (float("nan"), float("nan"), 0, "lower", ""),
        (2.0, float("nan"), 3, "lower", "the same in all seeds, no test"),
    ],
)  # fmt: skip
def test_verdicts(mean: float, q_value: float, count: int, better: str, words: str) -> None:
    assert verdict(Estimate(mean, 1.0, count), q_value, better) == words
