"""Gradient checkpointing changes what is kept, and nothing else."""

import pytest
import torch
from torch import nn

from t2i.runtime.activation_checkpointing import checkpoint_activations
from tests.helpers import generator_inputs, make_generator


def kept_bytes(checkpointing: bool, model: str) -> tuple[int, nn.Module]:
    """Bytes kept for the gradients of a step, and the generator after its gradients were taken."""
    generator = make_generator(8, 32, "glu_batchnorm", model).train()
    if checkpointing:
        checkpoint_activations(generator.checkpointable_blocks())
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        made = generator(*generator_inputs([4, 2, 3]))
    found = sum(kept.values())
    torch.stack([image.square().sum() for image in made.images]).sum().backward()
    return found, generator


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
def test_gradients_and_batch_statistics_are_the_same_to_the_bit_with_less_kept(model: str) -> None:
    (much, plain), (little, again) = kept_bytes(False, model), kept_bytes(True, model)
    assert little < 0.5 * much
    for (name, one), (_, other) in zip(plain.named_parameters(), again.named_parameters(), strict=True):
        assert one.grad is not None and other.grad is not None and torch.equal(one.grad, other.grad), name
    for (name, buffer), (_, recomputed) in zip(plain.named_buffers(), again.named_buffers(), strict=True):
        assert torch.equal(buffer, recomputed), name


def test_batch_norms_follow_the_next_batch_again() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(3)
    checkpoint_activations([norm])
    norm(torch.randn(4, 3, requires_grad=True)).sum().backward()
    before = norm.running_mean.clone()  # type: ignore[union-attr]
    norm(torch.randn(4, 3))
    assert norm.num_batches_tracked == 2 and not torch.equal(norm.running_mean, before)  # type: ignore[arg-type]
