"""Pictures for scores and grids: every test image's captions, with noise that captions share on purpose."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from t2i.data.pack import Pack
from t2i.data.pairs import EncodedCaptions, distinct_captions
from t2i.data.pixels import to_pixels
from t2i.errors import InputError
from t2i.painter import Painter


def plan(pack: Pack, *, images: int, noises: int, seed: int) -> pd.DataFrame:
    """Which captions are painted with which noise.

    Two distinct captions of an image share a noise vector, and so do two images: that is what caption consistency
    compares.

    Args:
        images: so many images of the split, evenly spread; all if it has fewer.
        noises: noise vectors an image.

    Returns:
        One row a picture: image (row of the pack), caption (row of its captions), noise (number of the vector).
    """
    chosen = np.unique(np.linspace(0, len(pack) - 1, min(images, len(pack))).round().astype(int))
    rng = np.random.default_rng([seed, 2])
    half = max(1, len(chosen) // 2)  # image k shares its noise with image k + half, which is of another class
    rows = [
        (image, caption, number * half + place % half)
        for place, image in enumerate(chosen)
        for number in range(noises)
        for caption in distinct_captions(pack, int(image), 2, rng)
    ]
    return pd.DataFrame(rows, columns=["image", "caption", "noise"])


def paint_plan(painter: Painter, captions: EncodedCaptions, table: pd.DataFrame, *, seed: int) -> Tensor:
    """The pictures of a plan at the last scale: [len(table), 3, S, S] uint8.

    Picture and plan row agree; a noise vector depends on (seed, its number) alone.
    """
    noise, epsilon = painter.generator.draw_noise(int(table["noise"].max()) + 1, np.random.default_rng(seed))
    rng = np.random.default_rng([seed, 3])
    pictures = []
    for start in tqdm(range(0, len(table), 100), desc="painting", unit="batch"):
        part = table.iloc[start : start + 100]
        numbers = torch.tensor(part["noise"].to_numpy())
        ids = captions.padded(part["caption"].to_numpy(), rng)
        made, _ = painter.paint(ids, noise[numbers], epsilon[numbers])
        pictures.append(to_pixels(made.images[-1]).cpu())
    return torch.cat(pictures)


def save_pictures(folder: Path, table: pd.DataFrame, pictures: Tensor, described: dict[str, Any]) -> None:
    """Write a plan (plan.csv), its pictures (pictures.npy) and their origin (origin.json); all or nothing."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        table.to_csv(part / "plan.csv", index=False, lineterminator="\n")
        np.save(part / "pictures.npy", pictures.numpy())
        (part / "origin.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def load_pictures(folder: Path) -> tuple[pd.DataFrame, Tensor]:
    """Read what :func:`save_pictures` wrote.

    Raises:
        InputError: a file is missing or damaged, or the two do not belong together.
    """
    try:
        table = pd.read_csv(folder / "plan.csv")
        pictures = torch.from_numpy(np.load(folder / "pictures.npy", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{folder}: no pictures, or damaged ones; run `dvc repro sample`") from error
    if len(table) != len(pictures) or list(table) != ["image", "caption", "noise"]:
        raise InputError(f"{folder}: plan.csv does not fit its {len(pictures)} pictures; run `dvc repro sample`")
    return table, pictures


def load_origin(folder: Path) -> dict[str, Any]:
    """The origin of pictures, as :func:`save_pictures` wrote it.

    Raises:
        InputError: it is missing or damaged.
    """
    try:
        described = json.loads((folder / "origin.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no origin.json, or a damaged one; run `dvc repro sample`") from error
    return dict(described)
