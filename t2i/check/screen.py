"""Everything that can be known before a run, part by part."""

import shlex
import shutil
import textwrap
from collections.abc import Iterator, Sequence

from t2i.check.cost import check_cost
from t2i.check.data import check_data
from t2i.check.findings import Findings
from t2i.check.machine import check_machine
from t2i.check.weights import check_weights
from t2i.params import Params

_WIDTH = 120  # of lines where there is no terminal


def check(params: Params, *, trial: bool) -> Iterator[Findings]:
    """Look at machine, data and costs of a run.

    Args:
        trial: try a few steps of each training, which takes about half a minute on a processor.
    """
    yield check_machine(params)
    data, splits = check_data(params)
    yield data
    yield check_weights(params)
    if trial and splits is not None:
        yield check_cost(params, splits)


def selection(params: Params) -> str:
    """The four selectors in a line."""
    return ", ".join(f"{name}={getattr(params, name)}" for name in ("data", "model", "recipe", "budget"))


def part_text(part: Findings) -> str:
    """A part with its title; empty if it has no lines."""
    if not part.lines:
        return ""
    width = shutil.get_terminal_size((_WIDTH, 0)).columns
    lines = (
        textwrap.fill(
            f"  {label:<16} {text}", width, subsequent_indent=" " * 19, break_long_words=False, break_on_hyphens=False
        )
        for label, text in part.lines
    )
    return "\n".join(["", part.title, *lines])


def conclusion(problems: Sequence[str], changes: Sequence[str]) -> str:
    """Whether the run can start and with which command, or what stops it, a line each: they end with commands to copy.

    Args:
        changes: of params.yaml, ``key=value``.
    """
    if not problems:
        command = ["dvc", "exp", "run", *(part for change in changes for part in ("-S", change))]
        return f"\nnothing would stop it: {shlex.join(command) if changes else 'dvc repro'}"
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([f"\n{count} would stop it:", *(f"  - {line}" for line in problems)])
