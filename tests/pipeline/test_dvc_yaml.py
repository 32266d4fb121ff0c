"""dvc.yaml says the truth about what stages import, read and depend on."""

import ast
import importlib
import re
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml

from t2i.params.reader import load
from tests.pipeline.import_graph import ROOT, code_of

STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
# those of runtime change how fast images are packed and how often trainings are saved, not one byte of the outcome
IRRELEVANT = {"runtime.processes", "runtime.checkpoint_seconds", "runtime.gradient_checkpointing", "budget"}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_exactly_the_code_it_imports(name: str) -> None:
    listed = sorted(dep for dep in STAGES[name]["deps"] if dep.endswith(".py"))
    assert listed == code_of(name)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_reads_the_outputs_of_others_that_it_lists(name: str) -> None:
    source = (ROOT / "stages" / f"{name}.py").read_text()
    constants = dict(re.findall(r'^([A-Z]+) = Path\("(.+)"\)$', (ROOT / "stages" / "runner.py").read_text(), re.M))
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    used = {
        path
        for constant, path in constants.items()
        if constant in names and constant not in ("METRICS", "PLOTS", "WEIGHTS")
    }
    outs = {out for out in STAGES[name].get("outs", [])}
    inputs = {dep for dep in STAGES[name]["deps"] if not dep.endswith(".py") and not dep.startswith("data/")}
    assert used == outs | inputs


class Recorder:
    """Stands for a section of parameters and notes which keys are read."""

    def __init__(self, section: Any, prefix: str, seen: set[str]) -> None:
        self.__dict__.update(_section=section, _prefix=prefix, _seen=seen)

    def _wrap(self, key: str, value: Any) -> Any:
        name = f"{self._prefix}{key.rstrip('_')}"
        if isinstance(value, dict) or hasattr(type(value), "model_fields"):
            return Recorder(value, f"{name}.", self._seen)
        self._seen.add(name)
        return value

    def __getattr__(self, key: str) -> Any:
        return self._wrap(key, getattr(self._section, key))

    def __getitem__(self, key: str) -> Any:
        return self._wrap(key, self._section[key])

    def __iter__(self) -> Any:  # dict(section) reads all of it
        return ((key, self._wrap(key, value)) for key, value in self._section)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_exactly_the_parameters_it_reads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    params, seen = load(ROOT / "params.yaml"), set[str]()
    stage = importlib.import_module(f"stages.{name}")
    for attribute in dir(stage):  # everything but the parameters is a stand-in that accepts anything
        if attribute not in ("main", "run", "np", "Path", "Params") and not attribute.startswith("__"):
            anything = MagicMock()
            anything.return_value.__iter__.side_effect = lambda: iter([MagicMock(), MagicMock()])
            monkeypatch.setattr(stage, attribute, anything)
    try:
        stage.main(Recorder(params, "", seen))
    except (TypeError, ValueError, KeyError, AttributeError, IndexError):
        pass  # a stand-in was of no use after the parameters had been read
    names = {"data": params.data, "model": params.model, "budget": params.budget}
    listed = [re.sub(r"\$\{(\w+)\}", lambda match: names[match[1]], entry) for entry in STAGES[name]["params"]]
    read = seen - IRRELEVANT - ({"data", "model"} - set(listed))
    for key in read:
        assert any(key == entry or key.startswith(f"{entry}.") for entry in listed), f"{key} is read but not listed"
    for entry in listed:
        assert any(key == entry or key.startswith(f"{entry}.") for key in read), f"{entry} is listed but not read"


def test_no_code_directory_or_bytecode_is_a_dependency() -> None:
    for name, stage in STAGES.items():
        for dep in stage["deps"]:
            path = Path(dep)
            assert path.suffix == ".py" or dep.startswith(("data/", "models/")) or dep in ("prepared", "samples"), name
