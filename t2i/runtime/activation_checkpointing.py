"""Activation (gradient) checkpointing: less memory for more computation.

Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def checkpoint_activations(modules: Iterable[nn.Module]) -> None:
    """Keep only the inputs of modules for the backward pass, and recompute the rest there; in place.

    Outputs, gradients and batch statistics are unchanged to the last bit. Modules must not contain each other, nor draw
    random numbers.
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
    """Batch norms normalise with the batch, but do not update their running statistics again."""
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
