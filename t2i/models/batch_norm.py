"""Batch norm over a batch that several processes share.

torch's own SyncBatchNorm runs on GPUs alone, and cannot be derived twice, as gradient penalties ask for.
"""

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from t2i.distributed import gathered, size


def synchronise(network: nn.Module) -> None:
    """Let all batch norms below ``network`` see the rows of all processes; their weights stay what they are."""
    if size() == 1:
        return
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            setattr(network, name, SharedBatchNorm.of(child))
        else:
            synchronise(child)


class SharedBatchNorm(_BatchNorm):
    """Batch norm with mean and variance of all processes' rows; [N, C, ...] -> [N, C, ...]."""

    @classmethod
    def of(cls, plain: _BatchNorm) -> Self:
        """The same batch norm, with the same weights and statistics."""
        shared = cls(plain.num_features, plain.eps, plain.momentum)
        for name, value in (*plain.named_parameters(), *plain.named_buffers()):
            setattr(shared, name, value)
        return shared.train(plain.training)

    def _check_input_dim(self, _: Any) -> None:
        """All numbers of dimensions will do."""

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
    """Mean [C], biased variance [C] and number [] of what all processes have a channel: those of parts, put together.

    Chan et al., "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979.
    """
    channels = input.shape[1]
    axes = [axis for axis in range(input.ndim) if axis != 1]
    if len(input):
        variance, mean = torch.var_mean(input.float(), dim=axes, correction=0)
    else:  # one image a process, and this one's has no wrong sentence: zeros that hang on the graph, as the others' do
        variance = mean = input.float().sum(dim=axes)
    number = mean.new_full((1,), input.numel() // channels)
    parts = gathered(torch.cat((mean, variance, number))[None])  # [processes, 2 C + 1]
    means, variances, counts = parts.split([channels, channels, 1], dim=1)
    count = counts.sum()
    mean = (counts * means).sum(dim=0) / count
    variance = (counts * (variances + (means - mean).square())).sum(dim=0) / count
    return mean, variance, count
