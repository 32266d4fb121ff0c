"""Snapshots: averaged generators that GAN training keeps on the way, one model file each, named after its step."""

import json
import re
from pathlib import Path
from typing import Any, Literal

from t2i.checkpoints.provenance import file_digest
from t2i.errors import InputError

Choice = Literal["last", "best"] | int
"""The final generator, the snapshot with the best score (stage `score_snapshots` tells which), or that of a step."""


def snapshot_path(folder: Path, step: int) -> Path:
    """The file of a snapshot."""
    return folder / f"{step:06d}.pt"


def snapshots_in(folder: Path) -> dict[int, Path]:
    """Step -> file of each snapshot in a folder, in the order of the steps.

    Raises:
        InputError: there is none.
    """
    found = {int(path.stem): path for path in folder.glob("*.pt") if re.fullmatch(r"\d{6,}", path.stem)}
    if not found:
        raise InputError(f"{folder}: no snapshots; `dvc repro train_gan` makes them")
    return dict(sorted(found.items()))


def short_digest(path: Path) -> str:
    """The digest of a file, short enough for a table of metrics."""
    return file_digest(path)[:12]


def choose_snapshot(choice: Choice, gan: Path, folder: Path, scores: Path) -> Path:
    """The model file that ``sample.snapshot`` names.

    Args:
        choice: value of ``sample.snapshot``.
        gan: the final generator, which is the last snapshot too.
        folder: of all snapshots.
        scores: JSON with the ``best`` step, and the digest of the generator that the training ended with.

    Raises:
        InputError: there is no such snapshot, or the scores are missing, damaged or of another training.
    """
    if choice == "last":
        return gan
    if choice == "best":
        choice = _best_step(gan, scores)
    steps = snapshots_in(folder)
    if choice not in steps:
        raise InputError(
            f"sample.snapshot is {choice}, and there is no snapshot of that step in {folder}: legal are last, best and "
            f"{', '.join(map(str, steps))}"
        )
    return steps[choice]


def _best_step(gan: Path, scores: Path) -> int:
    remedy = "`dvc repro score_snapshots` makes it again"
    try:
        content = json.loads(scores.read_text(encoding="utf-8"))
        step, digest = int(content["best"]["step"]), str(content["protocol"]["gan"])
    except FileNotFoundError as error:
        raise InputError(f"{scores} is not there, and tells which snapshot is the best: {remedy}") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{scores} is damaged or of another version, and tells the best snapshot: {remedy}") from error
    if not gan.is_file():
        raise InputError(f"{gan}: no such model file; `dvc repro` makes it")
    if digest != short_digest(gan):
        raise InputError(f"{scores} scores the snapshots of another training than {gan} is of: {remedy}")
    return step


def snapshot_of(content: dict[str, Any]) -> dict[str, int | None]:
    """What a gan.pt says of its training; nothing is known of an imported one.

    Returns:
        "step" after which it was kept, and "image_size" that the training ends with, which is larger than the model's
        own if the largest scale was not yet trained.
    """
    known = content.get("snapshot", {})
    return {"step": known.get("step"), "image_size": known.get("image_size")}
