"""Files that an ablation writes."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from t2i.ablation import tables
from t2i.ablation.experiments import read_experiments
from t2i.ablation.run_table import write_runs
from t2i.ablation.tables import write_ablation
from t2i.errors import InputError
from tests.ablation.made_up import SWEEP, experiment, grid, shown

BOTH = ("loss.damsm_lambda", "loss.lambda")
TITLE = "attngan, toy_birds, recipe quick, budget study, at 1234567"


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the repository have these experiments; figures, which take seconds, are empty files."""
    for name in ("ablation_figure", "grid_figure", "snapshot_figure"):
        monkeypatch.setattr(tables, name, lambda path, *_: path.parent.mkdir(exist_ok=True) or path.touch())
    return lambda *runs: monkeypatch.setattr(tables, "show_experiments", lambda: shown(*runs))


def cells(text: str) -> list[list[str]]:
    """Those of the tables of a Markdown text, without the lines below headers."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|:")]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_tables_and_figure(tmp_path: Path, show: Any) -> None:
    dmgan = [experiment(lambda_, seed, model="dmgan") for lambda_ in (0, 0.2) for seed in range(2)]
    show(*SWEEP, *dmgan)
    metrics, plots = tmp_path / "metrics", tmp_path / "plots"
    text = write_ablation(["loss.lambda"], ["0.0"], metrics, plots)
    assert (metrics / "ablation-loss.lambda.md").read_text() == text + "\n"
    rows = cells(text)
    assert rows[0] == ["metric", "better", "loss.lambda = 0", "loss.lambda = 0.2", "loss.lambda = 1"]
    assert rows[1] == ["FID (judge)", "lower", "604 ± 12 (n=4)", "574 ± 12 (n=4)", "604 ± 13 (n=4)"]
    same = "-30.0 ± 0.0 (-5.0 %): the same in all seeds, no test"
    assert rows[2] == [
        "difference",
        "",
        "",
        same,
        "0.0 ± 3.1 (+0.0 %): no detectable difference (smaller than 3.1), q = 1",
    ]
    distance = next(number for number, row in enumerate(rows) if row[0] == "distance, captions of two images")
    assert rows[distance + 1][4].startswith("-0.1814 ± 0.0043 (-20.0 %): differs, q = ")
    assert text.count("\n## ") == 3 and "too few" not in text and "differences to loss.lambda = 0, in brackets" in text
    table = pd.read_csv(metrics / "ablation-loss.lambda.csv")
    assert list(table["study"].unique()) == [TITLE, TITLE.replace("attngan", "dmgan")]
    assert list(table) == [
        "study", "metric", "better", "effect", "loss.lambda", "estimate", "half_width", "seeds", "paired",
        "relative_percent", "p_value", "q_value", "verdict",
    ]  # fmt: skip
    assert write_ablation(["loss.lambda"], ["0"], metrics, plots) == text
    assert sorted(path.suffix for path in tmp_path.rglob("*.*")) == [".csv", ".md", ".png"]


def test_snapshots_are_compared_after_each_number_of_steps(tmp_path: Path, show: Any) -> None:
    show(*SWEEP)
    rows = cells(write_ablation(["loss.lambda"], ["0"], tmp_path, tmp_path, snapshots=True))
    assert [row[0] for row in rows[1:8:2]] == [
        "FID (judge) after 50 steps", "FID (judge) after 100 steps", "R-precision (judge) after 50 steps",
        "R-precision (judge) after 100 steps",
    ]  # fmt: skip
    assert rows[1][2] == "854 ± 11 (n=4)" and rows[4][3].startswith("-30.0 ± 0.0 (-3.7 %)")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"ablation-loss.lambda-snapshots.{ending}" for ending in ("csv", "md", "png")
    ]


def test_runs_without_snapshots_are_left_out_of_their_comparison(tmp_path: Path, show: Any) -> None:
    without = [experiment(lambda_, seed, model="dmgan") for lambda_ in (0, 0.2) for seed in range(2)]
    for run in without:
        del run["metrics"]["metrics/score_snapshots.json"]
    show(*SWEEP, *without)
    text = write_ablation(["loss.lambda"], ["0"], tmp_path, tmp_path, snapshots=True)
    assert text.count("\n## attngan") == 1 and "dmgan" not in text
    assert text.endswith("- 4 experiments, without these scores of their own: e12, e13, e14, e15.")
    show(*without)
    only = tmp_path / "runs.csv"
    write_runs(only, read_experiments(shown(*without)).chosen(commit="12345").runs)
    reason = r"^no finished run has scores of snapshots \(metrics/score_snapshots.json\); without are e0, e1, e2, e3$"
    with pytest.raises(InputError, match=reason):
        write_ablation(["loss.lambda"], ["0"], tmp_path, tmp_path, only, snapshots=True)


def test_runs_without_any_scores_are_named(tmp_path: Path, show: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "show_experiments", lambda: [])
    with pytest.raises(InputError, match=r"^no finished run has scores \(metrics/evaluate.json\)$"):
        write_ablation(["loss.lambda"], ["0"], tmp_path, tmp_path)
    diverged = [experiment(lambda_, 0) for lambda_ in (0, 0.2)]
    for run in diverged:
        run["metrics"] = {}
    show(*diverged)
    with pytest.raises(InputError, match=r"^no finished run has scores \(metrics/evaluate.json\); without are e0, e1$"):
        write_ablation(["loss.lambda"], ["0"], tmp_path, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_if_the_figure_fails(tmp_path: Path, show: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    show(*SWEEP)
    monkeypatch.setattr(tables, "ablation_figure", lambda *_: pytest.fail("interrupted"))
    with pytest.raises(pytest.fail.Exception):
        write_ablation(["loss.lambda"], ["0"], tmp_path, tmp_path)
    assert not list(tmp_path.iterdir())


def test_scores_of_the_figure_are_chosen(tmp_path: Path, show: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    show(*SWEEP)
    drawn = []
    monkeypatch.setattr(tables, "ablation_figure", lambda *arguments: drawn.append(arguments[2][TITLE]))
    whole = write_ablation(["loss.lambda"], ["0"], tmp_path, tmp_path)
    some = write_ablation(["loss.lambda"], ["0"], tmp_path, tmp_path, drawn=["FID (judge)", "R-precision*"])
    assert some == whole and len(drawn[0]) == len(pd.read_csv(tmp_path / "ablation-loss.lambda.csv"))
    assert list(dict.fromkeys(drawn[1]["metric"])) == ["FID (judge)", "R-precision (damsm)", "R-precision (judge)"]
    before = (tmp_path / "ablation-loss.lambda.md").stat().st_mtime_ns
    with pytest.raises(InputError, match=r"^no score is named 'fid\*'; there are FID \(judge\); KID \(judge\); "):
        write_ablation(["loss.lambda"], ["0"], tmp_path, tmp_path, drawn=["*", "fid*"])
    assert (tmp_path / "ablation-loss.lambda.md").stat().st_mtime_ns == before and len(drawn) == 2


def test_what_is_left_out_is_named_with_the_reason(tmp_path: Path, show: Any) -> None:
    without_baseline = [experiment(lambda_, seed, budget="smoke") for lambda_ in (0.2, 1) for seed in range(9)]
    single = [experiment(0, 0, judge={"lr": number}) for number in range(2, 25)]
    show(*without_baseline, *SWEEP, *single)
    text = write_ablation(["loss.lambda"], ["0"], tmp_path, tmp_path)
    assert f"## {TITLE}\n" in text and "\n## Left out\n" in text
    lines = text.partition("## Left out\n\n")[2].splitlines()
    assert lines[0] == (
        f"- {TITLE.replace('study', 'smoke')}: no run has loss.lambda = 0; there are 0.2, 1 (`--baseline`)."
    )
    reason = "no counterpart of the same commit and code that differs in loss.lambda alone"
    assert lines[1].startswith(f"- 23 experiments, {reason}: e30, e31, ") and lines[1].endswith("e49 and 3 more.")
    assert lines[2] == "- 1 experiment, not finished (queued, running or failed): running." and len(lines) == 3
    assert "smoke" not in (tmp_path / "ablation-loss.lambda.csv").read_text()


def test_without_the_baseline_nothing_is_written(tmp_path: Path, show: Any) -> None:
    show(*SWEEP)
    line = r"nothing to compare with: no run has loss.lambda = 3; there are 0, 0.2, 1 \(--baseline\)$"
    with pytest.raises(InputError, match=line):
        write_ablation(["loss.lambda"], ["3"], tmp_path / "m", tmp_path / "p")
    with pytest.raises(InputError, match="no finished experiment has a parameter 'x'"):
        write_ablation(["x"], ["0"], tmp_path / "m", tmp_path / "p")
    show(*grid())
    with pytest.raises(InputError, match="nothing to compare with: no run has loss.lambda = 5; there are 0, 0.2"):
        write_ablation(BOTH, ["1", "5"], tmp_path / "m", tmp_path / "p")
    assert not list(tmp_path.iterdir())


def test_a_grid(tmp_path: Path, show: Any) -> None:
    smoke = grid(1, budget="smoke")
    show(*grid(), *smoke)
    text = write_ablation(BOTH, ["0", "0"], tmp_path, tmp_path)
    name = "ablation-loss.damsm_lambda+loss.lambda"
    assert (tmp_path / f"{name}.md").read_text() == text + "\n"
    assert text.startswith("# Effect of loss.damsm_lambda and loss.lambda\n") and "A main effect is" in text
    rows = cells(text)
    assert rows[0] == ["metric", "better", "loss.damsm_lambda", "loss.lambda = 0", "loss.lambda = 0.2"]
    assert rows[1][:4] == ["FID (judge)", "lower", "0", "604 ± 12 (n=4)"]
    assert rows[2] == ["", "", "1", "584 ± 12 (n=4)", "546 ± 13 (n=4)"]
    start = next(number for number, row in enumerate(rows) if row[1] == "effect")
    assert rows[start] == ["metric", "effect", "loss.damsm_lambda", "loss.lambda", "estimate"]
    effects = [row[:4] + [row[4].partition(",")[0]] for row in rows[start + 1 : start + 7]]
    assert effects == [
        ["FID (judge)", "difference", "0", "0.2", "-30.0 ± 1.8 (-5.0 %): better"],
        ["", "difference", "1", "0", "-20.00 ± 0.92 (-3.3 %): better"],
        ["", "difference", "1", "0.2", "-58.0 ± 1.8 (-9.6 %): better"],
        ["", "main effect", "1", "mean of 0, 0.2", "-24.00 ± 0.46 (-4.1 %): better"],
        ["", "main effect", "mean of 0, 1", "0.2", "-34.0 ± 1.4 (-5.7 %): better"],
        ["", "interaction", "1", "0.2", "-8.00 ± 0.92: interaction"],
    ]
    assert "One seed: no intervals, and no difference can be told from chance." in text.partition("budget smoke")[2]
    assert "One seed" not in text.partition("budget smoke")[0] and "too few seeds, no interval" in text
    table = pd.read_csv(tmp_path / f"{name}.csv")
    assert (
        set(table["effect"]) == {"mean", "difference", "main effect", "interaction"} and table["study"].nunique() == 2
    )
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    show(*smoke[::-1], *grid()[::-1])
    write_ablation(BOTH, ["0", "0"], tmp_path, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_repeated_seeds_and_missing_cells_are_said(tmp_path: Path, show: Any) -> None:
    runs = grid(2, leave_out=((1.0, 0.2, 0), (1.0, 0.2, 1)))
    show(*runs, *runs[:1])
    text = write_ablation(BOTH, ["0", "0"], tmp_path, tmp_path)
    assert "More than one experiment has the same values and seed in 1 case; their mean counts once." in text
    assert "Not run: loss.damsm_lambda = 1, loss.lambda = 0.2." in text
    assert cells(text)[2][4] == "-"
    # neither the baselines together nor any pair of combinations that differ in one parameter
    show(*grid(2, leave_out=tuple((cell, cell / 5, seed) for cell in (0.0, 1.0) for seed in (0, 1))))
    text = write_ablation(BOTH, ["0", "0"], tmp_path, tmp_path)
    assert "Not run: loss.damsm_lambda = 0, loss.lambda = 0; loss.damsm_lambda = 1, loss.lambda = 0.2." in text
    assert "main effect " not in text.partition("## ")[2] and text.count("| FID (judge)") == 1


def test_seeds_that_do_not_match_are_marked(tmp_path: Path, show: Any) -> None:
    show(*(experiment(0, seed) for seed in (0, 1, 2)), *(experiment(0.2, seed) for seed in (4, 5, 7)))
    text = write_ablation(["loss.lambda"], ["0"], tmp_path, tmp_path)
    assert (
        re.search(r"%\): unpaired, no detectable difference \(smaller than [\d.]+\), q = ", text) and "(Welch)" in text
    )


def test_values_may_be_names(tmp_path: Path, show: Any) -> None:
    show(*(experiment(0, seed, runtime={"precision": name}) for seed in range(3) for name in ("fp32", "bf16")))
    text = write_ablation(["runtime.precision"], ["fp32"], tmp_path, tmp_path)
    rows = cells(text)
    assert rows[0] == ["metric", "better", "runtime.precision = bf16", "runtime.precision = fp32"]
    assert rows[2] == ["difference", "", "0 ± 0 (+0.0 %): no detectable difference, q = 1", ""]
    with pytest.raises(InputError, match="no run has runtime.precision = 0; there are bf16, fp32"):
        write_ablation(["runtime.precision"], ["0"], tmp_path, tmp_path)
