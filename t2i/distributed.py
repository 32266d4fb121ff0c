"""One training by several processes that share out the images of each batch.

Every process knows the text, the classes and the noise of the whole batch and computes the images of its own part.
Wherever images of the batch meet, in means, contrasts and batch norm, the processes exchange what they found, so that
each has the loss of the whole batch. With one process every function here hands its argument back.

Why gradients are right: what a process derives is the sum of all processes' (equal) losses by its own copy of the
weights. Averaged over the copies, that is the gradient of the loss.
"""

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist

from t2i.errors import InputError, LostError

Value = TypeVar("Value")

# Processes may wait long for the first one, which waits for its turn where the same training is running already. That
# a process has died is noticed by torchrun, not by waiting.
_PATIENCE = timedelta(days=7)


def invited() -> bool:
    """Whether torchrun started this process as one of several."""
    return "RANK" in os.environ and int(os.environ["WORLD_SIZE"]) > 1


@contextlib.contextmanager
def joined() -> Iterator[None]:
    """Inside, this process is one of those that torchrun started; if it started none, nothing happens.

    Each takes a GPU of its own, if there are any.

    Raises:
        InputError: this machine has fewer GPUs than processes.
    """
    if not invited():
        yield
        return
    backend = "gloo"
    if torch.cuda.is_available():
        local, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= gpus:
            raise InputError(f"process {local + 1} of this machine has no GPU, there are {gpus}; start as many")
        torch.cuda.set_device(local)
        backend = "cpu:gloo,cuda:nccl"  # gloo for what the processes tell each other without waiting for their GPUs
    dist.init_process_group(backend, timeout=_PATIENCE)
    yield
    wait_for_all()  # the first process still writes when the others are done
    dist.destroy_process_group()  # not after a failure: it might wait for what the others do not do any more


def size() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


# ---- The own part of a batch ----


def own_rows(count: int) -> slice:
    """Which of ``count`` rows are this process's.

    Raises:
        InputError: the processes do not divide it.
    """
    if count % size():
        raise InputError(f"a batch_size of {count} cannot be shared out evenly to {size()} processes; change either")
    part = count // size()
    return slice(rank() * part, (rank() + 1) * part)


def own(tensor: Tensor, views: int = 1) -> Tensor:
    """This process's part of something about the whole batch: [V N, ...] -> [V N / processes, ...], V views of N."""
    if size() == 1:
        return tensor
    rows = own_rows(len(tensor) // views)
    return tensor.unflatten(0, (views, -1))[:, rows].flatten(0, 1)


# ---- What the processes compute together, with gradients ----


class _Total(torch.autograd.Function):
    """Sum over the processes. Each adds to all results, so a gradient is a sum over the processes as well."""

    @staticmethod
    def forward(_: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone(memory_format=torch.contiguous_format)
        _all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        return total(gradients[0])  # which can be derived again, as gradient penalties ask for


def total(tensor: Tensor) -> Tensor:
    """Sum over the processes; all have the same shape."""
    return tensor if size() == 1 else _Total.apply(tensor)


def mean(tensor: Tensor) -> Tensor:
    """Mean over all elements of all processes, which may have different numbers of them."""
    if size() == 1:
        return tensor.mean()
    added, count = total(torch.stack((tensor.sum(), tensor.new_tensor(tensor.numel()))))
    return added / count


def gathered(tensor: Tensor) -> Tensor:
    """The rows of all processes, one after the other: [N / processes, ...] -> [N, ...]."""
    if size() == 1:
        return tensor
    before, after = rank() * len(tensor), (size() - 1 - rank()) * len(tensor)
    zeros = (tensor.new_zeros(count, *tensor.shape[1:]) for count in (before, after))
    return total(torch.cat((next(zeros), tensor, next(zeros))))


@torch.no_grad()
def average_gradients(network: nn.Module) -> None:
    """Replace the gradients of a network's weights by their means over the processes."""
    if size() == 1:
        return
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    _all_reduce(flat)
    for gradient, mean_ in zip(gradients, (flat / size()).split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean_.view_as(gradient))


# ---- What they tell each other ----


def from_first(value: Value) -> Value:
    """What the first process has."""
    if size() == 1:
        return value
    values = [value]
    with _connected():
        dist.broadcast_object_list(values, src=0)
    return values[0]


def any_of(value: Value) -> Value:
    """What the first process has that has something true; else what this one has."""
    if size() == 1:
        return value
    some = torch.tensor(bool(value), dtype=torch.int)
    _all_reduce(some)
    if not some:
        return value
    values = [value] * size()
    with _connected():
        dist.all_gather_object(values, value)
    return next(filter(None, values))


def wait_for_all() -> None:
    """Go on when every process has come here."""
    any_of(False)


@contextlib.contextmanager
def first_ahead() -> Iterator[None]:
    """Let the first process do something before the others do it."""
    if rank() > 0:
        wait_for_all()
    yield
    if rank() == 0:
        wait_for_all()


def _all_reduce(tensor: Tensor) -> None:
    with _connected():
        dist.all_reduce(tensor)


@contextlib.contextmanager
def _connected() -> Iterator[None]:
    """That another process has gone is not this one's mistake, and not its message that tells why."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise LostError("another process of this training has ended; run it again to go on") from error
