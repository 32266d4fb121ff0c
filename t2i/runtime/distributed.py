"""One training by several processes that share out the images of each batch.

Every process knows the text, the classes and the noise of the whole batch and computes the images of its own part; the
parts need not be equal. Wherever images of the batch meet, in means, contrasts and batch norm, the processes exchange
their parts, so that each has the loss of the whole batch. With one process every function here returns its argument.

Each rank differentiates the sum of P equal losses with respect to its own replica; averaging gradients over ranks
therefore gives the gradient of one loss. What losses need of the other ranks is exchanged in the forward pass alone:
all ranks go on from it with the same computation, so that the gradients of all, which have to be summed, are known to
be equal. Batch norm is used by each rank in its own way, and exchanges gradients too.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.utils._pytree import tree_flatten, tree_unflatten

from t2i.errors import InputError, PeerLostError

Value = TypeVar("Value")

# Processes may wait long for the first one, which waits for its turn where the same training is running already. That
# a process has died is noticed by torchrun, not by waiting.
_TIMEOUT = timedelta(days=7)

BROADCAST_BYTES = 2**24
"""Largest piece of a tensor that is sent at once: the memory that buffers may take."""


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
    """Which of ``count`` rows are this process's: as many as another's, or one more or less.

    Raises:
        InputError: there are fewer rows than processes.
    """
    if count < world_size():
        raise InputError(f"a batch_size of {count} is too small for {world_size()} processes; raise it or start fewer")
    first, end = (place * count // world_size() for place in (rank(), rank() + 1))
    return slice(first, end)


def local_shard(tensor: Tensor, views: int = 1) -> Tensor:
    """This process's part of something about the whole batch, V views of N rows: [V N, ...] -> [V n, ...]."""
    if world_size() == 1:
        return tensor
    rows = local_rows(len(tensor) // views)
    return tensor.unflatten(0, (views, -1))[:, rows].flatten(0, 1)


def padded(rows: Tensor, count: int) -> Tensor:
    """This process's rows among zeros in place of the others': [n, ...] -> [count, ...]; their sum is the whole."""
    place = local_rows(count)
    zeros = (rows.new_zeros(others, *rows.shape[1:]) for others in (place.start, count - place.stop))
    return torch.cat((next(zeros), rows, next(zeros)))


# ---- What the processes compute together, with gradients ----


class _Sum(torch.autograd.Function):
    """Sum over the processes, of which each makes something else: a gradient is a sum over them as well.

    (torch.distributed.nn.functional.all_reduce is the same and deprecated; the backward of torch's own all_gather is a
    scatter with gloo, which cannot be derived again.)
    """

    @staticmethod
    def forward(_: Any, tensor: Tensor) -> Tensor:
        return _summed(tensor)

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        return all_reduce_sum(gradients[0])  # differentiable again, for R1


class _SumForLoss(torch.autograd.Function):
    """Sum over the processes, from which all compute the same loss: P equal gradients, and P times one is their sum.

    Differentiable once: a function of the gradient would differ from rank to rank.
    """

    @staticmethod
    def forward(_: Any, tensor: Tensor) -> Tensor:
        return _summed(tensor)

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        return gradients[0] * world_size()


def all_reduce_sum(tensor: Tensor) -> Tensor:
    """Sum over the processes, differentiable twice; all give the same shape."""
    return tensor if world_size() == 1 else _Sum.apply(tensor)


def means(*tensors: Tensor) -> list[Tensor]:
    """Mean of each tensor over all elements of all processes, which may have different numbers of them.

    For losses, see above. All are exchanged at once.
    """
    if world_size() == 1:
        return [tensor.mean() for tensor in tensors]
    return means_of_sums([tensor.sum() for tensor in tensors], [tensor.numel() for tensor in tensors])


def means_of_sums(sums: Sequence[Tensor], counts: Sequence[int]) -> list[Tensor]:
    """The same, from each process's sums over so many elements."""
    if world_size() == 1:
        return [added / count for added, count in zip(sums, counts, strict=True)]
    both = torch.stack((*sums, *(sums[0].new_full((), count) for count in counts)))  # no copy to the device
    added, numbers = _SumForLoss.apply(both).chunk(2)
    return list((added / numbers).unbind())


def all_gather(tensors: Sequence[Tensor], count: int) -> list[Tensor]:
    """All processes' rows of tensors of the batch, in its order: each [n, ...] -> [count, ...].

    For losses, see above. All are exchanged at once.
    """
    if world_size() == 1:
        return list(tensors)
    whole = [padded(tensor, count) for tensor in tensors]
    gathered = _SumForLoss.apply(torch.cat([tensor.flatten() for tensor in whole]))
    parts = gathered.split([tensor.numel() for tensor in whole])
    return [part.view_as(tensor) for part, tensor in zip(parts, whole, strict=True)]


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


def broadcast_state(state: Any) -> Any:
    """Nested dicts, lists and tuples of what the first process has, on the processor; one that has none gives None.

    Tensors go one by one and piece by piece, so nothing takes much memory beside the state itself.
    """
    if world_size() == 1:
        return state
    leaves, structure = tree_flatten(state)
    described = [leaf.to("meta") if isinstance(leaf, Tensor) else leaf for leaf in leaves]
    described, structure = broadcast_object((described, structure))
    if rank() > 0:
        leaves = [torch.empty(leaf.shape, dtype=leaf.dtype) if isinstance(leaf, Tensor) else leaf for leaf in described]
    for leaf in leaves:
        if isinstance(leaf, Tensor) and leaf.numel():
            _broadcast_bytes(leaf.detach().cpu().contiguous().view(-1).view(torch.uint8))
    return tree_unflatten(leaves, structure)


def _broadcast_bytes(memory: Tensor) -> None:
    """Overwrite bytes with those of the first process."""
    with _peer_errors():
        for piece in memory.split(BROADCAST_BYTES):
            dist.broadcast(piece, src=0)


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


def _summed(tensor: Tensor) -> Tensor:
    total = tensor.clone(memory_format=torch.contiguous_format)
    _all_reduce(total)
    return total


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
        # NCCL's errors may have another cause, such as too small a /dev/shm
        reason = f" ({str(error).splitlines()[0]})" if "NCCL" in str(error) else ""
        raise PeerLostError(f"another process of this training has ended{reason}; run it again to go on") from error
