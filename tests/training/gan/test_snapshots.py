"""Averaged generators kept on the way: after which steps, what is in their files, and that training is the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from t2i.checkpoints import model_file
from t2i.checkpoints.snapshots import snapshot_path, snapshots_in
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError, StoppedError
from t2i.generation.text_to_image import TextToImage
from t2i.models.generators.generator import Generator
from t2i.training.gan.snapshots import SnapshotFiles, snapshot_steps
from t2i.training.loop.checkpoint import CheckpointPolicy
from tests.helpers import make_generator, same_weights, small_damsm, small_gan

CONTENT: dict[str, Any] = {"provenance": {"settings": {}}}


def test_snapshots_are_evenly_spaced_and_end_with_the_training() -> None:
    rng = np.random.default_rng(0)
    drawn = [(steps, int(rng.integers(1, steps + 1))) for steps in map(int, rng.integers(1, 1_000_000, 300))]
    for steps, count in [(1, 1), (12, 2), (1000, 8), (708_000, 16), (7, 7), (3, 2), (5, 4), (2**20, 3), *drawn]:
        kept = snapshot_steps(steps, min(count, 2000))
        assert len(kept) == min(count, 2000) and kept[-1] == steps and kept[0] >= 1
        gaps = np.diff([0, *kept])
        assert gaps.min() >= 1 and gaps.max() - gaps.min() <= 2
    assert snapshot_steps(1000, 8) == [125, 250, 375, 500, 625, 750, 875, 1000]
    assert snapshot_steps(600 * 442, 12) == [50 * 442 * k for k in range(1, 13)]  # every 50 epochs


@pytest.mark.parametrize(("steps", "count"), [(3, 4), (1, 2), (12, 100)])
def test_there_is_at_most_one_snapshot_a_step(steps: int, count: int) -> None:
    assert snapshot_steps(steps, count) == list(range(1, steps + 1))


class Recorder:
    """Copies of the averaged generator after each step."""

    def __init__(self) -> None:
        self.states: dict[int, dict[str, torch.Tensor]] = {}

    def file_bytes(self, _steps: int, _generator: Generator) -> int:
        return 0

    def __call__(self, step: int, _steps: int, generator: Generator, _num_scales: int) -> None:
        self.states[step] = {name: value.clone() for name, value in generator.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        pass


def test_files_hold_the_averages_of_trained_scales_and_change_nothing(
    striped: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    damsm = small_damsm(striped, vocabulary, steps=3)[0]
    files = SnapshotFiles(tmp_path, 4, {"text": damsm.text.to_checkpoint()} | CONTENT, 32)
    recorder = Recorder()
    observers = {"snapshots": files, "recorder": recorder}
    generator, _ = small_gan(striped, damsm, observers=observers)  # grows to 32 pixels after 2 of 4 steps
    assert same_weights(generator, small_gan(striped, damsm)[0])
    assert {step: path.name for step, path in snapshots_in(tmp_path).items()} == {
        1: "000001.pt", 2: "000002.pt", 3: "000003.pt", 4: "000004.pt",
    }  # fmt: skip
    for step, path in snapshots_in(tmp_path).items():
        content = model_file.load(path, "gan")
        assert (
            content["snapshot"] == {"step": step, "image_size": 32} and content["provenance"] == CONTENT["provenance"]
        )
        kept, recorded = Generator.from_checkpoint(content["generator"]), recorder.states[step]
        assert kept.config["image_size"] == (16 if step <= 2 else 32) and len(kept.heads) == (1 if step <= 2 else 2)
        assert all(torch.equal(value, recorded[name]) for name, value in kept.state_dict().items())
        (image,) = TextToImage.load(path, "fp32")("the top is red")
        assert image.size == (kept.config["image_size"],) * 2
    assert same_weights(kept, generator)


def keep(files: SnapshotFiles, *steps: int) -> None:
    for step in steps:
        files(step, 2 * files.count, make_generator(), 3)


def test_publishing_replaces_the_folder_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    files, published = SnapshotFiles(tmp_path / "scratch", 2, CONTENT, 32), tmp_path / "models" / "snapshots"
    published.mkdir(parents=True)
    (published / "000900.pt").write_text("of another training")
    keep(files, 2, 4)
    assert files.publish(published) == published / "000004.pt"
    assert sorted(path.name for path in published.iterdir()) == ["000002.pt", "000004.pt"]
    assert (published / "000002.pt").read_bytes() == snapshot_path(tmp_path / "scratch", 2).read_bytes()
    assert [path.name for path in published.parent.iterdir()] == ["snapshots"]


@pytest.mark.parametrize("damage", ["missing", "half", "one bit"])
def test_a_training_that_would_go_on_without_a_snapshot_is_refused(tmp_path: Path, damage: str) -> None:
    files = SnapshotFiles(tmp_path, 3, CONTENT, 32)
    keep(files, 2, 4)
    state = files.state_dict()
    path = snapshot_path(tmp_path, 2)
    whole = path.read_bytes()
    again = SnapshotFiles(tmp_path, 3, CONTENT, 32)
    again.load_state_dict(state)
    assert again.steps == [2, 4]
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    path.unlink() if damage == "missing" else path.write_bytes(changed if damage == "one bit" else whole[:-1000])
    with pytest.raises(InputError) as caught:
        SnapshotFiles(tmp_path, 3, CONTENT, 32).load_state_dict(state)
    assert str(caught.value) == (
        f"{path} is missing or damaged, a snapshot of the training that would go on: remove {tmp_path} to start anew"
    )


def test_snapshots_after_the_last_checkpoint_are_written_again(
    striped: Path, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    damsm = small_damsm(striped, vocabulary, steps=3)[0]
    reasons = iter([None, "asked to"])
    policy = CheckpointPolicy(tmp_path, 1e9, lambda: next(reasons, None))
    with pytest.raises(StoppedError):
        first = SnapshotFiles(tmp_path, 4, CONTENT, 32)
        small_gan(striped, damsm, observers={"snapshots": first}, checkpoints=policy)
    snapshot_path(tmp_path, 3).write_bytes(b"half of one, when the power went")  # no checkpoint knows of it
    files = SnapshotFiles(tmp_path, 4, CONTENT, 32)
    small_gan(striped, damsm, observers={"snapshots": files}, checkpoints=policy)
    assert files.steps == [1, 2, 3, 4] and model_file.load(snapshot_path(tmp_path, 3), "gan")["snapshot"]["step"] == 3
