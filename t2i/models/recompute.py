"""Gradient checkpointing: less memory for more arithmetic.

Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def recompute_each(modules: Iterable[nn.Module]) -> None:
    """From now on modules keep their inputs alone, and gradients compute the rest of each once more; in place.

    Outputs, gradients and batch statistics stay those that they were, to the last bit. Modules must not lie in each
    other, nor draw random numbers.
    """
    for module in modules:
        module.forward = _recomputed(module)  # type: ignore[method-assign]


def _recomputed(module: nn.Module) -> Any:
    forward = module.forward

    def recomputed(*inputs: Tensor) -> Any:
        if not torch.is_grad_enabled():
            return forward(*inputs)
        return checkpoint(
            forward, *inputs, use_reentrant=False, preserve_rng_state=False,
            context_fn=lambda: (contextlib.nullcontext(), _untracked(module)),
        )  # fmt: skip

    return recomputed


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
