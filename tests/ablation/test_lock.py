"""Which scores of a run are its own, by its dvc.lock."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from t2i.ablation import experiments
from t2i.ablation.experiments import Run, read_experiments
from t2i.ablation.lock import Lock, read_lock
from t2i.ablation.metrics import flatten
from t2i.ablation.studies import find_studies
from tests.ablation.made_up import experiment
from tests.conftest import ROOT
from tests.pipeline.clones import run

PARAMS = {"seed": 0, "recipe": "quick", "recipes": {"quick": {"gan": {"lr": 0.5, "augment": []}}, "paper": {"gan": {}}}}


def stage(reads: str = "", makes: str = "", code: str = "c0", **params: Any) -> dict[str, Any]:
    deps = [{"path": "t2i/models", "md5": code}, *({"path": path, "md5": path * 2} for path in reads)]
    outs = [{"path": path, "md5": path * 2} for path in makes]
    return {"cmd": "x", "deps": deps, "outs": outs, "params": {"params.yaml": params}}


def stages() -> dict[str, Any]:
    settings: dict[str, Any] = {"recipes.quick.gan": {"lr": 0.5, "augment": []}, "seed": 0}
    gan = stage("p", "g", **settings)
    return {
        "preprocess": stage(makes="p"), "train_gan": gan, "sample": stage("pg", "s"), "evaluate": stage("ps"),
        "score_snapshots": stage("g"),
    }  # fmt: skip


def of(stages: dict[str, Any], params: dict[str, Any] = PARAMS) -> list[str]:
    """The stages that are of the parameters."""
    return [name for name in stages if Lock(stages).is_of(name, flatten(params))]


def test_stages_that_ran_one_after_the_other_are_of_their_parameters() -> None:
    assert of(stages()) == list(stages())
    assert Lock({}).is_of("evaluate", flatten(PARAMS)) and Lock({}).code("evaluate") == ""


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"seed": 1}, ["preprocess"]),
        ({"recipes": {"quick": {"gan": {"lr": 0.25, "augment": []}}}}, ["preprocess"]),
        ({"recipes": {"quick": {"gan": {"lr": 0.5, "augment": ["x"]}}}}, ["preprocess"]),
        ({"recipes": {"quick": {"gan": {"lr": 0.5, "augment": [], "new": 1}}}}, ["preprocess"]),
        ({"recipe": "paper"}, ["preprocess"]),  # as after `dvc exp run -S recipe=paper preprocess`
        ({"recipes": {"quick": {"gan": {"lr": "0.50", "augment": []}}}}, list(stages())),  # the same number
        ({"other": 1}, list(stages())),
    ],
)
def test_a_stage_with_other_parameters_leaves_those_below_without_scores(
    changes: dict[str, Any], left: list[str]
) -> None:
    assert of(stages(), PARAMS | changes) == left


def test_a_stage_that_ran_alone_leaves_those_below_without_scores() -> None:
    locked = stages()
    locked["preprocess"]["outs"][0]["md5"] = "other"
    assert of(locked) == ["preprocess"]
    locked = stages()
    locked["sample"]["outs"][0]["md5"] = "other"
    assert of(locked) == ["preprocess", "train_gan", "sample", "score_snapshots"]


def test_code_is_that_of_the_stage_and_of_all_above() -> None:
    before, changed = stages(), copy.deepcopy(stages())
    changed["train_gan"]["deps"][0]["md5"] = "c1"
    assert Lock(before).code("preprocess") == Lock(changed).code("preprocess") != ""
    for name in ("train_gan", "sample", "evaluate", "score_snapshots"):
        assert Lock(before).code(name) != Lock(changed).code(name)


def test_the_lock_of_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(tmp_path, "git", "init", "-q")
    for content in (yaml.safe_dump({"schema": "2.0", "stages": stages()}), "{", "3"):
        (tmp_path / "dvc.lock").write_text(content)
        run(tmp_path, "git", "add", "-A")
        run(tmp_path, "git", "commit", "-qm", "x")
    assert read_lock("HEAD~2") == Lock(stages())
    for revision in ("HEAD~1", "HEAD", "HEAD~9", ""):
        assert read_lock(revision) == Lock({})


def test_the_repository_s_own_scores_are_of_its_parameters() -> None:
    lock = Lock(yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"])
    params = flatten(yaml.safe_load((ROOT / "params.yaml").read_text()))
    assert all(lock.is_of(name, params) for name in lock.stages)
    assert not lock.is_of("evaluate", params | {"loss.lambda": 3}) and lock.is_of("train_judge", params | {"seed": 3})


def test_experiments_of_some_stages_or_of_other_code_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    data = experiment(0, 0)
    fresh, partial, other = ({"evaluate": stage(seed=seed), "score_snapshots": stage(seed=0)} for seed in (0, 1, 0))
    half = {"evaluate": stage(seed=0), "score_snapshots": stage(seed=1)}
    other["evaluate"]["deps"][0]["md5"] = "c1"
    locks = {"base": fresh, "fresh": fresh, "partial": partial, "other": other, "half": half, "without": {}}
    monkeypatch.setattr(experiments, "read_lock", lambda revision: Lock(locks[revision]))
    entries = [{"name": name, "revs": [{"rev": name, "data": data}], "executor": None} for name in list(locks)[1:]]
    found = read_experiments([{"rev": "base", "name": "main", "data": data, "experiments": entries}])
    assert [run.name for run in found.runs if run.scores] == ["main", "fresh", "other", "half", "without"]
    assert [run.name for run in found.runs if run.snapshot_scores] == ["main", "fresh", "partial", "other", "without"]
    digest = Lock(other).code("evaluate")
    commits = {run.name: run.commit for run in found.runs}
    assert commits["fresh"] == commits["half"] == commits["main"] == "base" and commits["other"] == f"base+{digest}"
    locks["partial"]["score_snapshots"] = stage(seed=1)
    found = read_experiments([{"rev": "base", "name": "main", "data": data, "experiments": entries}])
    assert found.without_scores == ["partial"]


def test_two_states_of_the_code_of_a_commit_are_two_studies() -> None:
    runs = [
        Run(f"{code}{value}", f"{'a' * 40}{code}", {"seed": 0, "loss.lambda": value}, {"evaluate.x": 1.0})
        for code in ("", "+1234567") for value in (0, 1)
    ]  # fmt: skip
    studies, alone = find_studies(runs, ("loss.lambda",))
    assert sorted(study.title.split(" at ")[1] for study in studies) == ["aaaaaaa", "aaaaaaa+1234567"] and alone == []
