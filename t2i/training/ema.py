"""Exponential moving average of a network's weights."""

import copy

import torch
from torch import nn


class Ema:
    """A copy of a network whose weights follow it slowly; pictures are made from the copy.

    Args:
        network: what to follow.
        decay: share of the old average that stays at each update, in [0, 1).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._averages, self._weights = list(self.network.parameters()), list(network.parameters())
        self._buffers = list(zip(self.network.buffers(), network.buffers(), strict=True))
        self.decay = decay

    @torch.no_grad()
    def update(self) -> None:
        """Take one step towards the network; its buffers (batch statistics) are copied."""
        torch._foreach_lerp_(self._averages, self._weights, 1 - self.decay)
        for average, buffer in self._buffers:
            average.copy_(buffer)
