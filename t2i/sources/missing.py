"""Images that a data set lists and does not have: refused, or left out and reported; never dropped in silence."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Self, TypedDict

from t2i.errors import InputError
from t2i.terminal import one_line

OnMissing = Literal["error", "skip"]
MAX_NAMES = 3
"""How many names of images a message and a report give for each problem."""


class Missing(TypedDict):
    """How many images have one problem, and the names of the first few of them."""

    count: int
    first: list[str]


class MissingItems:
    """Collects images that cannot be used, grouped by problem.

    Args:
        on_missing: "error" refuses the data set and names the first few images, "skip" leaves them out.
    """

    def __init__(self, on_missing: OnMissing = "error") -> None:
        self.on_missing = on_missing
        self._names: dict[str, list[str]] = {}
        self._notes: dict[str, list[str]] = {}
        self._causes: dict[str, str] = {}
        self._shown: set[str] = set()

    def add(self, problem: str, name: str, cause: str = "") -> None:
        """Record an image that cannot be used.

        Args:
            problem: continues a message that begins with "3 images" or "1 image"; includes the place.
            name: of the image.
            cause: what is wrong with this very image, if that is known; shown for the first image of each problem.
        """
        self._names.setdefault(problem, []).append(name)
        if cause:
            self._causes.setdefault(problem, cause)

    def note(self, reason: str, name: str) -> None:
        """Record what is left out by a rule and is no mistake of the data set, e.g. captions beyond a limit.

        Args:
            reason: continues a message that begins with a number, e.g. "images of the split val".
            name: of the item.
        """
        self._notes.setdefault(reason, []).append(name)

    @contextmanager
    def raise_unless_skipping(self) -> Iterator[Self]:
        """Collect within the block; at its end, refuse the data set if items are missing and are not to be skipped.

        Raises:
            InputError: the first problem, its count and the first few names.
        """
        yield self
        if self.on_missing == "error":
            for problem, names in self._names.items():
                raise InputError(
                    f"{describe(problem, names)}: correct the data set, or leave them out with "
                    "-S datasets.<name>.on_missing=skip"
                )

    def report(self) -> dict[str, Missing]:
        """Problem or rule -> what was left out because of it."""
        items = (self._names | self._notes).items()
        return {
            reason: Missing(count=len(names), first=list(dict.fromkeys(names))[:MAX_NAMES]) for reason, names in items
        }

    def lines(self) -> list[str]:
        """The report as text, one line for each problem."""
        return [f"left out: {description}" for description in self._descriptions()]

    def new_lines(self) -> list[str]:
        """Those of the lines that this method has not returned before."""
        new = [line for line in self.lines() if line not in self._shown]
        self._shown.update(new)
        return new

    def summary(self) -> str:
        """The report as a part of a message; empty if nothing was left out."""
        return "; ".join(self._descriptions())

    def _descriptions(self) -> list[str]:
        problems = [
            describe(problem, names) + (f"; the first: {self._causes[problem]}" if problem in self._causes else "")
            for problem, names in self._names.items()
        ]
        return problems + [f"{len(names):,} {reason} ({_first(names)})" for reason, names in self._notes.items()]


def describe(problem: str, names: list[str]) -> str:
    """One line with the number of images, the problem, and the first few names."""
    return f"{len(names)} image{'s' * (len(names) > 1)} {problem} ({_first(names)}){_encoding_hint(names)}"


def _first(names: list[str]) -> str:
    different = list(dict.fromkeys(names))
    return ", ".join(map(one_line, different[:MAX_NAMES])) + (", ..." if len(different) > MAX_NAMES else "")


def _encoding_hint(names: list[str]) -> str:
    """The reason why no file of such a name can be there, if that is the encoding of file names."""
    try:
        for name in names:
            os.fsencode(name)
    except UnicodeEncodeError:
        return f"; Python reads file names as {sys.getfilesystemencoding()} here, set PYTHONUTF8=1"
    return ""
