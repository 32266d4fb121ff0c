"""Adam for weights of any layout."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Adam(torch.optim.Adam):
    """torch's fused Adam, which sees every weight as the row of numbers that it is in memory.

    Given channels-last weights themselves, it copies each, its gradient and its moments on a processor: five times as
    slow, and with as much more memory as the largest weight takes.

    Args:
        weights: dense; their values stay where they are in memory from now on.
        lr, betas: as torch has them.
    """

    def __init__(self, weights: Iterable[nn.Parameter], *, lr: float, betas: tuple[float, float]) -> None:
        self._weights = list(weights)
        rows = [nn.Parameter(_row(weight.detach())) for weight in self._weights]
        super().__init__(rows, lr=lr, betas=betas, fused=True)

    def set_lr(self, lr: float) -> None:
        """Learning rate of the next steps."""
        for group in self.param_groups:
            group["lr"] = lr

    def step(self) -> None:  # type: ignore[override]
        """Take one step along the gradients of the weights."""
        rows = self.param_groups[0]["params"]
        for row, weight in zip(rows, self._weights, strict=True):
            if weight.grad is not None:
                gradient = weight.grad
                if gradient.stride() != weight.stride():
                    gradient = torch.empty_like(weight).copy_(gradient)
                row.grad = _row(gradient)
        super().step()
        for row in rows:
            row.grad = None

    def zero_grad(self) -> None:  # type: ignore[override]
        """Let go of the gradients, which take as much memory as the weights."""
        for weight in self._weights:
            weight.grad = None


def _row(tensor: Tensor) -> Tensor:
    """A dense tensor's own memory in one dimension."""
    return tensor.as_strided((tensor.numel(),), (1,))
