"""Experiments of DVC: their parameters and scores."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from t2i.ablation.git import git
from t2i.ablation.lock import Lock, read_lock
from t2i.ablation.metrics import Metric, flatten, numbers, read_scores, read_snapshot_scores
from t2i.errors import InputError

_METRICS = ("evaluate", "score_snapshots")
"""Files of a run's metrics that are read."""

_NAMED = 10
"""Experiments that a line names at most."""


@dataclass(frozen=True)
class Run:
    """A finished experiment.

    Attributes:
        name: of the experiment or commit.
        commit: that it was started from; with "+" and a digest of the code, where that is not the code with which the
            commit's own scores came about.
        params: flat.
        numbers: flat, those of its metrics, by the name of the file: "evaluate.r_precision.judge.fakes".
        of_commit: whether it is not an experiment: the commit came with these scores.
    """

    name: str
    commit: str
    params: Mapping[str, Any]
    numbers: Mapping[str, float]
    of_commit: bool = False

    @cached_property
    def scores(self) -> dict[Metric, float]:
        """Those of its evaluation that are compared."""
        return read_scores(self._of("evaluate"))

    @cached_property
    def snapshot_scores(self) -> dict[Metric, float]:
        """Those of its snapshots that are compared."""
        return read_snapshot_scores(self._of("score_snapshots"))

    @property
    def short_commit(self) -> str:
        """The commit as people write it."""
        commit, plus, code = self.commit.partition("+")
        return f"{commit[:7]}{plus}{code}"

    def _of(self, file: str) -> dict[str, float]:
        return {
            name.removeprefix(f"{file}."): value for name, value in self.numbers.items() if name.startswith(f"{file}.")
        }


@dataclass(frozen=True)
class Experiments:
    """All experiments of a repository.

    Attributes:
        runs: those that can be compared.
        unfinished: names of those that are queued or running, or failed.
        without_scores: names of finished ones without parameters or known scores of their own.
    """

    runs: list[Run]
    unfinished: list[str]
    without_scores: list[str]

    def chosen(self, names: Sequence[str] = (), commit: str = "") -> "Experiments":
        """Those of some names, on some commits, and the scores that the commits of these came with.

        Args:
            names: patterns, with * for any letters; all without one.
            commit: that they were started from, or how it begins; "": all.

        Raises:
            InputError: there is no such run.
        """

        def named(name: str) -> bool:
            return not names or any(fnmatchcase(name, pattern) for pattern in names)

        runs = [run for run in self.runs if run.commit.startswith(commit)]
        chosen = [run for run in runs if not run.of_commit and named(run.name)]
        if not chosen:
            which = [*([f"named {' or '.join(names)}"] if names else []), *([f"on commit {commit}"] if commit else [])]
            what = " ".join(["no finished experiment", *which])
            if (without := [*filter(named, self.without_scores)]) and not commit:
                raise InputError(f"{what} has scores; without are {few(without)}")
            others = sorted(run.name for run in self.runs if not run.of_commit)
            raise InputError(f"{what}; there are {few(others) if others else 'none'}")
        commits = {run.commit for run in chosen}
        chosen += [run for run in runs if run.of_commit and run.commit in commits]
        return Experiments(chosen, [*filter(named, self.unfinished)], [*filter(named, self.without_scores)])


def few(names: Sequence[str]) -> str:
    """The first of some names."""
    return f"{', '.join(names[:_NAMED])}{', ...' if len(names) > _NAMED else ''}"


def show_experiments() -> list[dict[str, Any]]:
    """Experiments and the commits that they were started from, as ``dvc exp show --json`` prints them.

    ``dvc.api.exp_show`` does not do: it covers one branch, turns values into text, and leaves out the commit of an
    experiment. ``--all-commits`` reads parameters and scores of the whole history, which can take minutes.

    Raises:
        InputError: DVC fails, as outside of a repository.
    """
    revisions = [part for commit in _commits() for part in ("--rev", commit)]
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json", *revisions]
    for _ in range(3):  # DVC fails where the folder of a queued run goes while it looks for it
        done = subprocess.run(command, capture_output=True, text=True)
        if not done.returncode or ".dvc/tmp/exps" not in done.stderr.replace("\\", "/"):
            break
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        reason = next((line for line in lines if line.startswith("ERROR: ")), lines[-1])  # a hint at DVC's chat is last
        raise InputError(f"`dvc exp show` failed: {reason.removeprefix('ERROR: ')}")
    return list(json.loads(done.stdout))


def _commits() -> list[str]:
    """The present commit, and those that experiments were started from; empty outside of a repository."""
    head = git("rev-parse", "--verify", "--quiet", "HEAD")
    names = git("for-each-ref", "--format=%(refname)", "refs/exps")
    started_from = {a + b for a, b in re.findall(r"^refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/", names, re.MULTILINE)}
    return sorted(started_from | set(head.split()))


def read_experiments(commits: list[dict[str, Any]]) -> Experiments:
    """The experiments of :func:`show_experiments`; a commit with scores is a run, too."""
    found = Experiments([], [], [])
    for commit in commits:
        revision = commit["rev"]
        if revision == "workspace":
            continue
        base = read_lock(revision)
        if own := _run(commit.get("name") or revision[:7], revision, commit.get("data"), base, of_commit=True):
            found.runs.append(own)
        for experiment in commit.get("experiments") or []:
            revisions = experiment.get("revs") or [{}]
            name = experiment.get("name") or str(revisions[0].get("rev") or "")[:7]
            state = (experiment.get("executor") or {}).get("state", "success")
            # DVC shows what failed or runs with its own parameters and, before it has scores, those of its commit
            if state != "success" or not revisions[0] or revisions[0].get("error"):
                found.unfinished.append(name)
            elif run := _of_experiment(name, revision, base, revisions[0]):
                found.runs.append(run)
            else:
                found.without_scores.append(name)
    return found


def _of_experiment(name: str, commit: str, base: Lock, revision: Mapping[str, Any]) -> Run | None:
    """None if it has no scores of its own."""
    lock = read_lock(revision.get("rev") or "")
    if (run := _run(name, commit, revision.get("data"), lock)) is None:
        return None
    last = "evaluate" if run.scores else "score_snapshots"
    code = lock.code(last)
    return run if code in ("", base.code(last)) else replace(run, commit=f"{commit}+{code}")


def _run(name: str, commit: str, data: Mapping[str, Any] | None, lock: Lock, *, of_commit: bool = False) -> Run | None:
    """None if it has no scores of its own."""
    params = flatten(_content(data, "params", "params.yaml"))
    own = [file for file in _METRICS if lock.is_of(file, params)]
    metrics = {file: _content(data, "metrics", f"metrics/{file}.json") for file in own}
    run = Run(name, commit, params, numbers(metrics), of_commit)
    return run if params and (run.scores or run.snapshot_scores) else None


def _content(data: Mapping[str, Any] | None, kind: str, file: str) -> Mapping[str, Any]:
    """What DVC read from a file; empty if it could not."""
    content = (((data or {}).get(kind) or {}).get(file) or {}).get("data")
    return content if isinstance(content, Mapping) else {}
