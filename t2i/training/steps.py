"""The steps of a training that may be killed at any moment.

A run that goes on from a checkpoint ends with the bytes of one that was never stopped: a checkpoint holds everything
that a step depends on, and data and noise are functions of the seed and the step alone. Of several processes the first
writes and reads it; the state of all is the same.
"""

import errno
import hashlib
import io
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import torch
from torch import Tensor
from tqdm import tqdm

from t2i import distributed, runtime
from t2i.data.pairs import Batch, CaptionPairs
from t2i.errors import InputError, StoppedError
from t2i.training.curves import Curves, DivergedError

CHECKPOINT = "last.ckpt"
_DIGEST = 32  # bytes of SHA-256 after the content, which torch then may read as a file of its own


class Stateful(Protocol):
    """Anything with a state: networks, averages, optimizers, schedules, pictures painted so far."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers, strings, lists and dicts."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take a state over."""


@dataclass(frozen=True)
class Resume:
    """Where and when a training saves, and who may stop it.

    Attributes:
        folder: of this very training alone (same settings, inputs, code); exists, where the first process runs.
        seconds: between two checkpoints.
        stop: asked after each step; a reason to save and end, or None.
        say: takes lines for the person who watches.
    """

    folder: Path
    seconds: float
    stop: Callable[[], str | None]
    say: Callable[[str], None]


class Steps:
    """Runs over the steps that are left to do, keeps losses, bar and checkpoints.

    Args:
        name: of the training, for the progress bar.
        total: number of steps.
        parts: name -> everything that a step changes.
        resume: None: no checkpoints.
        keep_memory: :func:`~t2i.runtime.keep_freed_memory` from step to step, which costs some of it and saves time.

    Attributes:
        curves: of the losses.
    """

    def __init__(
        self,
        name: str,
        total: int,
        parts: Mapping[str, Stateful],
        resume: Resume | None,
        *,
        keep_memory: bool = True,
    ) -> None:
        runtime.keep_freed_memory(keep_memory)
        self.name, self.total, self.resume = name, total, resume
        self.curves = Curves(every=max(1, min(25, total // 4)))
        self._parts: dict[str, Stateful] = {**parts, "curves": self.curves}
        self._saved: int | None = None  # steps that the last checkpoint has behind it
        self._writes = distributed.rank() == 0

    def batches(self, pairs: CaptionPairs) -> Iterator[tuple[int, Batch]]:
        """Step and batch, from the first step that is left; the loop must call :meth:`done` at the end of each.

        Raises:
            InputError: there is no room for checkpoints.
        """
        found: Path | None = None
        if self.resume is not None and self._writes:
            self._check_space(self.resume.folder)
            found = self._sound(self.resume)
        state: Path | io.BytesIO | None = found
        if distributed.size() > 1:  # processors of different machines might start with weights of different last bits
            mine = (found.read_bytes() if found else self._first_state()) if self._writes else b""
            state = io.BytesIO(distributed.from_first(mine))
        first = 0 if state is None else self._take_over(state)
        if first and self.resume is not None:
            self._saved = first
            self.resume.say(f"going on after step {first:,} of {self.total:,}")
        self._last = time.monotonic()
        with tqdm(total=self.total, initial=first, desc=self.name, unit="step", disable=not self._writes) as self._bar:
            yield from enumerate(pairs.batches(first, self.total), first)

    def done(self, step: int, **losses: Tensor) -> None:
        """Take the losses of a step that is complete; saves if it is time to.

        Raises:
            InputError: a loss is no number any more, or there is no room for the checkpoint.
            StoppedError: somebody wants the training to end; it is saved.
        """
        try:
            if self.curves.add(step, **losses):
                self._bar.set_postfix_str(self.curves.summary(), refresh=False)
            self._bar.update()
            if self.resume is None:
                return
            reason = distributed.any_of(self.resume.stop())
            due = reason or step + 1 == self.total or time.monotonic() - self._last >= self.resume.seconds
            if due and self._writes:
                self._save(self.resume.folder, step + 1)
        except DivergedError as error:
            raise InputError(f"{error}; {self._way_on()}") from error
        if reason:
            distributed.wait_for_all()  # the first one that ends takes the others with it
            raise StoppedError(f"{reason}: {step + 1:,} of {self.total:,} steps are saved; run it again to go on")

    def _way_on(self) -> str:
        """What to do after a loss has gone astray."""
        advice = "try lower learning rates or runtime.precision=fp32"
        if self.resume is None or self._saved is None:
            return advice
        path = self.resume.folder / CHECKPOINT
        return f"the last good checkpoint, after step {self._saved:,}, is {path}; {advice}"

    # ---- Checkpoints ----

    def _write_state(self, done: int, file: Any) -> None:
        """Write all that a step depends on, as :meth:`_take_over` takes it, tensor by tensor."""
        random = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            random["cuda"] = torch.cuda.get_rng_state()
        parts = {name: part.state_dict() for name, part in self._parts.items()}
        torch.save({"done": done, "random": random, "parts": parts}, file)

    def _first_state(self) -> bytes:
        buffer = io.BytesIO()
        self._write_state(0, buffer)
        return buffer.getvalue()

    def _take_over(self, state: Path | io.BytesIO) -> int:
        """Go on from a state; returns how many steps it has behind it."""
        saved = torch.load(state, weights_only=True, map_location="cpu", mmap=isinstance(state, Path))
        for name, part in self._parts.items():
            part.load_state_dict(saved["parts"][name])
        torch.set_rng_state(saved["random"]["cpu"])
        if torch.cuda.is_available():
            torch.cuda.set_rng_state(saved["random"]["cuda"])
        return int(saved["done"])

    def _save(self, folder: Path, done: int) -> None:
        path = folder / CHECKPOINT
        part = path.with_name(path.name + ".part")
        try:
            with part.open("wb") as file:
                hashed = _Hashed(file)
                self._write_state(done, hashed)
                file.write(hashed.sha256.digest())
                file.flush()
                os.fsync(file.fileno())  # a power cut must not leave the new name on old or no content
            os.replace(part, path)
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            then = f"goes on after step {self._saved:,}" if self._saved else "starts anew"
            problem = f"no space left for the checkpoint of step {done:,} in {folder}"
            raise InputError(f"{problem}; free some and run it again: it {then}") from error
        self._saved, self._last = done, time.monotonic()

    def _sound(self, resume: Resume) -> Path | None:
        """The checkpoint, if there is a sound one."""
        path = resume.folder / CHECKPOINT
        if not path.exists():
            return None
        sha256, left = hashlib.sha256(), path.stat().st_size - _DIGEST
        with path.open("rb") as file:
            while left > 0 and (block := file.read(min(left, 2**20))):
                sha256.update(block)
                left -= len(block)
            sound = file.read() == sha256.digest()
        if sound:
            return path
        aside = path.with_name(path.name + ".damaged")
        os.replace(path, aside)
        resume.say(f"the checkpoint {path} is damaged; set aside as {aside.name}, starting anew")
        return None

    def _check_space(self, folder: Path) -> None:
        """Checkpoints and results must fit before hours are spent on them."""
        weights = sum(_bytes(part.state_dict()) for part in self._parts.values())
        # weights and two moments each, twice: the old checkpoint goes when the new one is complete; and the model file
        # with its copy in DVC's cache
        needed = 3 * (2 * weights) + 2 * weights
        free = shutil.disk_usage(folder).free
        if free < needed:
            unit = 2**20
            raise InputError(
                f"checkpoints and the model need {math.ceil(needed / unit):,} MiB on the disk of {folder}, which has "
                f"{free // unit:,} MiB; free some and run it again: nothing has been computed yet"
            )


class _Hashed:
    """A file that hashes what is written to it, so that no copy of a state is held beside the state."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.sha256 = file, hashlib.sha256()

    def write(self, block: Any) -> int:
        """Write and hash."""
        self.sha256.update(block)
        return self._file.write(block)

    def flush(self) -> None:
        """As files have it."""
        self._file.flush()


def _bytes(state: Any) -> int:
    """Size of all tensors in a state."""
    if isinstance(state, Tensor):
        return state.nbytes
    values = state.values() if isinstance(state, Mapping) else state if isinstance(state, list | tuple) else ()
    return sum(map(_bytes, values))
