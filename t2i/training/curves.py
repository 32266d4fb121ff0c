"""What a training loop remembers of its losses."""

import csv
import os
from pathlib import Path

from torch import Tensor


class Curves:
    """Means of losses over windows of steps, without waiting for the device at every step.

    Args:
        every: steps a window.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.rows: list[dict[str, float]] = []
        self._window: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, step: int, **losses: Tensor) -> bool:
        """Take the losses of step 0, 1, ..., some of them at some steps only; True if that completed a window."""
        for name, loss in losses.items():
            value = loss.detach().float()
            self._window[name] = self._window[name] + value if name in self._window else value
            self._counts[name] = self._counts.get(name, 0) + 1
        if (step + 1) % self.every:
            return False
        self.rows.append(
            {"step": step + 1, **{name: total.item() / self._counts[name] for name, total in self._window.items()}}
        )
        self._window, self._counts = {}, {}
        return True

    def summary(self) -> str:
        """The last window in a few words, for a progress bar."""
        return " ".join(f"{name} {value:.3g}" for name, value in self.rows[-1].items() if name != "step")


def write_csv(path: Path, rows: list[dict[str, float]]) -> None:
    """Write rows as a table with the union of their keys as columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{value:.6g}" for key, value in row.items()} for row in rows)
    os.replace(part, path)
