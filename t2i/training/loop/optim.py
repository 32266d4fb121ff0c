"""Fused Adam over flat views of channels-last weights."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Adam(torch.optim.Adam):
    """torch's fused Adam on flat views of the weights' memory.

    On a processor torch 2.13's fused Adam copies every channels-last weight, its gradient and its moments at each step:
    five times as slow, and with as much more memory as the largest weight takes. A one-dimensional view of the same
    memory is never copied.

    Args:
        weights: dense; their values stay where they are in memory from now on.
        lr, betas: as in torch.
    """

    def __init__(self, weights: Iterable[nn.Parameter], *, lr: float, betas: tuple[float, float]) -> None:
        self._weights = list(weights)
        flat = [nn.Parameter(_flat_view(weight.detach())) for weight in self._weights]
        super().__init__(flat, lr=lr, betas=betas, fused=True)

    def step(self) -> None:  # type: ignore[override]
        """Take one step along the gradients of the weights."""
        flat = self.param_groups[0]["params"]
        for view, weight in zip(flat, self._weights, strict=True):
            if weight.grad is not None:
                gradient = weight.grad
                if gradient.stride() != weight.stride():
                    gradient = torch.empty_like(weight).copy_(gradient)
                view.grad = _flat_view(gradient)
        super().step()
        for view in flat:
            view.grad = None

    def zero_grad(self) -> None:  # type: ignore[override]
        """Free the gradients, which take as much memory as the weights."""
        for weight in self._weights:
            weight.grad = None


def _flat_view(tensor: Tensor) -> Tensor:
    """The memory of a dense tensor in one dimension."""
    return tensor.as_strided((tensor.numel(),), (1,))
