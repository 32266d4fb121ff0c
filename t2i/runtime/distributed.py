"""One training by several processes that share out the images of each batch.

Every process knows the text, the classes and the noise of the whole batch and computes the images of its own part.
Wherever images of the batch meet, in means, contrasts and batch norm, the processes exchange their parts, so that each
has the loss of the whole batch. With one process every function here returns its argument.

Each rank differentiates the sum of P equal losses with respect to its own replica; averaging gradients over ranks
therefore gives the gradient of one loss.
"""

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist

from t2i.errors import InputError, PeerLostError

Value = TypeVar("Value")

# Processes may wait long for the first one, which waits for its turn where the same training is running already. That
# a process has died is noticed by torchrun, not by waiting.
_TIMEOUT = timedelta(days=7)


def launched_by_torchrun() -> bool:
    """Whether torchrun started this process as one of several."""
    return dist.is_torchelastic_launched() and int(os.environ["WORLD_SIZE"]) > 1


@contextlib.contextmanager
def process_group() -> Iterator[None]:
    """Inside, this process is one of those that torchrun started; if it started none, nothing happens.

    Each takes a GPU of its own, if there are any.

    Raises:
        InputError: this machine has fewer GPUs than processes.
    """
    if not launched_by_torchrun():
        yield
        return
    backend = "gloo"
    if torch.cuda.is_available():
        local, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local >= gpus:
            raise InputError(f"process {local + 1} of this machine has no GPU, there are {gpus}; start as many")
        torch.cuda.set_device(local)
        backend = "cpu:gloo,cuda:nccl"  # gloo for what the processes tell each other without waiting for their GPUs
    dist.init_process_group(backend, timeout=_TIMEOUT)
    yield
    barrier()  # the first process still writes when the others are done
    dist.destroy_process_group()  # not after a failure: it might wait for what the others do not do any more


def world_size() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


# ---- The own part of a batch ----


def local_rows(count: int) -> slice:
    """Which of ``count`` rows are this process's.

    Raises:
        InputError: the processes do not divide it.
    """
    if count % world_size():
        raise InputError(
            f"a batch_size of {count} cannot be shared out evenly to {world_size()} processes; change either"
        )
    part = count // world_size()
    return slice(rank() * part, (rank() + 1) * part)


def local_shard(tensor: Tensor, views: int = 1) -> Tensor:
    """This process's part of something about the whole batch: [V N, ...] -> [V N / processes, ...], V views of N."""
    if world_size() == 1:
        return tensor
    rows = local_rows(len(tensor) // views)
    return tensor.unflatten(0, (views, -1))[:, rows].flatten(0, 1)


# ---- What the processes compute together, with gradients ----


class _AllReduceSum(torch.autograd.Function):
    """Sum over the processes. Each contributes to all results, so a gradient is a sum over the processes as well.

    (torch.distributed.nn.functional.all_reduce is the same and deprecated.)
    """

    @staticmethod
    def forward(_: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone(memory_format=torch.contiguous_format)
        _all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        return all_reduce_sum(gradients[0])  # differentiable again, for R1


def all_reduce_sum(tensor: Tensor) -> Tensor:
    """Sum over the processes, differentiable twice; all give the same shape."""
    return tensor if world_size() == 1 else _AllReduceSum.apply(tensor)


def mean(tensor: Tensor) -> Tensor:
    """Mean over all elements of all processes, which may have different numbers of them."""
    if world_size() == 1:
        return tensor.mean()
    added, count = all_reduce_sum(torch.stack((tensor.sum(), tensor.new_full((), tensor.numel()))))
    return added / count


def all_gather(tensor: Tensor) -> Tensor:
    """The rows of all processes, one after the other: [N / processes, ...] -> [N, ...].

    A sum of zero-padded parts: the backward of torch's own all_gather is a scatter with gloo, which cannot be derived
    again.
    """
    if world_size() == 1:
        return tensor
    before, after = rank() * len(tensor), (world_size() - 1 - rank()) * len(tensor)
    zeros = (tensor.new_zeros(count, *tensor.shape[1:]) for count in (before, after))
    return all_reduce_sum(torch.cat((next(zeros), tensor, next(zeros))))


@torch.no_grad()
def average_gradients(network: nn.Module) -> None:
    """Replace the gradients of a network's weights by their means over the processes."""
    if world_size() == 1:
        return
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    _all_reduce(flat)
    for gradient, mean_ in zip(gradients, (flat / world_size()).split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean_.view_as(gradient))


# ---- What they tell each other ----


def broadcast_object(value: Value) -> Value:
    """What the first process has."""
    if world_size() == 1:
        return value
    values = [value]
    with _peer_errors():
        dist.broadcast_object_list(values, src=0)
    return values[0]


def any_rank(value: Value) -> Value:
    """What the first process has that has something true; else what this one has."""
    if world_size() == 1:
        return value
    some = torch.tensor(bool(value), dtype=torch.int)
    _all_reduce(some)
    if not some:
        return value
    values = [value] * world_size()
    with _peer_errors():
        dist.all_gather_object(values, value)
    return next(filter(None, values))


def barrier() -> None:
    """Go on when every process has come here."""
    any_rank(False)


@contextlib.contextmanager
def main_process_first() -> Iterator[None]:
    """Let the first process do something before the others do it."""
    if rank() > 0:
        barrier()
    yield
    if rank() == 0:
        barrier()


def _all_reduce(tensor: Tensor) -> None:
    with _peer_errors():
        dist.all_reduce(tensor)


@contextlib.contextmanager
def _peer_errors() -> Iterator[None]:
    """Turn the error of a collective into one that says that another process has ended."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise PeerLostError("another process of this training has ended; run it again to go on") from error
