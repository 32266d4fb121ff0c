"""The file format of samples/: a sampling plan, its generated images, and their provenance."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from t2i.errors import InputError

COLUMNS = ["image", "caption", "noise"]


def save_pictures(folder: Path, plan: pd.DataFrame, pictures: Tensor, provenance: dict[str, Any]) -> None:
    """Write plan.csv, pictures.npy and provenance.json; the folder is replaced as a whole or not at all.

    Args:
        plan: one row a picture, as :func:`t2i.generation.plan.sampling_plan` makes it.
        pictures: uint8 [len(plan), 3, S, S].
    """
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        plan.to_csv(part / "plan.csv", index=False, lineterminator="\n")
        np.save(part / "pictures.npy", pictures.numpy())
        (part / "provenance.json").write_text(json.dumps(provenance, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def load_pictures(folder: Path) -> tuple[pd.DataFrame, Tensor]:
    """The plan and the pictures that :func:`save_pictures` wrote.

    Raises:
        InputError: a file is missing or damaged, or the two do not belong together.
    """
    try:
        plan = pd.read_csv(folder / "plan.csv")
        pictures = torch.from_numpy(np.load(folder / "pictures.npy", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{folder}: no pictures, or damaged ones; run `dvc repro sample`") from error
    if len(plan) != len(pictures) or list(plan) != COLUMNS:
        raise InputError(f"{folder}: plan.csv does not fit its {len(pictures)} pictures; run `dvc repro sample`")
    return plan, pictures


def load_provenance(folder: Path) -> dict[str, Any]:
    """The provenance of the pictures that :func:`save_pictures` wrote.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        provenance = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no provenance.json, or a damaged one; run `dvc repro sample`") from error
    return dict(provenance)
