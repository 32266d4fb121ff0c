"""Images that a data set lists and does not have: refused, or left out and reported; never dropped in silence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Self, TypedDict

from t2i.errors import InputError

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

    def add(self, problem: str, name: str) -> None:
        """Record an image that cannot be used.

        Args:
            problem: continues a message that begins with "3 images" or "1 image"; includes the place.
            name: of the image.
        """
        self._names.setdefault(problem, []).append(name)

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
        """Problem -> the images that were left out because of it."""
        return {problem: Missing(count=len(names), first=names[:MAX_NAMES]) for problem, names in self._names.items()}

    def lines(self) -> list[str]:
        """The report as text, one line for each problem."""
        return [f"left out: {describe(problem, names)}" for problem, names in self._names.items()]


def describe(problem: str, names: list[str]) -> str:
    """One line with the number of images, the problem, and the first few names."""
    some = ", ".join(names[:MAX_NAMES]) + (", ..." if len(names) > MAX_NAMES else "")
    return f"{len(names)} image{'s' * (len(names) > 1)} {problem} ({some})"
