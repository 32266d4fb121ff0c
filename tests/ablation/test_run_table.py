"""Tables of runs: what is written is what is read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from t2i.ablation import tables
from t2i.ablation.experiments import Run, read_experiments
from t2i.ablation.run_table import read_runs, write_runs
from t2i.ablation.studies import find_studies
from t2i.ablation.tables import write_ablation
from t2i.errors import InputError
from tests.ablation.made_up import SWEEP, experiment, grid, shown

MODELS = [experiment(0.2, seed, model=model) for model in ("attngan", "dmgan") for seed in range(2)]


def runs_of(*experiments: dict[str, object]) -> list[Run]:
    return read_experiments(shown(*experiments)).runs


@pytest.mark.parametrize(
    ("runs", "parameters"),
    [(SWEEP, ["loss.lambda"]), (grid(), ["loss.damsm_lambda", "loss.lambda"]), (MODELS, ["model"])],
)
def test_a_table_gives_the_same_ablation_as_the_experiments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: list[dict[str, object]], parameters: list[str]
) -> None:
    for name in ("ablation_figure", "grid_figure", "snapshot_figure"):
        monkeypatch.setattr(tables, name, lambda path, *_: path.touch())
    monkeypatch.setattr(tables, "show_experiments", lambda: shown(*runs))
    path, baseline = tmp_path / "runs.csv", ["attngan" if name == "model" else "0" for name in parameters]
    (tmp_path / "of_table").mkdir()
    live = write_ablation(parameters, baseline, tmp_path, tmp_path)
    assert write_runs(path, read_experiments(shown(*runs)).chosen().runs) == len(runs)
    monkeypatch.setattr(tables, "show_experiments", lambda: pytest.fail("DVC was asked"))
    kept = write_ablation(parameters, baseline, tmp_path / "of_table", tmp_path / "of_table", path)
    head = kept.partition("## Left out")[0].strip()  # which experiments run is no matter of a table
    assert head == live.partition("## Left out")[0].strip()
    name = f"ablation-{'+'.join(parameters)}.csv"
    assert (tmp_path / name).read_bytes() == (tmp_path / "of_table" / name).read_bytes()


def test_runs_are_added_to_a_table(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    old = [Run("a", "11", {"seed": 0}, {"evaluate.x": 0.1}), Run("b", "11", {"seed": 1}, {"evaluate.x": 0.2})]
    new = [Run("b", "11", {"seed": 1, "z": 2}, {"evaluate.x": 0.3}), Run("b", "22", {"seed": 1}, {"evaluate.y": 0.4})]
    assert write_runs(path, old, add=True) == 2
    assert write_runs(path, new, add=True) == 3
    assert path.read_text().splitlines() == [
        "run,commit,of,params.seed,params.z,metrics.evaluate.x,metrics.evaluate.y",
        "a,11,experiment,0,,0.1,",
        "b,11,experiment,1,2,0.3,",
        "b,22,experiment,1,,,0.4",
    ]
    assert read_runs(path) == [old[0], *new]
    other = Run("a", "11", {"seed": 2, "runtime.workers": 3}, {"evaluate.x": 0.5})
    with pytest.raises(InputError, match=r"has another run a of commit 11, with seed = 0 and not 2: give this one"):
        write_runs(path, [other], add=True)
    assert read_runs(path) == [old[0], *new]
    write_runs(path, new)
    assert read_runs(path) == new
    own = Run("main", "22", {"seed": 0}, {"evaluate.x": 0.1}, of_commit=True)
    write_runs(path, [own], add=True)
    assert write_runs(path, [replace(own, name="2222222")], add=True) == 3  # the branch has moved on
    path.write_text("no table\n")
    with pytest.raises(InputError, match="no table of runs"):
        write_runs(path, new, add=True)
    assert path.read_text() == "no table\n"


def test_runs_of_one_name_in_tables_that_were_joined_are_not_dropped(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    joined = "run,commit,of,params.seed\na,11,experiment,0\na,11,experiment,5\n"
    path.write_text(joined)
    with pytest.raises(InputError, match="has another run a of commit 11, with seed = 0 and not 5: give this one"):
        write_runs(path, [Run("b", "11", {"seed": 1}, {"evaluate.x": 0.2})], add=True)
    assert path.read_text() == joined


def test_values_that_look_like_none_and_numbers_survive(tmp_path: Path) -> None:
    params: list[dict[str, Any]] = [{"seed": 0, "a": None, "b": True, "c": [1, "x"], "d": 0.1, "e": "fp32", "f": 1}]
    params.append({"seed": 1, "a": "none"})
    runs = [Run(f"r{n}", "abc", each, {"evaluate.x": 0.1 + 0.2 * n}) for n, each in enumerate(params)]
    write_runs(tmp_path / "runs.csv", runs)
    first, second = read_runs(tmp_path / "runs.csv")
    assert [first.params, second.params] == params
    assert [each.numbers for each in (first, second)] == [run.numbers for run in runs]


def test_runs_of_two_models_are_compared_whether_written_at_once_or_added(tmp_path: Path) -> None:
    one, other = ([experiment(0, seed, model=model) for seed in range(2)] for model in ("attngan", "dmgan"))
    runs = [replace(run, name=f"r{number}") for number, run in enumerate([*runs_of(*one)[:2], *runs_of(*other)[:2]])]
    write_runs(tmp_path / "runs.csv", runs[:2])
    write_runs(tmp_path / "runs.csv", runs[2:], add=True)
    (study,), _ = find_studies(read_runs(tmp_path / "runs.csv"), ("model",))
    assert sorted(study.cells) == [("attngan",), ("dmgan",)]


def test_blocks_of_parameters_can_be_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ablation_figure", lambda path, *_: path.touch())
    runs = [experiment(0, seed, judge={"lr": lr, "side": 128}) for lr in (1, 2) for seed in range(2)]
    write_runs(tmp_path / "runs.csv", runs_of(*runs))
    text = write_ablation(["judge"], ['{"side": 128, "lr": 1}'], tmp_path, tmp_path, tmp_path / "runs.csv")
    assert 'judge = {"lr": 2, "side": 128}' in text


def test_tables_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    with pytest.raises(InputError, match="runs.csv: cannot be read as a table of runs: No such file or directory$"):
        read_runs(path)
    path.write_text("run,commit,of\na,1,experiment,2\n")
    with pytest.raises(InputError, match="cannot be read as a table of runs: Length of header or names does not match"):
        read_runs(path)
    path.write_text("run,of\na,experiment\n")
    with pytest.raises(InputError, match="no table of runs, it has no column 'commit'; `t2i runs` writes one"):
        read_runs(path)
    path.write_text("run,commit,of,metrics.evaluate.x\na,1,experiment,much\n")
    with pytest.raises(InputError, match="run 1: could not convert string to float: 'much'"):
        read_runs(path)
    path.write_text("run,commit,of\na,1,experiment\nb,,experiment\n")
    with pytest.raises(InputError, match="run 2 has nothing in the column 'commit'"):
        read_runs(path)
