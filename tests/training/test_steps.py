"""A training that is stopped and run again ends like one that was not."""

import errno
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.data.captions import Vocabulary
from t2i.data.pack import Pack
from t2i.errors import InputError, StoppedError
from t2i.models.damsm import Damsm
from t2i.training.judge import train_judge
from t2i.training.steps import CHECKPOINT, Resume
from t2i.training.watch import Watch
from tests.training.test_training import PAPER, damsm_of, gan_of, same

Training = Callable[[Resume | None], tuple[torch.nn.Module, list[dict[str, float]]]]


@pytest.fixture(scope="module")
def damsm(striped: Path, vocabulary: Vocabulary) -> Damsm:
    return damsm_of(striped, vocabulary, steps=3)[0]


def resume(folder: Path, *, after: int | None = None, seconds: float = 1e9, lines: list[str] | None = None) -> Resume:
    """Stops after so many steps; never, if None."""
    folder.mkdir(exist_ok=True)
    done = [0]

    def stop() -> str | None:
        done[0] += 1
        return "told to" if done[0] == after else None

    return Resume(folder, seconds, stop, (lines if lines is not None else []).append)


def stopped_at_every_step(train: Training, folder: Path, steps: int) -> tuple[torch.nn.Module, list[dict[str, float]]]:
    for done in range(1, steps):
        with pytest.raises(StoppedError, match=f"told to: {done} of {steps} steps are saved; run it again to go on"):
            train(resume(folder, after=1))
    return train(resume(folder))


def test_damsm_goes_on_to_the_same_bits(striped: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    def train(given: Resume | None) -> Any:
        torch.manual_seed(5)  # whatever happened before in the process
        return damsm_of(striped, vocabulary, steps=5, dropout=0.3, resume=given)

    (one, curves), (two, again) = train(None), stopped_at_every_step(train, tmp_path / "scratch", 5)
    assert same(one, two) and curves == again


def test_judge_goes_on_to_the_same_bits(striped: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    def train(given: Resume | None) -> Any:
        return train_judge(
            Pack.open(striped, "train"), vocabulary, steps=5, batch_size=8, lr=3e-3, embedding_dim=16, width=8,
            sentence="max", max_words=18, flip=True, gamma3=10.0, precision="fp32", seed=0, resume=given,
        )  # fmt: skip

    (one, curves), (two, again) = train(None), stopped_at_every_step(train, tmp_path / "scratch", 5)
    assert same(one, two) and curves == again


@pytest.mark.parametrize(
    "changed", [{}, {"precision": "bf16"}, PAPER, PAPER | {"model": "dmgan", "discriminator_norm": "spectral"}]
)
def test_gan_goes_on_to_the_same_bits_and_the_same_grid(
    striped: Path, damsm: Damsm, tmp_path: Path, changed: dict[str, Any]
) -> None:
    def train(given: Resume | None) -> Any:
        watch = Watch(Pack.open(striped, "test"), damsm, tmp_path / "grid.png", 18)
        return gan_of(striped, damsm, steps=6, ema_decay=0.9, **changed, watch=watch, resume=given)

    one, curves = train(None)
    grid = (tmp_path / "grid.png").read_bytes()
    two, again = stopped_at_every_step(train, tmp_path / "scratch", 6)
    assert same(one, two) and curves == again and (tmp_path / "grid.png").read_bytes() == grid


def test_a_result_is_taken_over_without_another_step(striped: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    one, _ = damsm_of(striped, vocabulary, steps=4, resume=resume(tmp_path / "scratch"))
    lines: list[str] = []
    two, curves = damsm_of(striped, vocabulary, steps=4, resume=resume(tmp_path / "scratch", lines=lines))
    assert same(one, two) and len(curves) == 4 and lines == ["going on after step 4 of 4"]


@pytest.mark.parametrize("damage", ["one bit", "half", "nothing left", "foreign"])
def test_a_damaged_checkpoint_is_set_aside(striped: Path, vocabulary: Vocabulary, tmp_path: Path, damage: str) -> None:
    def train(given: Resume | None) -> Any:
        return damsm_of(striped, vocabulary, steps=4, resume=given)

    with pytest.raises(StoppedError):
        train(resume(tmp_path / "scratch", after=2))
    path = tmp_path / "scratch" / CHECKPOINT
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(
        {"one bit": bytes(content), "half": content[: len(content) // 2], "nothing left": b"", "foreign": b"x" * 99}[
            damage
        ]
    )
    lines: list[str] = []
    again, _ = train(resume(tmp_path / "scratch", lines=lines))
    assert same(again, train(None)[0])
    assert len(lines) == 1 and "is damaged; set aside as last.ckpt.damaged, starting anew" in lines[0]
    assert (tmp_path / "scratch" / (CHECKPOINT + ".damaged")).exists()


def test_time_makes_checkpoints_too(striped: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    saved: list[int] = []

    def stop() -> None:
        saved.append((tmp_path / CHECKPOINT).exists())

    damsm_of(striped, vocabulary, steps=4, resume=Resume(tmp_path, 0.0, stop, print))
    assert saved == [False, True, True, True]


def test_too_small_a_disk_is_found_before_the_first_step(
    striped: Path, vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**18))
    with pytest.raises(InputError, match="need 4 MiB on the disk of .*scratch, which has 0 MiB; free some and run"):
        damsm_of(striped, vocabulary, steps=4, resume=resume(tmp_path / "scratch"))


def test_the_space_asked_for_holds_two_checkpoints_and_two_models(
    striped: Path, damsm: Damsm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    usage = shutil.disk_usage(tmp_path)
    for free in (0, usage.free):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        try:
            gan_of(striped, damsm, ngf=32, ndf=32, resume=resume(tmp_path / "scratch"))
        except InputError as error:
            asked.append(int(str(error).split("need ")[1].split(" MiB")[0]))
    size = (tmp_path / "scratch" / CHECKPOINT).stat().st_size / 2**20
    assert 2.2 * size < asked[0] < 4 * size


def test_a_full_disk_keeps_the_old_checkpoint(
    striped: Path, vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StoppedError):
        damsm_of(striped, vocabulary, steps=4, resume=resume(tmp_path / "scratch", after=2))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="checkpoint of step 3 in .*run it again: it goes on after step 2"):
            damsm_of(striped, vocabulary, steps=4, resume=resume(tmp_path / "scratch", seconds=0.0))
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [CHECKPOINT]
    lines: list[str] = []
    damsm_of(striped, vocabulary, steps=4, resume=resume(tmp_path / "scratch", lines=lines))
    assert lines == ["going on after step 2 of 4"]


def test_a_loss_that_is_no_number_ends_the_training_and_names_the_last_good_checkpoint(
    striped: Path, damsm: Damsm, tmp_path: Path
) -> None:
    wild = {"steps": 12, "lr_generator": 1e18}
    with pytest.raises(InputError, match=r"the loss '\w+' is .* at step \d+; try lower learning rates"):
        gan_of(striped, damsm, **wild)
    good = r"the last good checkpoint, after step \d+, is .*last.ckpt; try lower learning rates"
    with pytest.raises(InputError, match=rf"the loss '\w+' is .* at step \d+; {good}"):
        gan_of(striped, damsm, **wild, resume=resume(tmp_path / "scratch", seconds=0.0))
    content = (tmp_path / "scratch" / CHECKPOINT).read_bytes()
    saved = torch.load(io.BytesIO(content[:-32]), weights_only=True)
    values = [value for row in saved["parts"]["curves"]["rows"] for value in row.values()]
    assert all(abs(value) <= 1e6 for value in values)
