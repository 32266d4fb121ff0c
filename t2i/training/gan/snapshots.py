"""Averaged generators that are kept while a GAN is trained: after which steps, and in which files."""

import os
import shutil
from pathlib import Path
from typing import Any

from t2i.checkpoints import model_file
from t2i.checkpoints.snapshots import snapshot_path
from t2i.errors import InputError
from t2i.files import replacing_folder
from t2i.models.generators.generator import Generator
from t2i.training.loop.checkpoint import is_damaged, num_bytes


def snapshot_steps(steps: int, count: int) -> list[int]:
    """The steps after which a generator is kept: ``count``, evenly spaced, the last one among them; at most all."""
    count = min(count, steps)
    return [round(k * steps / count) for k in range(1, count + 1)]


class SnapshotFiles:
    """Writes a model file for each snapshot into the folder of the training's checkpoints.

    There they outlive an interruption. A training that goes on from a checkpoint writes those after it again, to the
    same bytes.

    Args:
        folder: of the checkpoints.
        count: how many are kept.
        content: what each file holds beside the generator.
        image_size: side of the images that the training ends with.
    """

    def __init__(self, folder: Path, count: int, content: dict[str, Any], image_size: int) -> None:
        self.folder, self.count, self.content, self.image_size = folder, count, content, image_size
        self.steps: list[int] = []

    def file_bytes(self, steps: int, generator: Generator) -> int:
        """Of all files of a training."""
        return len(snapshot_steps(steps, self.count)) * num_bytes(generator.state_dict())

    def __call__(self, step: int, steps: int, generator: Generator, num_scales: int) -> None:
        """Write a snapshot if ``step`` of ``steps`` is one of the steps for it.

        Args:
            generator: the averaged one.
            num_scales: scales that are trained so far. The file holds a generator of these alone, whose images are
                smaller than those of the training: what an untrained scale makes of them is not worth a look.
        """
        if step not in snapshot_steps(steps, self.count):
            return
        path = snapshot_path(self.folder, step)
        snapshot = {"step": step, "image_size": self.image_size}
        model_file.save(
            path, "gan", {"generator": generator.to_checkpoint(num_scales), "snapshot": snapshot} | self.content
        )
        with path.open("rb") as file:
            os.fsync(file.fileno())  # on the disk before a checkpoint that takes it for written
        self.steps.append(step)

    def publish(self, folder: Path) -> Path:
        """Copy all files to a folder, which is replaced as a whole; returns the last one there."""
        with replacing_folder(folder) as part:
            for step in self.steps:
                shutil.copyfile(snapshot_path(self.folder, step), snapshot_path(part, step))
        return snapshot_path(folder, self.steps[-1])

    def state_dict(self) -> dict[str, Any]:
        """Steps of the snapshots so far."""
        return {"steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on after these snapshots.

        Raises:
            InputError: the file of one is missing or damaged.
        """
        for step in state_dict["steps"]:
            path = snapshot_path(self.folder, step)
            if is_damaged(path):
                raise InputError(
                    f"{path} is missing or damaged, a snapshot of the training that would go on: remove {self.folder} "
                    "to start anew"
                )
        self.steps = list(state_dict["steps"])
