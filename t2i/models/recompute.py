"""Gradient checkpointing: less memory for more arithmetic.

Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def recomputed(module: nn.Module, *inputs: Tensor) -> Any:
    """What ``module(*inputs)`` gives; only the inputs are kept, and gradients compute the rest of it once more.

    Outputs, gradients and batch statistics are those of the module, to the last bit.
    """
    return checkpoint(
        module, *inputs, use_reentrant=False, context_fn=lambda: (contextlib.nullcontext(), _untracked(module))
    )


@contextlib.contextmanager
def _untracked(module: nn.Module) -> Iterator[None]:
    """Batch norms see the batch, but do not count it again."""
    norms = [child for child in module.modules() if isinstance(child, _BatchNorm) and child.training]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked -= 1
