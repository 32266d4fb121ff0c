"""What a training loop remembers of its losses."""

import csv
import math
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

LARGEST = 1e6
"""Of a loss: beyond it, in either direction, nothing is learnt any more."""


class DivergedError(Exception):
    """A loss is no number any more, or absurdly large; the message says which, and at which step."""


class Curves:
    """Means of losses over windows of steps, without waiting for the device at every step.

    Args:
        every: steps a window.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.rows: list[dict[str, float]] = []
        self._window: dict[str, list[float]] = {}
        self._pending: list[tuple[int, dict[str, Tensor]]] = []  # still on the device

    def add(self, step: int, **losses: Tensor) -> bool:
        """Take the losses of step 0, 1, ..., some of them at some steps only; True if that completed a window.

        Raises:
            DivergedError: seen when a window is complete, for any of its steps.
        """
        self._pending.append((step, {name: loss.detach().float() for name, loss in losses.items()}))
        if (step + 1) % self.every:
            return False
        self._fetch()
        self.rows.append({"step": step + 1, **{name: math.fsum(v) / len(v) for name, v in self._window.items()}})
        self._window = {}
        return True

    def _fetch(self) -> None:
        """Bring what is on the device over, in one copy."""
        if not self._pending:
            return
        values = iter(torch.stack([loss for _, losses in self._pending for loss in losses.values()]).tolist())
        for step, losses in self._pending:
            for name in losses:
                value = next(values)
                if not abs(value) <= LARGEST:
                    raise DivergedError(f"the loss {name!r} is {value:.3g} at step {step + 1:,}")
                self._window.setdefault(name, []).append(value)
        self._pending = []

    def state_dict(self) -> dict[str, Any]:
        """All that was added; raises :class:`DivergedError` as :meth:`add`."""
        self._fetch()
        return {"rows": self.rows, "window": self._window}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on from there."""
        self.rows, self._window, self._pending = state_dict["rows"], state_dict["window"], []

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
