"""Command-line options that several benchmarks have."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from t2i.errors import InputError
from t2i.params import Params
from t2i.params.reader import load


def make_parser(benchmark: str) -> argparse.ArgumentParser:
    """A parser without options yet."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{benchmark}", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )


@contextlib.contextmanager
def one_line_errors(benchmark: str) -> Iterator[None]:
    """End with one line, as `t2i` does, where the user has to mend something; around or on a main function."""
    try:
        yield
    except InputError as error:
        sys.exit(f"{benchmark}: {error}")


def add_selectors(parser: argparse.ArgumentParser, *, recipe: str, budget: str) -> None:
    """Add --data, --recipe and --budget, which choose blocks of params.yaml for sizes, layers and losses."""
    for selector, default in {"data": "toy_birds", "recipe": recipe, "budget": budget}.items():
        parser.add_argument(f"--{selector}", default=default, help=f"{selector} of params.yaml")


def add_repeats(parser: argparse.ArgumentParser) -> None:
    """Add --repeats."""
    parser.add_argument("--repeats", type=int, default=3, help="timed runs of each variant")


def load_params(given: argparse.Namespace, model: str = "attngan") -> Params:
    """params.yaml with the blocks that the options choose."""
    return load(Path("params.yaml"), data=given.data, model=model, recipe=given.recipe, budget=given.budget)


def sizes_text(given: argparse.Namespace) -> str:
    """The options of :func:`add_selectors` in a title."""
    return f"data {given.data}, recipe {given.recipe}, budget {given.budget}"
