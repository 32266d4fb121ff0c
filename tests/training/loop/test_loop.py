"""A training that is stopped and run again ends like one that was not."""

import errno
import logging
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.checkpoints.snapshots import snapshots_in
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError, StoppedError
from t2i.generation.text_to_image import TextToImage
from t2i.models.encoders.damsm import Damsm
from t2i.training.gan.progress import ProgressImages
from t2i.training.gan.snapshots import SnapshotFiles
from t2i.training.judge import train_judge
from t2i.training.loop.checkpoint import CHECKPOINT, CheckpointPolicy, is_damaged, restore_state, write_state
from tests.helpers import PAPER, PAPER_DMGAN, PHOTO, changed, same_weights, small_damsm, small_gan

Training = Callable[[CheckpointPolicy | None], tuple[torch.nn.Module, list[dict[str, float]]]]


@pytest.fixture(scope="module")
def damsm(striped: Path, vocabulary: Vocabulary) -> Damsm:
    return small_damsm(striped, vocabulary, steps=3)[0]


def policy(folder: Path, *, after: int | None = None, seconds: float = 1e9) -> CheckpointPolicy:
    """Stops after so many steps; never, if None."""
    folder.mkdir(exist_ok=True)
    done = [0]

    def stop() -> str | None:
        done[0] += 1
        return "asked to" if done[0] == after else None

    return CheckpointPolicy(folder, seconds, stop)


def stopped_at_every_step(train: Training, folder: Path, steps: int) -> tuple[torch.nn.Module, list[dict[str, float]]]:
    for done in range(1, steps):
        with pytest.raises(StoppedError, match=f"asked to: {done} of {steps} steps are saved; run it again to go on"):
            train(policy(folder, after=1))
    return train(policy(folder))


@pytest.mark.parametrize("reset", ["never", "epoch"])
def test_damsm_goes_on_to_the_same_bits(striped: Path, vocabulary: Vocabulary, tmp_path: Path, reset: str) -> None:
    changes = {"steps": 5, "batch_size": 16, "text_encoder": {"dropout": 0.3}, "optimizer": {"reset": reset}}
    if reset == "epoch":  # and it starts from other encoders
        changes["start"] = small_damsm(striped, vocabulary, steps=1, seed=1)[0].to_checkpoint()

    def train(given: CheckpointPolicy | None) -> Any:
        torch.manual_seed(5)  # whatever happened before in the process
        return small_damsm(striped, vocabulary, **changes, checkpoints=given)  # an epoch has two steps

    (one, curves), (two, again) = train(None), stopped_at_every_step(train, tmp_path / "scratch", 5)
    assert same_weights(one, two) and curves == again


def test_judge_goes_on_to_the_same_bits(striped: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    def train(given: CheckpointPolicy | None) -> Any:
        return train_judge(
            PackedSplit(striped, "train"), vocabulary, steps=5, batch_size=8, lr=3e-3, embedding_dim=16,
            image_encoder={"kind": "small", "width": 8},
            sentence_pooling="max", max_words=18, flip=True, gamma3=10.0, precision="fp32", seed=0, checkpoints=given,
        )  # fmt: skip

    (one, curves), (two, again) = train(None), stopped_at_every_step(train, tmp_path / "scratch", 5)
    assert same_weights(one, two) and curves == again


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"precision": "bf16"}, PAPER, PAPER_DMGAN, PHOTO])
def test_gan_goes_on_to_the_same_bits_and_the_same_grid(
    striped: Path, damsm: Damsm, tmp_path: Path, changes: dict[str, Any]
) -> None:
    def train(given: CheckpointPolicy | None) -> Any:
        folder = given.folder if given else tmp_path
        snapshots = SnapshotFiles(folder, 4, {"text": damsm.text.to_checkpoint()}, 32)  # after steps 2, 3, 4 and 6
        progress = ProgressImages(PackedSplit(striped, "test"), damsm, tmp_path / "grid.png", 18)
        return small_gan(
            striped,
            damsm,
            **changed(changes, {"steps": 6, "optimizer": {"ema_decay": 0.9}}),
            observers={"progress": progress, "snapshots": snapshots},
            checkpoints=given,
        )

    one, curves = train(None)
    grid = (tmp_path / "grid.png").read_bytes()
    two, again = stopped_at_every_step(train, tmp_path / "scratch", 6)
    assert same_weights(one, two) and curves == again and (tmp_path / "grid.png").read_bytes() == grid
    kept, kept_again = (snapshots_in(folder) for folder in (tmp_path, tmp_path / "scratch"))
    assert list(kept) == list(kept_again) == [2, 3, 4, 6]
    assert all(kept[step].read_bytes() == kept_again[step].read_bytes() for step in kept)
    assert same_weights(TextToImage.load(kept[6], "fp32").generator, one)


def test_a_result_is_taken_over_without_another_step(
    striped: Path, vocabulary: Vocabulary, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, _ = small_damsm(striped, vocabulary, steps=4, checkpoints=policy(tmp_path / "scratch"))
    with caplog.at_level(logging.INFO):
        two, curves = small_damsm(striped, vocabulary, steps=4, checkpoints=policy(tmp_path / "scratch"))
    assert same_weights(one, two) and len(curves) == 4 and caplog.messages == ["going on after step 4 of 4"]


@pytest.mark.parametrize("damage", ["one bit", "half", "nothing left", "foreign"])
def test_a_damaged_checkpoint_is_set_aside(
    striped: Path, vocabulary: Vocabulary, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    def train(given: CheckpointPolicy | None) -> Any:
        return small_damsm(striped, vocabulary, steps=4, checkpoints=given)

    with pytest.raises(StoppedError):
        train(policy(tmp_path / "scratch", after=2))
    path = tmp_path / "scratch" / CHECKPOINT
    intact = path.read_bytes()
    content = bytearray(intact)
    content[len(content) // 2] ^= 1
    path.write_bytes(
        {"one bit": bytes(content), "half": intact[: len(intact) // 2], "nothing left": b"", "foreign": b"x" * 99}[
            damage
        ]
    )
    again, _ = train(policy(tmp_path / "scratch"))
    assert same_weights(again, train(None)[0])
    (line,) = caplog.messages
    assert "is damaged; set aside as last.ckpt.damaged, starting anew" in line
    assert (tmp_path / "scratch" / (CHECKPOINT + ".damaged")).exists()


def test_a_checkpoint_of_a_processor_is_taken_up_on_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    with (tmp_path / CHECKPOINT).open("wb") as file:
        write_state(file, {"layer": layer}, 7)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert restore_state(tmp_path / CHECKPOINT, {"layer": other}) == 7
    assert same_weights(layer, other)


def test_time_makes_checkpoints_too(striped: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    saved: list[int] = []

    def stop() -> None:
        saved.append((tmp_path / CHECKPOINT).exists())

    small_damsm(striped, vocabulary, steps=4, checkpoints=CheckpointPolicy(tmp_path, 0.0, stop))
    assert saved == [False, True, True, True]


def test_too_small_a_disk_is_found_before_the_first_step(
    striped: Path, vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**18))
    with pytest.raises(InputError, match="need 4 MiB on the disk of .*scratch, which has 0 MiB; free some and run"):
        small_damsm(striped, vocabulary, steps=4, checkpoints=policy(tmp_path / "scratch"))


def test_space_that_a_stopped_training_has_taken_is_not_asked_for_again(
    striped: Path, vocabulary: Vocabulary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, usage = tmp_path / "scratch", shutil.disk_usage(tmp_path)
    with pytest.raises(StoppedError):
        small_damsm(striped, vocabulary, steps=4, checkpoints=policy(folder, after=2))
    taken = (folder / CHECKPOINT).stat().st_size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**22 - taken))  # 4 MiB is needed in all
    small_damsm(striped, vocabulary, steps=4, checkpoints=policy(folder))


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no Linux")
def test_a_replaced_checkpoint_is_not_held(striped: Path, damsm: Damsm, tmp_path: Path) -> None:
    def progress() -> ProgressImages:
        return ProgressImages(PackedSplit(striped, "test"), damsm, tmp_path / "grid.png", 18)

    with pytest.raises(StoppedError):
        small_gan(striped, damsm, observers={"progress": progress()}, checkpoints=policy(tmp_path / "scratch", after=2))
    held: list[str] = []

    def stop() -> None:
        held.append(Path("/proc/self/maps").read_text())

    again = CheckpointPolicy(tmp_path / "scratch", 0.0, stop)
    small_gan(striped, damsm, observers={"progress": progress()}, checkpoints=again)
    assert held and CHECKPOINT not in held[-1]


def test_the_space_asked_for_holds_two_checkpoints_and_two_models(
    striped: Path, damsm: Damsm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    usage = shutil.disk_usage(tmp_path)
    for free in (0, usage.free):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        try:
            sizes = {"generator": {"ngf": 32}, "discriminator": {"ndf": 32}}
            small_gan(striped, damsm, **sizes, checkpoints=policy(tmp_path / "scratch"))
        except InputError as error:
            asked.append(int(str(error).split("need ")[1].split(" MiB")[0]))
    size = (tmp_path / "scratch" / CHECKPOINT).stat().st_size / 2**20
    assert 2.2 * size < asked[0] < 4 * size


def test_space_is_asked_for_snapshots_too(
    striped: Path, damsm: Damsm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(snapshots: SnapshotFiles | None) -> int:
        with pytest.raises(InputError) as caught:
            observers = {} if snapshots is None else {"snapshots": snapshots}
            small_gan(striped, damsm, observers=observers, checkpoints=policy(tmp_path))
        return int(str(caught.value).split("need ")[1].split(" MiB")[0])

    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))
    monkeypatch.setattr("t2i.training.gan.snapshots.num_bytes", lambda _: 5 * 2**20)
    assert asked(SnapshotFiles(tmp_path, 4, {}, 32)) == asked(None) + 4 * 3 * 5  # here, in models/ and in DVC's cache


def test_a_full_disk_keeps_the_old_checkpoint(
    striped: Path,
    vocabulary: Vocabulary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StoppedError):
        small_damsm(striped, vocabulary, steps=4, checkpoints=policy(tmp_path / "scratch", after=2))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="checkpoint of step 3 in .*run it again: it goes on after step 2"):
            small_damsm(striped, vocabulary, steps=4, checkpoints=policy(tmp_path / "scratch", seconds=0.0))
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [CHECKPOINT]
    with caplog.at_level(logging.INFO):
        small_damsm(striped, vocabulary, steps=4, checkpoints=policy(tmp_path / "scratch"))
    assert caplog.messages == ["going on after step 2 of 4"]


def test_a_loss_that_is_no_number_ends_the_training_and_names_the_last_good_checkpoint(
    striped: Path, damsm: Damsm, tmp_path: Path
) -> None:
    wild = {"steps": 12, "optimizer": {"lr_generator": 1e18}}
    with pytest.raises(InputError, match=r"the loss '\w+' is .* at step \d+; try lower learning rates"):
        small_gan(striped, damsm, **wild)
    good = r"the last good checkpoint, after step \d+, is .*last.ckpt; try lower learning rates"
    with pytest.raises(InputError, match=rf"the loss '\w+' is .* at step \d+; {good}"):
        small_gan(striped, damsm, **wild, checkpoints=policy(tmp_path / "scratch", seconds=0.0))
    saved = torch.load(tmp_path / "scratch" / CHECKPOINT, weights_only=True)
    values = [value for row in saved["parts"]["history"]["rows"] for value in row.values()]
    assert all(abs(value) <= 1e6 for value in values)


def test_a_changed_byte_is_noticed_or_changes_nothing(striped: Path, vocabulary: Vocabulary, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        small_damsm(striped, vocabulary, steps=4, checkpoints=policy(tmp_path / "scratch", after=2))
    path = tmp_path / "scratch" / CHECKPOINT
    assert not is_damaged(path)
    content = path.read_bytes()
    original = torch.load(path, weights_only=True)["parts"]["damsm"]
    rng, noticed = random.Random(0), 0
    for _ in range(40):
        changed_bytes = bytearray(content)
        changed_bytes[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(changed_bytes)
        if is_damaged(path):
            noticed += 1
        else:  # padding between records
            state = torch.load(path, weights_only=True)["parts"]["damsm"]
            assert all(torch.equal(value, original[name]) for name, value in state.items())
    assert noticed > 20
