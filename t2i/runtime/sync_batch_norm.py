"""Synchronised batch norm: statistics over the rows of all processes.

torch's own SyncBatchNorm runs on GPUs alone and has no second derivative, which R1 needs.
"""

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from t2i.runtime.distributed import all_gather, world_size


def convert_sync_batchnorm(network: nn.Module) -> None:
    """Replace all batch norms below ``network`` by synchronised ones with the same weights; in place."""
    if world_size() == 1:
        return
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            setattr(network, name, SyncBatchNorm.of(child))
        else:
            convert_sync_batchnorm(child)


class SyncBatchNorm(_BatchNorm):
    """Batch norm with the mean and variance of all processes' rows; [N, C, ...] -> [N, C, ...]."""

    @classmethod
    def of(cls, plain: _BatchNorm) -> Self:
        """The same batch norm, with the same weights and statistics."""
        shared = cls(plain.num_features, plain.eps, plain.momentum)
        for name, value in (*plain.named_parameters(), *plain.named_buffers()):
            setattr(shared, name, value)
        return shared.train(plain.training)

    def _check_input_dim(self, _: Any) -> None:
        """Accept any number of dimensions."""

    def forward(self, input: Tensor) -> Tensor:
        """Shape: [N, C, ...] -> [N, C, ...]; N may differ between the processes, and be 0."""
        if not self.training:
            return super().forward(input)
        mean, variance, count = _statistics(input)
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        shape = (1, -1) + (1,) * (input.ndim - 2)
        return (input * scale.view(shape) + shift.view(shape)).to(input.dtype)


def _statistics(input: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean [C], biased variance [C] and number [] of each channel over all processes, from those of each.

    Chan et al., "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979.
    """
    channels = input.shape[1]
    axes = [axis for axis in range(input.ndim) if axis != 1]
    if len(input):
        variance, mean = torch.var_mean(input.float(), dim=axes, correction=0)
    else:  # a process may have no mismatched sentence: keep it in the autograd graph so that collectives match
        variance = mean = input.float().sum(dim=axes)
    number = mean.new_full((1,), input.numel() // channels)
    parts = all_gather(torch.cat((mean, variance, number))[None])  # [processes, 2 C + 1]
    means, variances, counts = parts.split([channels, channels, 1], dim=1)
    count = counts.sum()
    mean = (counts * means).sum(dim=0) / count
    variance = (counts * (variances + (means - mean).square())).sum(dim=0) / count
    return mean, variance, count
