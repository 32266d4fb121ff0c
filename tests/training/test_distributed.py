"""Two processes that share out each batch learn what one process learns from the whole."""

import copy
import datetime
import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import distributed as dist
from torch import nn

from t2i import checkpoints
from t2i.data.captions import Vocabulary
from t2i.distributed import gathered, mean, own, total
from t2i.errors import InputError
from t2i.models.batch_norm import synchronise
from t2i.models.damsm import Damsm
from tests.conftest import ROOT
from tests.training.test_training import PAPER, damsm_of, gan_of

PROCESSES = 2
DEMO = {"mismatched": "hardest", "matching_weight": 1.0, "diversity_weight": 0.05, "gradient_penalty": 0.3}

Outcome = tuple[dict[str, torch.Tensor], list[dict[str, float]]]


def work(rank: int, port: int, pipe: Any) -> None:
    """One of several processes: calls what comes through the pipe, sends back what that returns."""
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    wait = datetime.timedelta(seconds=60)
    dist.init_process_group("gloo", rank=rank, world_size=PROCESSES, timeout=wait)
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
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.test_distributed"])
    pipes, processes = [], []
    for rank in range(PROCESSES):
        here, there = context.Pipe()
        processes.append(context.Process(target=work, args=(rank, port, there), daemon=True))
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
    x = own(torch.randn(6, 3)).requires_grad_()
    norm = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3))
    synchronise(norm)
    y = norm(x)
    rows = gathered(y)
    loss = (rows @ rows.T).logsumexp(dim=1).sum() + mean(y.tanh()).exp() + total(y.square().sum()).sqrt()
    (slope,) = torch.autograd.grad(loss, x, create_graph=True)
    penalty = total(slope.square().sum())
    (bend,) = torch.autograd.grad(penalty, x)
    size = dist.get_world_size() if dist.is_initialized() else 1
    statistics = [value for _, value in sorted(norm.state_dict().items())]
    # every process derives the sum of all processes' losses; of the penalty, both times
    return [loss.detach(), penalty.detach() / size**2, gathered(slope.detach()) / size, gathered(bend) / size**3, *statistics]


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
    synchronise(norm)
    alone = not dist.is_initialized()
    rows = x if alone else (x if dist.get_rank() == 0 else x[:0])
    return norm(rows).detach()


def test_batch_norm_bears_a_process_without_rows(together: Together) -> None:
    first, second = together(normalise_unevenly)
    torch.testing.assert_close(first, normalise_unevenly())
    assert second.shape == (0, 2, 4)


# ---- The trainings ----


def train(kind: str, *arguments: Any) -> Outcome:
    *given, changed = (copy.deepcopy(a).double() if isinstance(a, nn.Module) else a for a in arguments)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torch.Tensor, "float", torch.Tensor.double)
        torch.set_default_dtype(torch.double)
        try:
            model, curves = (damsm_of if kind == "damsm" else gan_of)(*given, **changed)
        finally:
            torch.set_default_dtype(torch.float)
    return {name: value.clone() for name, value in model.state_dict().items()}, curves


def check(together: Together, *arguments: Any) -> None:
    """Losses of every step and final weights of two processes are those of one; both processes have the same bits."""
    (first, curves), (second, _) = together(train, *arguments)
    weights, expected = train(*arguments)
    assert [row.keys() for row in curves] == [row.keys() for row in expected]
    for row, wanted in zip(curves, expected, strict=True):
        assert row == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    for name, value in weights.items():
        assert torch.equal(first[name], second[name]), name
    torch.testing.assert_close(first, weights, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def damsm(striped: Path, vocabulary: Vocabulary) -> Damsm:
    return damsm_of(striped, vocabulary, steps=3)[0]


@pytest.mark.parametrize("changed", [{"dropout": 0.3}, {"batch_size": 2}])
def test_damsm(together: Together, striped: Path, vocabulary: Vocabulary, changed: dict[str, Any]) -> None:
    check(together, "damsm", striped, vocabulary, {"steps": 5, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        PAPER,
        PAPER | {"batch_size": 2},  # the second process has no mismatched sentence
        PAPER | {"model": "dmgan", "discriminator_norm": "spectral"},
        DEMO,
        DEMO | {"discriminator_norm": "batch", "shared_noise": False, "model": "dmgan"},
        DEMO | {"captions": 1},
    ],
)
def test_gan(together: Together, striped: Path, damsm: Damsm, changed: dict[str, Any]) -> None:
    check(together, "gan", striped, damsm, {"steps": 5, **changed})
