"""Resumable training loop: iterates, logs losses, and checkpoints.

A run that goes on from a checkpoint ends with the bytes of one that was never stopped: a checkpoint holds everything
that a step depends on, and data and noise are functions of the seed and the step alone. Of several processes the first
writes and reads it; the state of all is the same.
"""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from t2i.data.batches import Batch, CaptionBatches
from t2i.errors import InputError, StoppedError
from t2i.runtime import distributed
from t2i.runtime.device import loader_workers
from t2i.runtime.memory import keep_freed_memory
from t2i.training.loop.checkpoint import (
    CheckpointPolicy,
    Stateful,
    check_disk_space,
    is_damaged,
    restore_state,
    save_checkpoint,
)
from t2i.training.loop.loss_history import DivergedError, LossHistory

log = logging.getLogger(__name__)


class TrainingLoop:
    """Iterates over the steps that are left, with a progress bar, and keeps losses and checkpoints.

    Args:
        name: of the training, for the progress bar.
        total: number of steps.
        parts: name -> everything that a step changes.
        checkpoints: None: no checkpoints.
        keep_memory: :func:`~t2i.runtime.memory.keep_freed_memory` from step to step, which costs some of it and saves
            time.
        kept_bytes: of the files that the training writes beside its checkpoints.

    Attributes:
        history: the losses so far.
    """

    def __init__(
        self,
        name: str,
        total: int,
        parts: Mapping[str, Stateful],
        checkpoints: CheckpointPolicy | None,
        *,
        keep_memory: bool = True,
        kept_bytes: int = 0,
    ) -> None:
        keep_freed_memory(keep_memory)
        self.name, self.total, self.checkpoints, self.kept_bytes = name, total, checkpoints, kept_bytes
        self.history = LossHistory(every=max(1, min(25, total // 4)))
        self._parts: dict[str, Stateful] = {**parts, "history": self.history}
        self._saved: int | None = None  # steps done at the last checkpoint
        self._writes = distributed.rank() == 0

    def batches(self, data: CaptionBatches) -> Iterator[tuple[int, Batch]]:
        """Step and batch, from the first step that is left; call :meth:`step_done` at the end of each.

        Raises:
            InputError: there is no room for checkpoints.
        """
        found: Path | None = None
        if self.checkpoints is not None and self._writes:
            check_disk_space(self.checkpoints.folder, self._parts, self.kept_bytes)
            found = _verified(self.checkpoints.path)
        # initial weights may differ in last bits between machines
        first = restore_state(found, self._parts) if found or distributed.world_size() > 1 else 0
        if first and self.checkpoints is not None:
            self._saved = first
            log.info("going on after step %s of %s", f"{first:,}", f"{self.total:,}")
        self._last = time.monotonic()
        with tqdm(total=self.total, initial=first, desc=self.name, unit="step", disable=not self._writes) as self._bar:
            yield from enumerate(data.batches(first, self.total, loader_workers()), first)

    def step_done(self, step: int, **losses: Tensor) -> None:
        """Record the losses of a step that is complete; save if it is time to.

        Raises:
            InputError: a loss is NaN or has diverged, or there is no room for the checkpoint.
            StoppedError: the training was asked to end; it is saved.
        """
        try:
            if self.history.add(step, **losses):
                self._bar.set_postfix_str(self.history.summary(), refresh=False)
            self._bar.update()
            if self.checkpoints is None:
                return
            reason = distributed.any_rank(self.checkpoints.stop())
            due = reason or step + 1 == self.total or time.monotonic() - self._last >= self.checkpoints.seconds
            if due and self._writes:
                self._save(self.checkpoints, step + 1)
        except DivergedError as error:
            raise InputError(f"{error}; {self._advice()}") from error
        if reason:
            distributed.barrier()  # the first one that ends takes the others with it
            raise StoppedError(f"{reason}: {step + 1:,} of {self.total:,} steps are saved; run it again to go on")

    def _save(self, checkpoints: CheckpointPolicy, steps_done: int) -> None:
        then = f"goes on after step {self._saved:,}" if self._saved else "starts anew"
        save_checkpoint(checkpoints.path, self._parts, steps_done, then=then)
        self._saved, self._last = steps_done, time.monotonic()

    def _advice(self) -> str:
        """What to do about a diverged loss."""
        advice = "try lower learning rates or runtime.precision=fp32"
        if self.checkpoints is None or self._saved is None:
            return advice
        return f"the last good checkpoint, after step {self._saved:,}, is {self.checkpoints.path}; {advice}"


def _verified(path: Path) -> Path | None:
    """The checkpoint if it is there and sound; a damaged one is set aside."""
    if not path.exists():
        return None
    if not is_damaged(path):
        return path
    aside = path.with_name(path.name + ".damaged")
    os.replace(path, aside)
    log.warning("the checkpoint %s is damaged; set aside as %s, starting anew", path, aside.name)
    return None
