"""dvc.yaml lists exactly what stages import, read and depend on."""

import ast
import contextlib
import importlib
import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml
from pydantic import BaseModel

from t2i.params import Params
from t2i.params.reader import load
from t2i.params.values import Section
from tests.pipeline.import_graph import CODE, ROOT, code_of, expanded, folded

STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
# these of runtime change how fast images are packed and how often trainings are saved, not one byte of the outcome
IRRELEVANT = {
    f"runtime.{name}"
    for name in ("preprocess_workers", "checkpoint_seconds", "gradient_checkpointing", "deterministic")
}
SELECTORS = {"data", "model", "recipe", "budget"}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_exactly_the_code_it_imports(name: str) -> None:
    listed = STAGES[name]["deps"]
    assert expanded(listed) == code_of(name), "run `make deps`"
    assert [dep for dep in listed if dep.split("/")[0] in CODE] == folded(code_of(name)), "run `make deps`"


def test_the_progress_images_of_the_gan_hang_on_no_font_and_scores_on_no_generator() -> None:
    assert not any("figures" in file for file in code_of("train_gan"))
    assert not any("generators" in file for file in code_of("evaluate"))


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_reads_the_outputs_of_others_that_it_lists(name: str) -> None:
    source = (ROOT / "stages" / f"{name}.py").read_text()
    paths = (ROOT / "t2i" / "pipeline" / "run.py").read_text()
    constants = dict(re.findall(r'^([A-Z]+) = Path\("(.+)"\)$', paths, re.M))
    names = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    used = {path for constant, path in constants.items() if constant in names and constant not in ("METRICS", "PLOTS")}
    outs = {out for out in STAGES[name].get("outs", [])}
    inputs = {dep for dep in STAGES[name]["deps"] if dep.split("/")[0] not in (*CODE, "data")}
    assert used and used == outs | inputs


@contextlib.contextmanager
def recorded(params: Params, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The dotted keys of params.yaml that are read within the block."""
    seen: set[str] = set()
    places = {id(params): ""} | {id(section): f"{path}." for path, section in _sections(params, "")}
    get, iterate = BaseModel.__getattribute__, BaseModel.__iter__

    def note(section: Section, key: str, value: Any) -> None:
        if not isinstance(value, Section | dict) and id(section) in places:
            seen.add(f"{places[id(section)]}{type(section).model_fields[key].alias or key}")

    def getattribute(self: Section, key: str) -> Any:
        value = get(self, key)
        if key in type(self).model_fields:
            note(self, key, value)
        return value

    def iterated(self: Section) -> Any:  # dict(section) reads all of it
        for key, value in iterate(self):
            note(self, key, value)
            yield key, value

    with monkeypatch.context() as patched:
        patched.setattr(Section, "__getattribute__", getattribute)
        patched.setattr(Section, "__iter__", iterated)
        yield seen


def _sections(section: Section, path: str) -> Iterator[tuple[str, Section]]:
    """All blocks below one, with their dotted places."""
    for key, value in section.__dict__.items():
        blocks = value if isinstance(value, dict) else {"": value}
        for name, block in blocks.items():
            if isinstance(block, Section):
                place = ".".join(filter(None, (path, key, name)))
                yield place, block
                yield from _sections(block, place)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_exactly_the_parameters_it_reads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    params = load(ROOT / "params.yaml")
    stage = importlib.import_module(f"stages.{name}")
    kept = {"damsm_arguments", "judge_arguments", "gan_arguments", "read_dataset", "pack_arguments", "empty_problems"}
    kept |= {"damsm_start", "gan_start", "main", "run", "np", "Path", "Params", "Any", "logging", "log"}
    for attribute in dir(stage):  # everything else is a stand-in that accepts anything
        if attribute not in kept and not attribute.startswith("__"):
            anything = MagicMock()
            anything.return_value.__iter__.side_effect = lambda: iter([MagicMock(), MagicMock()])
            monkeypatch.setattr(stage, attribute, anything)
    monkeypatch.setattr("t2i.sources.toy_birds.read", MagicMock())
    with recorded(params, monkeypatch) as seen:
        try:
            stage.main(params)
        except (TypeError, ValueError, KeyError, AttributeError, IndexError):
            pass  # a stand-in was of no use after the parameters had been read
    names = {selector: getattr(params, selector) for selector in SELECTORS}
    listed = [re.sub(r"\$\{(\w+)\}", lambda match: names[match[1]], entry) for entry in STAGES[name]["params"]]
    read = seen - IRRELEVANT - (SELECTORS - set(listed))
    for key in read:
        assert any(key == entry or key.startswith(f"{entry}.") for entry in listed), f"{key} is read but not listed"
    for entry in listed:
        assert any(key == entry or key.startswith(f"{entry}.") for key in read), f"{entry} is listed but not read"
