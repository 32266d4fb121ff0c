"""Exponential moving average of a network's weights."""

import copy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class Ema(Generic[Network]):
    """A copy of a network whose weights follow it slowly; pictures are made from the copy.

    Args:
        network: what to follow.
        decay: share of the old average that stays at each update, in [0, 1).
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._averages: list[Tensor] = list(self.network.parameters())
        self._weights: list[Tensor] = list(network.parameters())
        self._buffers = list(zip(self.network.buffers(), network.buffers(), strict=True))
        self.decay = decay

    @torch.no_grad()
    def update(self) -> None:
        """Take one step towards the network; its buffers (batch statistics) are copied."""
        torch._foreach_lerp_(self._averages, self._weights, 1 - self.decay)
        for average, buffer in self._buffers:
            average.copy_(buffer)

    def state_dict(self) -> dict[str, Any]:
        """The averaged weights."""
        return self.network.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on from there."""
        self.network.load_state_dict(state_dict)
