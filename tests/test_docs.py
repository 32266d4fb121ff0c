"""Pages: links lead somewhere, and commands name options, parameters and modules that exist."""

import importlib.util
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from t2i.apps.cli import cli
from tests.conftest import ROOT

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")], key=lambda path: path.name
)
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
SELECTORS = {"data": "datasets", "model": "models", "recipe": "recipes", "budget": "budgets"}


def text_of(page: Path) -> str:
    """A page with continued lines joined."""
    return page.read_text(encoding="utf-8").replace("\\\n", " ")


def commands(page: Path) -> list[str]:
    """Inline code, and lines of code blocks without their comments."""
    text = text_of(page)
    blocks = re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [re.sub(r"\s+#.*", "", line) for block in blocks for line in block.splitlines()]
    return [*lines, *re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))]


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", page.read_text(encoding="utf-8"))
    for target in (link or source for link, source in targets):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name) if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_overrides_name_parameters(page: Path) -> None:
    for key, value in re.findall(r"-S '?([\w.<>]+)=([^\s'`\]]+)", text_of(page)):
        if key in SELECTORS:
            legal = {*PARAMS[SELECTORS[key]], "tiles", "meanword"}  # the worked examples of docs/extending.md
            assert set(value.split(",")) <= legal, f"{key}={value}"
            continue
        block = PARAMS
        for part in key.split("."):
            assert part in block, key
            block = block[part]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    for line in commands(page):
        for module in re.findall(r"python -m ((?:t2i|stages|benchmarks|tests)[\w.]*)", line):
            assert importlib.util.find_spec(module), line
        for target in re.findall(r"(?<![\w./])make ([a-z-]+)$", line):
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), line
        for part in re.split(r"&&|;", line):
            if (match := re.match(r"\s*t2i ([a-z]+)\b(.*)", part)) and "..." not in part:
                command = cli.commands[match[1]]
                context = click.Context(command)
                assert all(option.split("=")[0] in _options(command, context) for option in _used(match[2])), line


def _options(command: click.Command, context: click.Context) -> set[str]:
    return {option for parameter in command.get_params(context) for option in parameter.opts} | {"-h", "--help"}


def _used(arguments: str) -> list[str]:
    return [word for word in shlex.split(arguments) if re.match(r"--?[a-zA-Z]", word)]
