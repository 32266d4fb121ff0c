"""Pictures for scores and grids: every test image's captions, with noise that captions share on purpose."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from t2i import runtime
from t2i.data.pack import Pack
from t2i.data.pairs import EncodedCaptions, distinct_captions, to_pixels
from t2i.errors import InputError
from t2i.models.generator import Generated, Generator
from t2i.models.text_encoder import Text, TextEncoder


@dataclass
class Painter:
    """A generator with the text encoder that it was trained with, in eval mode."""

    generator: Generator
    text: TextEncoder
    precision: runtime.Precision

    def __post_init__(self) -> None:
        self.device = runtime.device()
        self.generator.to(self.device).eval()
        self.text.to(self.device).eval()

    @torch.inference_mode()
    def paint(self, ids: Tensor, noise: Tensor, epsilon: Tensor) -> tuple[Generated, Text]:
        """Pictures of N captions.

        Args:
            ids: [N, L] word ids; noise: [N, noise_dim]; epsilon: [N, condition_dim].
        """
        text = self.text(ids.to(self.device))
        with runtime.autocast(self.precision):
            made = self.generator(
                noise.to(self.device), epsilon.to(self.device), text.sentence, text.words, text.padding
            )
        return made, text


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


def save_pictures(folder: Path, table: pd.DataFrame, pictures: Tensor) -> None:
    """Write a plan (plan.csv) and its pictures (pictures.npy), each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    plan_part, pictures_part = folder / "plan.csv.part", folder / "pictures.npy.part"
    try:
        table.to_csv(plan_part, index=False, lineterminator="\n")
        with pictures_part.open("wb") as file:
            np.save(file, pictures.numpy())
        os.replace(plan_part, folder / "plan.csv")
        os.replace(pictures_part, folder / "pictures.npy")
    finally:
        for part in (plan_part, pictures_part):
            part.unlink(missing_ok=True)


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
