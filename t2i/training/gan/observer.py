"""What looks at a generator while it is trained."""

from typing import Protocol

from t2i.models.generators.generator import Generator
from t2i.training.loop.checkpoint import Stateful


class Observer(Stateful, Protocol):
    """Is shown the averaged generator after each step, and changes nothing; its state is part of the checkpoints."""

    def file_bytes(self, steps: int, generator: Generator) -> int:
        """Of the files that it writes in a training of so many steps."""
        ...

    def __call__(self, step: int, steps: int, generator: Generator, num_scales: int) -> None:
        """Look at the generator after ``step`` of ``steps``.

        Args:
            num_scales: scales that are trained so far, from the smallest.
        """
        ...
