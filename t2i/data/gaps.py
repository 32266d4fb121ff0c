"""What a data set lists and does not have: refused, or left out and reported; never dropped in silence."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypedDict

from t2i.errors import InputError

OnMissing = Literal["error", "skip"]
SHOWN = 3


class Gap(TypedDict):
    """How many images have a problem, and the first few of them."""

    count: int
    first: list[str]


class Gaps:
    """Collects images that cannot be used, by what is wrong with them.

    Args:
        on_missing: "error" refuses the data set and names the first few, "skip" leaves them out.
    """

    def __init__(self, on_missing: OnMissing = "error") -> None:
        self.on_missing = on_missing
        self._found: dict[str, list[str]] = {}

    def add(self, problem: str, name: str) -> None:
        """Note an image.

        Args:
            problem: goes on after "3 images", in words that fit one image too, with the place.
            name: of the image.
        """
        self._found.setdefault(problem, []).append(name)

    @contextmanager
    def settled(self) -> Iterator["Gaps"]:
        """Collect within the block; at its end, refuse what came together if that is what is wanted.

        Raises:
            InputError: the first problem, its count and the first few names.
        """
        yield self
        if self.on_missing == "error":
            for problem, names in self._found.items():
                raise InputError(
                    f"{_said(problem, names)}: correct the data set, or leave them out with "
                    "-S datasets.<name>.on_missing=skip"
                )

    def report(self) -> dict[str, Gap]:
        """Problem -> what was left out because of it."""
        return {problem: Gap(count=len(names), first=names[:SHOWN]) for problem, names in self._found.items()}

    def lines(self) -> list[str]:
        """The same for people, a line each."""
        return [f"left out: {_said(problem, names)}" for problem, names in self._found.items()]


def _said(problem: str, names: list[str]) -> str:
    some = ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
    return f"{len(names)} image{'s' * (len(names) > 1)} {problem} ({some})"
