"""Two or three processes that share out each batch learn what one process learns from the whole."""

import copy
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed as dist
from torch import nn
from torch.distributed import distributed_c10d

from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError, PeerLostError, StoppedError
from t2i.models.encoders.damsm import Damsm
from t2i.runtime import distributed
from t2i.runtime.distributed import all_gather, all_reduce_sum, local_rows, local_shard, means, padded
from t2i.runtime.sync_batch_norm import convert_sync_batchnorm, normalise_apart
from t2i.training.loop.checkpoint import CHECKPOINT, CheckpointPolicy
from tests.helpers import (
    PAPER,
    PAPER_DMGAN,
    PHOTO,
    changed,
    computing_in,
    same_weights,
    small_damsm,
    small_gan,
)
from tests.runtime.processes import Together, processes

pytestmark = pytest.mark.slow

QUICK: dict[str, Any] = {"grow_at": 0.5}  # the losses of the quick recipe, as tests.helpers.GAN has them

Outcome = tuple[dict[str, torch.Tensor], list[dict[str, float]]]


@pytest.fixture(scope="module")
def together() -> Iterator[Together]:
    """Call a function in two or three processes."""
    with processes(3, "tests.runtime.test_distributed") as call:
        yield call


# ---- The pieces ----


@pytest.mark.parametrize(("size", "batch"), [(4, 10), (4, 14), (4, 16), (3, 4), (2, 5), (3, 3)])
def test_shares_are_as_equal_as_can_be(monkeypatch: pytest.MonkeyPatch, size: int, batch: int) -> None:
    monkeypatch.setattr(distributed, "world_size", lambda: size)
    rows = []
    for rank in range(size):
        monkeypatch.setattr(distributed, "rank", lambda rank=rank: rank)
        rows.append(list(range(batch))[local_rows(batch)])
    assert [row for share in rows for row in share] == list(range(batch))
    assert {len(share) for share in rows} <= {batch // size, -(-batch // size)}


def test_an_error_of_nccl_is_told() -> None:
    reason = r"has ended \(NCCL error: unhandled system error\); run it again to go on$"
    with pytest.raises(PeerLostError, match=reason), distributed._peer_errors():
        raise RuntimeError("NCCL error: unhandled system error\nLast error: no space left on /dev/shm")
    with pytest.raises(PeerLostError, match=r"has ended; run it again to go on$"), distributed._peer_errors():
        raise RuntimeError("[../third_party/gloo] Connection closed by peer")


def test_a_batch_has_an_image_for_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "world_size", lambda: 4)
    with pytest.raises(InputError, match="^a batch_size of 3 is too small for 4 processes; raise it or start fewer$"):
        local_rows(3)


def derive_pieces() -> list[torch.Tensor]:
    """A loss that mixes the rows of a batch in every way and its gradient; a penalty on a gradient, and its own."""
    torch.manual_seed(0)
    size = distributed.world_size()
    x = local_shard(torch.randn(7, 3)).requires_grad_()
    norm = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3))
    convert_sync_batchnorm(norm)
    y, z = normalise_apart(norm[0], (x, (2 * x).tanh()))
    rows, other = all_gather([y, z[:, :2]], 7)
    first, second = means(y.tanh(), z.exp())
    loss = (rows @ rows.T).logsumexp(dim=1).sum() + (other @ other.T).square().sum() + first.exp() * second
    (slope,) = torch.autograd.grad(loss, x, retain_graph=True)
    (steepness,) = torch.autograd.grad((y.square() * z).sum(), x, create_graph=True)
    (penalty,) = distributed.means_of_sums([steepness.square().sum()], [len(x)])
    (bend,) = torch.autograd.grad(penalty, x)
    statistics = [value for _, value in sorted(norm.state_dict().items())]
    # every process differentiates the sum of all processes' losses
    whole = [all_reduce_sum(padded(each, 7)) / size if size > 1 else each for each in (slope, bend)]
    return [loss.detach(), penalty.detach(), *whole, *statistics]


@pytest.mark.parametrize("size", [2, 3])
def test_means_contrasts_and_batch_norm_are_those_of_the_whole_batch_and_so_are_their_derivatives(
    together: Together, size: int
) -> None:
    expected = derive_pieces()
    for found in together(size, derive_pieces):
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
    first, second = together(2, normalise_unevenly)
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


def check(together: Together, size: int, *arguments: Any) -> None:
    """Losses of every step and final weights of several processes are those of one; all of them have the same bits.

    In float64, to ten digits after five steps. In float32 only losses of the first steps can be compared: sums in
    another order differ in the last bits, and Adam makes whole steps of gradients that are all but 0, as leaky units
    and the hinge do where they bend. (One process whose initial weights are changed by 1e-7 departs as fast.)
    """
    (first, curves), *others = together(size, train, arguments[0], torch.float64, *arguments[1:])
    weights, expected = train(arguments[0], torch.float64, *arguments[1:])
    assert [row.keys() for row in curves] == [row.keys() for row in expected] and len(curves) == 5
    for row, wanted in zip(curves, expected, strict=True):
        assert row == pytest.approx(wanted, rel=1e-10, abs=1e-10)
    assert all(torch.equal(first[name], other[name]) for other, _ in others for name in weights)
    torch.testing.assert_close(first, weights, rtol=1e-10, atol=1e-10)


@pytest.fixture(scope="module")
def damsm(striped: Path, vocabulary: Vocabulary) -> Damsm:
    return small_damsm(striped, vocabulary, steps=3)[0]


@pytest.mark.parametrize(
    ("size", "batch_size", "changes"),
    [
        (3, 4, {"text_encoder": {"dropout": 0.3}}),
        (2, 2, {}),
        (2, 5, {"captions_per_image": 3, "losses": {"negatives": "batch"}}),
        (3, 4, {"captions_per_image": 1, "losses": {"negatives": "batch"}, "optimizer": {"reset": "epoch"}}),
    ],
)
def test_damsm(
    together: Together, striped: Path, vocabulary: Vocabulary, size: int, batch_size: int, changes: dict[str, Any]
) -> None:
    check(together, size, "damsm", striped, vocabulary, {"steps": 5, "batch_size": batch_size, **changes})


@pytest.mark.parametrize(
    ("size", "batch_size", "changes"),
    [
        (2, 5, PAPER),
        (3, 4, PAPER),
        (2, 2, PAPER),  # the second process has no mismatched sentence
        (3, 4, PAPER_DMGAN),
        (3, 4, QUICK),
        (2, 5, changed(PHOTO, {"discriminator": {"minibatch_std": 0}})),
        (2, 8, PHOTO),  # groups of two images, whose spread is seen, lie within a process
        (2, 5, {"model": "dmgan", "discriminator": {"norm": "batch"}, "losses": {"shared_noise": "none"}}),
        (2, 5, {"losses": {"shared_noise": "z"}}),
        (3, 4, {"captions_per_image": 1}),
    ],
)
def test_gan(
    together: Together, striped: Path, damsm: Damsm, size: int, batch_size: int, changes: dict[str, Any]
) -> None:
    check(together, size, "gan", striped, damsm, {"steps": 5, "batch_size": batch_size, **changes})


@pytest.mark.parametrize("changes", [PAPER, QUICK])
def test_gan_in_float32(together: Together, striped: Path, damsm: Damsm, changes: dict[str, Any]) -> None:
    given = ("gan", torch.float32, striped, damsm, {"steps": 4, "batch_size": 5, **changes})
    (_, expected), ((_, curves), _) = train(*given), together(2, train, *given)
    for row, wanted in zip(curves[:2], expected[:2], strict=True):
        assert row == pytest.approx(wanted, rel=1e-4, abs=1e-5)  # a hundred times the rounding


def collectives(*arguments: Any) -> int:
    """How often the processes wait for each other in a training of one step."""
    counts = [0]
    original = distributed._all_reduce

    def counted(tensor: torch.Tensor) -> None:
        counts[0] += 1
        original(tensor)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(distributed, "_all_reduce", counted)
        train(*arguments)
    return counts[0]


@pytest.mark.parametrize(("changes", "expected"), [(PAPER, 46), (PAPER_DMGAN, 22), ({"grow_at": 0.0}, 15)])
def test_collectives_of_a_step(
    together: Together, striped: Path, damsm: Damsm, changes: dict[str, Any], expected: int
) -> None:
    changes = {"steps": 1, "batch_size": 2, **changes}
    assert together(2, collectives, "gan", torch.float32, striped, damsm, changes) == [expected, expected]


def test_collectives_of_a_step_of_damsm(together: Together, striped: Path, vocabulary: Vocabulary) -> None:
    changes = {"steps": 1, "batch_size": 2}
    assert together(2, collectives, "damsm", torch.float32, striped, vocabulary, changes) == [12, 12]


# ---- Interruptions ----


def stopped_and_gone_on(folder: Path, vocabulary: Vocabulary, scratch: Path) -> tuple[str, list[str], bool, int, int]:
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
    sent: list[int] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(distributed, "BROADCAST_BYTES", 1000)
        for module in (dist, distributed_c10d):  # the latter sends pickled objects
            patched.setattr(module, "broadcast", partial(_recorded, module.broadcast, sent))
        one, history = small_damsm(folder, vocabulary, **changes, checkpoints=going_on)
    two, again = small_damsm(folder, vocabulary, **changes)
    return str(stopped.value), messages, same_weights(one, two) and history == again, max(sent), sum(sent)


def _recorded(broadcast: Callable[..., Any], sent: list[int], tensor: torch.Tensor, *given: Any, **named: Any) -> Any:
    sent.append(tensor.nbytes)
    return broadcast(tensor, *given, **named)


def test_all_stop_together_and_go_on_to_the_same_bits_which_are_sent_in_pieces(
    together: Together, striped: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    results = together(2, stopped_and_gone_on, striped, vocabulary, tmp_path)
    saved = (tmp_path / CHECKPOINT).stat().st_size
    for message, messages, equal, largest, total in results:
        assert message == "asked to: 2 of 5 steps are saved; run it again to go on"
        assert messages == ["going on after step 2 of 5"] and equal
        assert largest < 0.1 * saved < total, (largest, total, saved)
