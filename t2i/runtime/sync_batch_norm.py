"""Synchronised batch norm: statistics over the rows of all processes.

torch's own SyncBatchNorm runs on GPUs alone, where it is one kernel for what takes several passes here, and has no
second derivative, which R1 needs.
"""

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from t2i.runtime.device import current_device
from t2i.runtime.distributed import all_reduce_sum, padded, world_size


def convert_sync_batchnorm(network: nn.Module, *, discriminates: bool = False) -> None:
    """Replace all batch norms in train mode below ``network`` by synchronised ones with the same weights; in place.

    Those in eval mode, of frozen networks, have fixed statistics.

    Args:
        discriminates: the network may be differentiated twice, and be given no rows in one of the processes, for which
            torch's own has messages of another precision than the others' under autocast.
    """
    if world_size() == 1:
        return
    own = discriminates or current_device().type != "cuda"
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            if child.training:
                synchronised = SyncBatchNorm.of(child) if own else nn.SyncBatchNorm.convert_sync_batchnorm(child)
                setattr(network, name, synchronised)
        else:
            convert_sync_batchnorm(child, discriminates=discriminates)


def normalise_apart(norm: nn.Module, sets: Sequence[Tensor]) -> list[Tensor]:
    """Several sets of rows, each with its own statistics, one after the other; any number of [N, C, ...] -> the same.

    Processes exchange the statistics of all of them at once.
    """
    return norm.normalise(sets) if isinstance(norm, SyncBatchNorm) else [norm(rows) for rows in sets]


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
        return self.normalise([input])[0]

    def normalise(self, sets: Sequence[Tensor]) -> list[Tensor]:
        """See :func:`normalise_apart`."""
        if not self.training:
            return [super(SyncBatchNorm, self).forward(rows) for rows in sets]
        return [self._normalised(rows, *of_set) for rows, of_set in zip(sets, _statistics(sets), strict=True)]

    def _normalised(self, rows: Tensor, mean: Tensor, variance: Tensor, count: Tensor) -> Tensor:
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        assert self.num_batches_tracked is not None
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        shape = (1, -1) + (1,) * (rows.ndim - 2)
        return (rows * scale.view(shape) + shift.view(shape)).to(rows.dtype)


def _statistics(sets: Sequence[Tensor]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Mean [C], biased variance [C] and number [] of each channel of each set over all processes, from those of each.

    Chan et al., "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979.
    """
    own = torch.stack([_own_statistics(rows) for rows in sets])  # [sets, 2 C + 1]
    of_each = all_reduce_sum(padded(own[None], world_size()))  # [processes, sets, 2 C + 1]
    channels = sets[0].shape[1]
    means, variances, counts = of_each.split([channels, channels, 1], dim=2)
    number = counts.sum(dim=0)  # [sets, 1]
    mean = (counts * means).sum(dim=0) / number
    variance = (counts * (variances + (means - mean).square())).sum(dim=0) / number
    return list(zip(mean, variance, number, strict=True))


def _own_statistics(rows: Tensor) -> Tensor:
    """Mean, biased variance and number of each channel in this process: [N, C, ...] -> [2 C + 1]."""
    channels = rows.shape[1]
    axes = [axis for axis in range(rows.ndim) if axis != 1]
    if len(rows):
        variance, mean = torch.var_mean(rows.float(), dim=axes, correction=0)
    else:  # a process may have no mismatched sentence: keep it in the autograd graph so that collectives match
        variance = mean = rows.float().sum(dim=axes)
    return torch.cat((mean, variance, mean.new_full((1,), rows.numel() // channels)))
