"""The worked examples of docs/extending.md, run as they stand on the page."""

import re
from collections.abc import Iterator
from inspect import signature
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from t2i.models.generators.generator import REFINEMENTS
from t2i.params import Model
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "extending.md"
TITLES = ["A data set", "A generator", "A loss", "A score"]


def example(title: str) -> str:
    """Python code of a section, on the lines that it has on the page: tracebacks name them."""
    section, inside, lines = "", False, []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        section = line[3:] if line.startswith("## ") else section
        is_code = inside and line != "```"
        inside = line == "```python" or is_code
        lines.append(line if is_code and section == title else "")
    return "\n".join(lines)


@pytest.fixture(autouse=True)
def unchanged_refinements() -> Iterator[None]:
    before = dict(REFINEMENTS)
    yield
    REFINEMENTS.clear()
    REFINEMENTS.update(before)


@pytest.mark.parametrize("title", TITLES)
def test_the_example_passes_its_own_tests(title: str, tmp_path: Path) -> None:
    module = ModuleType("example")
    exec(compile(example(title), PAGE, "exec"), module.__dict__)
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    assert len(tests) >= 2
    for number, test in enumerate(tests):
        folder = tmp_path / str(number)
        folder.mkdir()
        test(**({"tmp_path": folder} if "tmp_path" in signature(test).parameters else {}))


def test_the_parameters_of_the_data_set_are_legal() -> None:
    module = ModuleType("example")
    exec(compile(example("A data set"), PAGE, "exec"), module.__dict__)
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    tiles = module.Tiles.model_validate(yaml.safe_load(block)["tiles"])
    assert dict(tiles.source) == {"captions_per_image": len(module.TEMPLATES)}


def test_the_parameters_of_the_generator_are_legal() -> None:
    (block,) = re.findall(r"`(meanword: \{.*?\})`", PAGE.read_text(encoding="utf-8"))
    model = Model.model_validate(yaml.safe_load(block)["meanword"])
    assert model.noise_dim == 100 and not model.align_corners


def test_files_and_names_of_the_tables_exist() -> None:
    """A row names files and, in its second cell, identifiers that stand in one of them."""
    rows = re.findall(r"^\| (`.+?) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 15
    for files, change in rows:
        paths = [ROOT / name for name in re.findall(r"`([^`]+)`", files)]
        if any("<name>" in path.name for path in paths):
            assert all(path.parent.is_dir() for path in paths), files
            continue
        text = "".join(path.read_text(encoding="utf-8") for path in paths)
        for name in re.findall(r"`([^`/<]+)`", change):
            assert re.search(rf"\b{name}\b", text), f"{files} has no {name}"
