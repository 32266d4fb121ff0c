"""Losses of a training over time."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from t2i.files import replacing

DIVERGENCE_THRESHOLD = 1e6
"""A loss beyond it, in either direction, has diverged."""


class DivergedError(Exception):
    """A loss is NaN or exceeds the threshold; the message names it and the step."""


class LossHistory:
    """Means of losses over windows of steps, without waiting for the device at every step.

    Args:
        every: steps a window.

    Attributes:
        rows: one a window: ``step`` at its end, and the mean of each loss.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.rows: list[dict[str, float]] = []
        self._window: dict[str, list[float]] = {}
        self._pending: list[tuple[int, dict[str, Tensor]]] = []  # still on the device

    def add(self, step: int, **losses: Tensor) -> bool:
        """Add the losses of step 0, 1, ..., some of them at some steps only; True if that completed a window.

        Raises:
            DivergedError: when a window is complete, for any of its steps.
        """
        self._pending.append((step, {name: loss.detach().float() for name, loss in losses.items()}))
        if (step + 1) % self.every:
            return False
        self._fetch()
        self.rows.append({"step": step + 1, **{name: math.fsum(v) / len(v) for name, v in self._window.items()}})
        self._window = {}
        return True

    def _fetch(self) -> None:
        """Copy what is on the device to the processor, in one go."""
        if not self._pending:
            return
        values = iter(torch.stack([loss for _, losses in self._pending for loss in losses.values()]).tolist())
        for step, losses in self._pending:
            for name in losses:
                value = next(values)
                if not abs(value) <= DIVERGENCE_THRESHOLD:
                    raise DivergedError(f"the loss {name!r} is {value:.3g} at step {step + 1:,}")
                self._window.setdefault(name, []).append(value)
        self._pending = []

    def state_dict(self) -> dict[str, Any]:
        """All that was added; raises :class:`DivergedError` as :meth:`add`."""
        self._fetch()
        return {"rows": self.rows, "window": self._window}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on from a state."""
        self.rows, self._window, self._pending = state_dict["rows"], state_dict["window"], []

    def summary(self) -> str:
        """The last window in a few words, for a progress bar."""
        return " ".join(f"{name} {value:.3g}" for name, value in self.rows[-1].items() if name != "step")


def write_csv(path: Path, rows: list[dict[str, float]], columns: tuple[str, ...] = ("step",)) -> None:
    """Write rows as a table with the union of their keys as columns, numbers with six digits.

    Args:
        columns: of a table without rows.
    """
    table = pd.DataFrame(rows, columns=None if rows else columns).astype({"step": int})
    with replacing(path) as part:
        table.to_csv(part, index=False, lineterminator="\n", float_format="%.6g")
