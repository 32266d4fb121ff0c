"""Checkpoints of a training: when they are due, and how they are written, verified and read."""

import errno
import math
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from t2i.errors import InputError
from t2i.runtime import distributed

CHECKPOINT = "last.ckpt"


class Stateful(Protocol):
    """Anything with a state: networks, optimizers, schedules, a memory bank, progress images."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers, strings, lists and dicts."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Restore a state."""


@dataclass(frozen=True)
class CheckpointPolicy:
    """Where and when a training saves, and who may stop it.

    Attributes:
        folder: of this very training alone (same settings, inputs, code); exists, where the first process runs.
        seconds: between two checkpoints.
        stop: called after each step; a reason to save and end, or None.
    """

    folder: Path
    seconds: float
    stop: Callable[[], str | None]

    @property
    def path(self) -> Path:
        """The latest checkpoint."""
        return self.folder / CHECKPOINT


def write_state(file: Any, parts: Mapping[str, Stateful], steps_done: int) -> None:
    """Write everything that the next step depends on, tensor by tensor, to a file opened for bytes."""
    torch.save(_state(parts, steps_done), file)


def restore_state(path: Path | None, parts: Mapping[str, Stateful]) -> int:
    """Restore in all processes what :func:`write_state` wrote; returns the number of steps that are done.

    Part by part, so that a process never holds the state of more than one of them beside the parts themselves.

    Args:
        path: in the first process; None there: the state that it has. Others get theirs from it.
    """
    saved: dict[str, Any] = {}
    if path is not None:
        saved = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
    elif distributed.rank() == 0:
        saved = _state(parts, 0)
    rest = {name: value for name, value in saved.items() if name != "parts"}
    # the first process alone has progress images and snapshots
    rest = distributed.broadcast_object(rest | {"names": list(parts)})
    for name in rest["names"]:
        state = distributed.broadcast_state(saved["parts"][name] if saved else None)
        if name in parts:
            # a part may keep tensors of a state, and with one of them the whole file, when that has long been replaced
            parts[name].load_state_dict(tree_map_only(Tensor, Tensor.clone, state))
        del state  # before the next one comes
    torch.set_rng_state(rest["random"]["cpu"])
    if torch.cuda.is_available() and "cuda" in rest["random"]:  # a checkpoint of a processor may go on on a GPU
        torch.cuda.set_rng_state(rest["random"]["cuda"])
    return int(rest["done"])


def _state(parts: Mapping[str, Stateful], steps_done: int) -> dict[str, Any]:
    random = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        random["cuda"] = torch.cuda.get_rng_state()
    return {"done": steps_done, "random": random, "parts": {name: part.state_dict() for name, part in parts.items()}}


def save_checkpoint(path: Path, parts: Mapping[str, Stateful], steps_done: int, *, then: str) -> None:
    """Replace the checkpoint at ``path`` when the new one is complete on the disk.

    Args:
        then: what running again does if this fails, for the message.

    Raises:
        InputError: there is no room for it.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            write_state(file, parts, steps_done)
            file.flush()
            os.fsync(file.fileno())  # a power cut must not leave the new name on old or no content
        part.replace(path)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        if not _no_space(error):
            raise
        problem = f"no space left for the checkpoint of step {steps_done:,} in {path.parent}"
        raise InputError(f"{problem}; free some and run it again: it {then}") from error


def _no_space(error: BaseException | None) -> bool:
    """Whether a full disk is behind an error; torch's zip writer wraps the OSError of the file in its own."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_damaged(path: Path) -> bool:
    """Whether a checkpoint cannot be trusted: torch's files are zip archives with a checksum for each record."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is not None
    except (zipfile.BadZipFile, EOFError, OSError):
        return True


def check_disk_space(folder: Path, parts: Mapping[str, Stateful], kept_bytes: int = 0) -> None:
    """Check before hours are spent that checkpoints and results will fit.

    Args:
        folder: of the checkpoints; what a former run has left there is part of what is needed.
        kept_bytes: of the files that the training writes beside its checkpoints.

    Raises:
        InputError: they will not.
    """
    weights = sum(num_bytes(part.state_dict()) for part in parts.values())
    # weights and two moments each, twice: the old checkpoint goes when the new one is complete; and the model file
    # with its copy in DVC's cache; what is kept besides is here, among the results and in the cache
    needed = 3 * (2 * weights) + 2 * weights + 3 * kept_bytes
    needed -= sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    free = shutil.disk_usage(folder).free
    if free < needed:
        unit = 2**20
        raise InputError(
            f"checkpoints and the model need {math.ceil(needed / unit):,} MiB on the disk of {folder}, which has "
            f"{free // unit:,} MiB; free some and run it again: no step has been made"
        )


def num_bytes(state: Any) -> int:
    """Size of all tensors in a state."""
    if isinstance(state, Tensor):
        return state.nbytes
    values = state.values() if isinstance(state, Mapping) else state if isinstance(state, list | tuple) else ()
    return sum(map(num_bytes, values))
