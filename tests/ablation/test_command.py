"""The command ``t2i ablation``: its arguments and files."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from t2i.ablation import experiments, tables
from t2i.apps.cli import cli
from tests.ablation.made_up import SWEEP, experiment, grid, shown
from tests.conftest import ROOT


def ablation(*arguments: object) -> Any:
    return CliRunner().invoke(cli, ["ablation", *map(str, arguments)])


NEITHER = "--changes compares all that was changed: leave out PARAMETER and --baseline"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["a", "b", "c"], "Error: 3 parameters; one or two can be compared at once"),
        (["a", "b", "--baseline", "0"], "Error: --baseline is given 1 times for 2 parameters"),
        (["a", "--baseline", "0", "--baseline", "1"], "Error: --baseline is given 2 times for 1 parameters"),
        ([], "Error: Missing argument 'PARAMETER [PARAMETER]', or --changes NAME."),
        (["a", "--changes", "e0"], f"Error: {NEITHER}"),
        (["--changes", "e0", "--baseline", "0"], f"Error: {NEITHER}"),
    ],
)
def test_wrong_usage(arguments: list[str], line: str) -> None:
    result = ablation(*arguments)
    assert result.exit_code == 2 and result.stderr.splitlines()[-1] == line


def test_one_parameter_or_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = ["--metrics", tmp_path / "m", "--plots", tmp_path / "p"]
    monkeypatch.setattr(tables, "show_experiments", lambda: shown(*SWEEP, *grid()))
    for name in ("ablation_figure", "grid_figure", "snapshot_figure"):
        monkeypatch.setattr(tables, name, lambda *_: None)
    one = ablation("loss.lambda", "--baseline", "0.2", *folders)
    assert (
        one.exit_code == 0
        and one.output.startswith("# Effect of loss.lambda\n")
        and "loss.lambda = 0.2, in" in one.output
    )
    two = ablation("loss.damsm_lambda", "loss.lambda", *folders)
    assert two.exit_code == 0 and "differences to loss.damsm_lambda = 0, loss.lambda = 0, in brackets" in two.output
    baselines = ["--baseline", "1", "--baseline", "0.2"]
    assert (
        "to loss.damsm_lambda = 1, loss.lambda = 0.2,"
        in ablation("loss.damsm_lambda", "loss.lambda", *baselines, *folders).output
    )
    names = sorted(path.name for path in (tmp_path / "m").iterdir())
    stems = ("ablation-loss.damsm_lambda+loss.lambda", "ablation-loss.lambda")
    assert names == [f"{stem}.{ending}" for stem in stems for ending in ("csv", "md")]
    for arguments, line in (
        (["seed"], "t2i: seed is not compared: experiments that differ in it alone are the sample of one setting\n"),
        (
            ["loss.lambda", "loss.lambda"],
            "t2i: loss.lambda is named twice; name one parameter, or two different ones\n",
        ),
        (["loss", "loss.lambda"], "t2i: loss holds loss.lambda: compare one of them\n"),
        (["loss.lambda", "loss"], "t2i: loss holds loss.lambda: compare one of them\n"),
    ):
        result = ablation(*arguments, *folders)
        assert (result.exit_code, result.stderr) == (1, line)


def test_each_change_beside_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = ["--metrics", tmp_path / "m", "--plots", tmp_path / "p"]
    runs = [experiment(0, 0), experiment(0.2, 0), experiment(0, 0, judge={"lr": 2}), experiment(1, 0)]
    monkeypatch.setattr(tables, "show_experiments", lambda: shown(*runs))
    monkeypatch.setattr(tables, "change_figure", lambda *_: None)
    result = ablation("--changes", "e0", "--name", "e[1-2]", *folders)
    assert (
        result.exit_code == 0
        and result.output.startswith("# Changes of e0\n")
        and "differences to e0, in" in result.output
    )
    (head,) = [line for line in result.output.splitlines() if line.startswith("| metric ")]
    assert [column.strip() for column in head.strip("|").split("|")] == [
        "metric", "better", "(none)", "lambda = 0.2", "lr = 2"
    ]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["ablation-change.csv", "ablation-change.md"]
    assert tables.compared_in("ablation-change-snapshots") == "each change, by snapshot"
    result = ablation("--changes", "x", *folders)
    assert (result.exit_code, result.stderr) == (
        1, "t2i: no finished experiment is named x; there are abcdefa, e0, e1, e2, e3\n"
    )  # fmt: skip


def test_a_run_without_scores_has_no_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = experiment(0, 0)
    without["metrics"] = {}
    monkeypatch.setattr(tables, "show_experiments", lambda: shown(without, experiment(0.2, 0)))
    result = ablation("--changes", "e0", "--metrics", tmp_path, "--plots", tmp_path)
    assert (result.exit_code, result.stderr) == (1, "t2i: the experiment e0 has no scores\n")


def test_runs_are_written_and_compared_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "show_experiments", lambda: shown(*SWEEP, *grid()))
    monkeypatch.setattr(tables, "show_experiments", lambda: pytest.fail("DVC was asked"))
    for name in ("ablation_figure", "snapshot_figure"):
        monkeypatch.setattr(tables, name, lambda *_: None)
    path, count = tmp_path / "runs.csv", len(SWEEP) + len(grid())
    result = CliRunner().invoke(cli, ["runs", str(path), "--name", "e?", "--commit", "123"])
    assert (result.exit_code, result.output) == (0, f"{path}: 10 runs\n")
    result = CliRunner().invoke(cli, ["runs", str(path)])
    assert result.output == f"{path}: {count} runs\n"
    folders = ["--metrics", tmp_path / "m", "--plots", tmp_path / "p", "--runs", path]
    assert "FID (judge) " in ablation("loss.lambda", *folders).output
    assert "FID (judge) after 50 steps" in ablation("loss.lambda", "--snapshots", *folders).output
    assert len(list((tmp_path / "m").iterdir())) == 4
    some = ablation("loss.lambda", "--name", "e?", *folders)
    assert some.exit_code == 0 and "(n=2)" in some.output and "(n=2)" not in ablation("loss.lambda", *folders).output
    result = CliRunner().invoke(cli, ["runs", str(path), "--name", "x"])
    assert (result.exit_code, result.stderr) == (
        1, "t2i: no finished experiment named x; there are e0, e1, e10, e11, e12, e13, e14, e15, e16, e17, ...\n"
    )  # fmt: skip


def committed_studies() -> list[list[str]]:
    """Arguments of each ``t2i ablation`` of `make studies`."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    variables = dict(re.findall(r"^(\w+) = (.+)$", makefile, re.MULTILINE))
    commands = re.findall(r"^\tt2i ablation (.+) \$\(call study,(\w+)\)$", makefile, re.MULTILINE)
    assert commands, "make studies compares no runs"
    lines = [f"{arguments} {variables['study'].replace('$(1)', study)}" for arguments, study in commands]
    return [shlex.split(re.sub(r"\$\((\w+)\)", lambda name: variables[name[1]], line)) for line in lines]


@pytest.mark.parametrize("arguments", committed_studies(), ids=lambda arguments: " ".join(arguments[:2]))
def test_committed_runs_give_the_committed_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("ablation_figure", "grid_figure", "snapshot_figure"):
        monkeypatch.setattr(tables, name, lambda path, *_: path.touch())
    committed = ROOT / arguments[arguments.index("--metrics") + 1]
    result = ablation(*arguments, "--metrics", tmp_path, "--plots", tmp_path)  # the last one counts
    assert result.exit_code == 0, result.output
    made = sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".png")
    assert [Path(name).suffix for name in made] == [".csv", ".md"]
    for name in made:
        assert (tmp_path / name).read_text(encoding="utf-8") == (committed / name).read_text(encoding="utf-8")
