"""What is read of `dvc exp show --json`."""

import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from t2i.ablation import experiments
from t2i.ablation.experiments import Experiments, Run, read_experiments, show_experiments
from t2i.errors import InputError
from tests.ablation.made_up import experiment
from tests.pipeline.clones import run


def commit(*experiments: dict[str, Any], data: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return [{"rev": "1234567890", "name": "main", "data": data, "experiments": list(experiments)}]


def entry(name: str | None, state: str | None = "success", **revision: Any) -> dict[str, Any]:
    revision = {"rev": "fedcba9876", "data": experiment(0, 0)} | revision
    return {"name": name, "revs": [revision], "executor": state and {"state": state}}


def test_finished_experiments_and_commits_are_runs() -> None:
    found = read_experiments(commit(entry("a"), entry("b", None), data=experiment(0.2, 1)))
    assert [(run.name, run.of_commit, run.params["seed"]) for run in found.runs] == [
        ("main", True, 1), ("a", False, 0), ("b", False, 0),
    ]  # fmt: skip
    assert {run.commit for run in found.runs} == {"1234567890"} and found.runs[1].params["loss.lambda"] == 0
    assert found.unfinished == found.without_scores == []


@pytest.mark.parametrize("state", ["queued", "running", "failed"])
def test_experiments_that_are_not_finished_do_not_count_with_the_scores_of_their_commit(state: str) -> None:
    # as DVC 3.67 shows a failed experiment of a commit with scores: its own parameters, the scores of the commit
    found = read_experiments(commit(entry("f", state, data=experiment(0.2, 0)), data=experiment(0, 0)))
    assert [run.name for run in found.runs] == ["main"] and found.unfinished == ["f"]


def test_experiments_with_an_error_or_nothing_are_not_finished() -> None:
    broken = entry("broken", error={"msg": "Experiment run failed", "type": ""})
    found = read_experiments(commit(broken, {"name": "running", "revs": None}, entry(None, "failed")))
    assert found.runs == [] and found.unfinished == ["broken", "running", "fedcba9"]


def test_experiments_without_scores_are_named() -> None:
    none, other, error = (copy.deepcopy(experiment(0, 0)) for _ in range(3))
    none["metrics"] = {}
    other["metrics"] = {"metrics/evaluate.json": {"data": {"accuracy": 1}}}
    error["params"] = {"params.yaml": {"error": {"type": "YAMLError"}}}
    found = read_experiments(
        commit(entry("none", data=none), entry("other", data=other), entry("e", data=error), entry("n", data=None))
    )
    assert found.runs == [] and found.without_scores == ["none", "other", "e", "n"]


def test_the_workspace_and_commits_without_data_do_not_count() -> None:
    commits: list[dict[str, Any]] = [
        {"rev": "workspace", "data": experiment(0, 0), "experiments": None},
        {"rev": "1" * 40, "error": {"msg": "x"}},
    ]
    assert read_experiments(commits).runs == []


@pytest.mark.slow
def test_outside_of_a_repository_dvc_gives_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="^`dvc exp show` failed: .*repository"):
        show_experiments()


@pytest.mark.slow
def test_dvc_shows_the_scores_of_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "evaluate.json").write_text('{"r_precision": {"judge": {"fakes": 0.5}}}')
    (tmp_path / "params.yaml").write_text("seed: 7\nloss: {lambda: 0.2}\n")
    (tmp_path / "dvc.yaml").write_text("metrics: [metrics/evaluate.json]\n")
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"], ["git", "add", "-A"], ["git", "commit", "-qm", "x"]):
        run(tmp_path, *command)
    (only,) = read_experiments(show_experiments()).runs
    assert only.of_commit and only.params == {"seed": 7, "loss.lambda": 0.2} and list(only.scores.values()) == [0.5]
    # an experiment of this commit, as DVC keeps it, and two commits later
    for text, message in (("seed: 8\n", "of a run"), ("seed: 9\n", "more"), ("seed: 10\n", "and more")):
        (tmp_path / "params.yaml").write_text(text)
        run(tmp_path, "git", "commit", "-qam", message)
        if message == "of a run":
            run(tmp_path, "git", "update-ref", f"refs/exps/{only.commit[:2]}/{only.commit[2:]}/mine", "HEAD")
            run(tmp_path, "git", "reset", "-q", "--hard", only.commit)
    runs = read_experiments(show_experiments()).runs
    found = sorted((entry.params["seed"], entry.name == "mine", entry.of_commit) for entry in runs)
    assert found == [(7, False, True), (8, True, False), (10, False, True)]  # not the commit in between


def test_runs_are_chosen_by_name_and_commit_with_the_scores_of_their_commits() -> None:
    runs = [Run(name, commit, {"seed": 0}, {"evaluate.x": 1.0}, of_commit) for name, commit, of_commit in (
        ("main", "aa", True), ("e1", "aa", False), ("old", "bb", True), ("f1", "cc", False), ("new", "cc", True),
    )]  # fmt: skip
    every = Experiments(runs, ["e2", "f2"], ["e3"])

    def names(*patterns: str, commit: str = "") -> list[str]:
        return [run.name for run in every.chosen(patterns, commit).runs]

    assert names() == names("?1") == ["e1", "f1", "main", "new"]
    assert names("e*") == names(commit="a") == ["e1", "main"] and names("e1", "f*", commit="cc") == ["f1", "new"]
    left = every.chosen(["e*"])
    assert left.unfinished == ["e2"] and left.without_scores == ["e3"]
    for patterns, commit, reason in (
        (("main",), "", "named main"), (("x-*", "y"), "aa", "named x-* or y on commit aa"), ((), "bb", "on commit bb"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=rf"^no finished experiment {re.escape(reason)}; there are e1, f1$"):
            names(*patterns, commit=commit)
    with pytest.raises(InputError, match=r"^no finished experiment; there are none$"):
        Experiments(runs[:1], [], []).chosen()
    with pytest.raises(InputError, match=r"^no finished experiment named e3 or z has scores; without are e3$"):
        every.chosen(["e3", "z"])


def test_the_error_of_dvc_is_shown_and_not_what_it_prints_below(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = "note\nERROR: unexpected error - File exists\n\nHaving any troubles? Hit us up!\n"
    failed = subprocess.CompletedProcess([], 255, "", stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(InputError, match="^`dvc exp show` failed: unexpected error - File exists$"):
        show_experiments()


def test_a_queued_run_that_ends_meanwhile_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = "ERROR: failed to show experiments - directory '/x/.dvc/tmp/exps/tmpab/.dvc' does not exist\n"
    answers = [subprocess.CompletedProcess([], 255, "", stderr), subprocess.CompletedProcess([], 0, "[]", "")]
    monkeypatch.setattr(experiments, "_commits", list)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answers.pop(0))
    assert show_experiments() == [] and answers == []
    answers += [subprocess.CompletedProcess([], 255, "", stderr)] * 3
    with pytest.raises(InputError, match="failed to show experiments - directory"):
        show_experiments()


def test_scores_of_snapshots_alone_make_a_run() -> None:
    only = experiment(0, 0)
    del only["metrics"]["metrics/evaluate.json"]
    (run,) = read_experiments(commit(entry("a", data=only))).runs
    assert run.snapshot_scores and not run.scores


def test_git_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="git is not installed, or not on the PATH"):
        show_experiments()
