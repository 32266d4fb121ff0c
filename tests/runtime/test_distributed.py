"""Two processes that share out each batch learn what one process learns from the whole."""

import copy
import datetime
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed as dist
from torch import nn

from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import StoppedError
from t2i.models.encoders.damsm import Damsm
from t2i.runtime.distributed import all_gather, all_reduce_sum, local_shard, mean
from t2i.runtime.sync_batch_norm import convert_sync_batchnorm
from t2i.training.loop.checkpoint import CheckpointPolicy
from tests.helpers import (
    FORKSERVER,
    NUM_PROCESSES,
    PAPER,
    PAPER_DMGAN,
    computing_in,
    free_port,
    same_weights,
    small_damsm,
    small_gan,
)

pytestmark = pytest.mark.slow

QUICK: dict[str, Any] = {"grow_at": 0.5}  # the losses of the quick recipe, as tests.helpers.GAN has them

Outcome = tuple[dict[str, torch.Tensor], list[dict[str, float]]]


def work(rank: int, port: int, pipe: Any) -> None:
    """One of several processes: calls what comes through the pipe, sends back what that returns."""
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    wait = datetime.timedelta(seconds=300)
    dist.init_process_group("gloo", rank=rank, world_size=NUM_PROCESSES, timeout=wait)
    while (call := pipe.recv()) is not None:
        function, arguments = call
        try:
            pipe.send(function(*arguments))
        except Exception as error:
            pipe.send(error)


Together = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def together() -> Iterator[Together]:
    """Call a function in two processes that belong together; what it returned in each."""
    FORKSERVER.set_forkserver_preload(["tests.runtime.test_distributed"])
    port, pipes, processes = free_port(), [], []
    for rank in range(NUM_PROCESSES):
        here, there = FORKSERVER.Pipe()
        processes.append(FORKSERVER.Process(target=work, args=(rank, port, there), daemon=True))
        processes[-1].start()
        there.close()
        pipes.append(here)

    def call(function: Callable[..., Any], *arguments: Any) -> list[Any]:
        for pipe in pipes:
            pipe.send((function, arguments))
        found = [pipe.recv() for pipe in pipes]
        for value in found:
            if isinstance(value, Exception):
                raise value
        return found

    yield call
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(None)
        process.join(10)


# ---- The pieces ----


def derive_pieces() -> list[torch.Tensor]:
    """A loss that mixes the rows of a batch in every way, its gradient and that of a penalty on its gradient."""
    torch.manual_seed(0)
    x = local_shard(torch.randn(6, 3)).requires_grad_()
    norm = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3))
    convert_sync_batchnorm(norm)
    y = norm(x)
    rows = all_gather(y)
    loss = (rows @ rows.T).logsumexp(dim=1).sum() + mean(y.tanh()).exp() + all_reduce_sum(y.square().sum()).sqrt()
    (slope,) = torch.autograd.grad(loss, x, create_graph=True)
    penalty = all_reduce_sum(slope.square().sum())
    (bend,) = torch.autograd.grad(penalty, x)
    size = dist.get_world_size() if dist.is_initialized() else 1
    statistics = [value for _, value in sorted(norm.state_dict().items())]
    # every process differentiates the sum of all processes' losses; of the penalty, both times
    first, second = all_gather(slope.detach()) / size, all_gather(bend) / size**3
    return [loss.detach(), penalty.detach() / size**2, first, second, *statistics]


def test_means_contrasts_and_batch_norm_are_those_of_the_whole_batch_and_so_are_their_derivatives(
    together: Together,
) -> None:
    expected = derive_pieces()
    for found in together(derive_pieces):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def normalise_unevenly() -> torch.Tensor:
    torch.manual_seed(0)
    x = torch.randn(3, 2, 4)
    norm = nn.Sequential(nn.BatchNorm1d(2))
    convert_sync_batchnorm(norm)
    alone = not dist.is_initialized()
    rows = x if alone else (x if dist.get_rank() == 0 else x[:0])
    return norm(rows).detach()


def test_batch_norm_bears_a_process_without_rows(together: Together) -> None:
    first, second = together(normalise_unevenly)
    torch.testing.assert_close(first, normalise_unevenly())
    assert second.shape == (0, 2, 4)


# ---- The trainings ----


def train(kind: str, precision: torch.dtype, *arguments: Any) -> Outcome:
    """Weights and losses of a training that computes in this precision, whatever it says of float32."""
    given: list[Any]
    changes: Any
    *given, changes = (copy.deepcopy(a).to(precision) if isinstance(a, nn.Module) else a for a in arguments)
    with computing_in(precision):
        training: Callable[..., Any] = small_damsm if kind == "damsm" else small_gan
        model, history = training(*given, **changes)
    return {name: value.clone() for name, value in model.state_dict().items()}, history


def check(together: Together, *arguments: Any) -> None:
    """Losses of every step and final weights of two processes are those of one; both processes have the same bits.

    In float64, to ten digits after five steps. In float32 only losses of the first steps can be compared: sums in
    another order differ in the last bits, and Adam makes whole steps of gradients that are all but 0, as leaky units
    and the hinge do where they bend. (One process whose initial weights are changed by 1e-7 departs as fast.)
    """
    (first, curves), (second, _) = together(train, arguments[0], torch.float64, *arguments[1:])
    weights, expected = train(arguments[0], torch.float64, *arguments[1:])
    assert [row.keys() for row in curves] == [row.keys() for row in expected] and len(curves) == 5
    for row, wanted in zip(curves, expected, strict=True):
        assert row == pytest.approx(wanted, rel=1e-10, abs=1e-10)
    assert all(torch.equal(first[name], second[name]) for name in weights)
    torch.testing.assert_close(first, weights, rtol=1e-10, atol=1e-10)


@pytest.fixture(scope="module")
def damsm(striped: Path, vocabulary: Vocabulary) -> Damsm:
    return small_damsm(striped, vocabulary, steps=3)[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"text_encoder": {"dropout": 0.3}},
        {"batch_size": 2},
        {"captions_per_image": 3, "losses": {"negatives": "batch"}},
        {"captions_per_image": 1, "losses": {"negatives": "batch"}, "optimizer": {"reset": "epoch"}},
    ],
)
def test_damsm(together: Together, striped: Path, vocabulary: Vocabulary, changes: dict[str, Any]) -> None:
    check(together, "damsm", striped, vocabulary, {"steps": 5, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        PAPER,
        PAPER | {"batch_size": 2},  # the second process has no mismatched sentence
        PAPER_DMGAN,
        QUICK,
        {"model": "dmgan", "discriminator": {"norm": "batch"}, "losses": {"shared_noise": "none"}},
        {"losses": {"shared_noise": "z"}},
        {"captions_per_image": 1},
    ],
)
def test_gan(together: Together, striped: Path, damsm: Damsm, changes: dict[str, Any]) -> None:
    check(together, "gan", striped, damsm, {"steps": 5, **changes})


@pytest.mark.parametrize("changes", [PAPER, QUICK])
def test_gan_in_float32(together: Together, striped: Path, damsm: Damsm, changes: dict[str, Any]) -> None:
    given = ("gan", torch.float32, striped, damsm, {"steps": 4, **changes})
    (_, expected), ((_, curves), _) = train(*given), together(train, *given)
    for row, wanted in zip(curves[:2], expected[:2], strict=True):
        assert row == pytest.approx(wanted, rel=1e-4, abs=1e-5)  # a hundred times the rounding


# ---- Interruptions ----


def stopped_and_gone_on(folder: Path, vocabulary: Vocabulary, scratch: Path) -> tuple[str, list[str], bool]:
    """Stop a training after two steps at the request of the second process alone, go on, compare with one in one go."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("t2i").addHandler(handler)
    logging.getLogger("t2i").setLevel(logging.INFO)

    def policy(after: int | None) -> CheckpointPolicy:
        calls = iter(range(1, 100))
        return CheckpointPolicy(scratch, 1e9, lambda: "asked to" if next(calls) == after else None)

    changes = {"steps": 5, "text_encoder": {"dropout": 0.3}}
    with pytest.raises(StoppedError) as stopped:
        small_damsm(folder, vocabulary, **changes, checkpoints=policy(2 if dist.get_rank() == 1 else None))
    going_on = policy(None)
    if dist.get_rank() == 1:  # a machine with another disk
        going_on = replace(going_on, folder=scratch / "not there")
    one, history = small_damsm(folder, vocabulary, **changes, checkpoints=going_on)
    two, again = small_damsm(folder, vocabulary, **changes)
    return str(stopped.value), messages, same_weights(one, two) and history == again


def test_all_stop_together_and_go_on_to_the_same_bits(
    together: Together, striped: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    for message, messages, equal in together(stopped_and_gone_on, striped, vocabulary, tmp_path):
        assert message == "asked to: 2 of 5 steps are saved; run it again to go on"
        assert messages == ["going on after step 2 of 5"] and equal
