"""What the dvc.lock of a run tells: which of its scores are of its own parameters, and with which code they came about.

A run of some stages alone (``dvc exp run preprocess``) is an experiment like any other, with the scores that its commit
had before.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from t2i.ablation.git import git
from t2i.ablation.metrics import flatten
from t2i.ablation.values import counts, value_label

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # 20 times as fast, where PyYAML has it
_CODE = ("stages/", "t2i/")


@dataclass(frozen=True)
class Lock:
    """The stages of a dvc.lock, as they last ran."""

    stages: Mapping[str, Any]

    def is_of(self, stage: str, params: Mapping[str, Any]) -> bool:
        """Whether a stage and all that it builds on ran with these parameters, each on what the one before made.

        Args:
            params: flat. A stage that the file does not have is not doubted.
        """
        return all(self._ran_with(params, entry) and self._inputs_are_those_made(entry) for entry in self._line(stage))

    def code(self, stage: str) -> str:
        """Digest of the code of a stage and of all that it builds on; "" if the file does not have it."""
        files = {file for entry in self._line(stage) for file in _files(entry, "deps") if file[0].startswith(_CODE)}
        return hashlib.sha256(repr(sorted(files)).encode()).hexdigest()[:7] if files else ""

    def _line(self, stage: str) -> Iterator[Mapping[str, Any]]:
        """The stage and all that it builds on."""
        waiting, seen = [stage], set[str]()
        while waiting:
            name = waiting.pop()
            if name in self.stages and name not in seen:
                seen.add(name)
                yield self.stages[name]
                waiting += [self._made[path][0] for path, _ in _files(self.stages[name], "deps") if path in self._made]

    @cached_property
    def _made(self) -> dict[str, tuple[str, str]]:
        """Path -> the stage that makes it, and the digest of what it made."""
        return {path: (name, md5) for name, entry in self.stages.items() for path, md5 in _files(entry, "outs")}

    def _inputs_are_those_made(self, entry: Mapping[str, Any]) -> bool:
        return all(path not in self._made or self._made[path][1] == md5 for path, md5 in _files(entry, "deps"))

    @staticmethod
    def _ran_with(params: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
        for key, value in entry.get("params", {}).get("params.yaml", {}).items():
            below = {name: each for name, each in params.items() if name == key or name.startswith(f"{key}.")}
            own, ran = ({n: value_label(v) for n, v in values.items()} for values in (below, flatten({key: value})))
            if own != ran or not counts(f"{key}.", params):  # a block of another model, say
                return False
        return True


def _files(entry: Mapping[str, Any], kind: str) -> list[tuple[str, str]]:
    """Paths and digests of what a stage reads or makes."""
    return [(file["path"], file.get("md5", "")) for file in entry.get(kind, [])]


def read_lock(revision: str) -> Lock:
    """That of a commit; without any stage if it has none, or an unreadable one."""
    try:
        content = yaml.load(git("show", f"{revision}:./dvc.lock"), _LOADER) if revision else None
    except yaml.YAMLError:
        content = None
    stages = content.get("stages") if isinstance(content, Mapping) else None
    return Lock(stages if isinstance(stages, Mapping) else {})
