"""Generated images as files: one image, single files in a folder, or a grid, and attention maps.

Imports are made where they are needed, so that the command can check a path before it imports PyTorch.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from t2i.errors import InputError
from t2i.files import check_writable, replacing

if TYPE_CHECKING:
    from t2i.generation.text_to_image import GenerationResult


MAX_GRID = 4000
"""Most images of a grid, which is made in memory."""


@dataclass(frozen=True)
class ImageFiles:
    """Where images are written to.

    Attributes:
        path: a .png for one image or a grid of all, or a folder for single files.
        is_folder: which of the two.
    """

    path: Path
    is_folder: bool

    @classmethod
    def parse(cls, out: str) -> "ImageFiles":
        """A folder that is there, or a path that ends with a slash or has no extension, is a folder.

        Raises:
            InputError: it is empty or -, or no folder and has no name or an extension other than .png.
        """
        path = Path(out)
        if out in ("", "-") or (path.name.lower() == ".png" and not os.path.isdir(out)):
            raise InputError(f"{out!r} is no name of a .png or of a folder (-o): give one, such as birds.png")
        if os.path.isdir(out) or out.endswith("/") or path.suffix == "":
            return cls(path, True)
        if path.suffix.lower() != ".png":
            raise InputError(f"{path} is neither a .png nor a folder (-o): folders that are to be made end with a /")
        return cls(path, False)

    def images(self, captions: int, number: int) -> list[Path]:
        """Files of so many images for each of so many captions, in this order, or the one file of all."""
        if not self.is_folder:
            return [self.path]
        names = (f"{caption:03d}-{k:03d}.png" for caption in range(1, captions + 1) for k in range(1, number + 1))
        return [self.path / name for name in names]

    @property
    def attention(self) -> Path:
        """File of the attention maps."""
        if self.is_folder:
            return self.path / "attention.png"
        return self.path.with_name(f"{self.path.stem}-attention.png")

    def check(self, captions: int, number: int, *, attention: bool) -> None:
        """Check that all of it can be written.

        Raises:
            InputError: the grid is too large.
            OSError: a file cannot be written.
        """
        if not self.is_folder and captions * number > MAX_GRID:
            raise InputError(f"{captions * number:,} images are too many for one grid: give a folder (-o images/)")
        check_writable(*self.images(captions, number), *([self.attention] if attention else []))


def write_images(results: Sequence["GenerationResult"], files: ImageFiles) -> list[Path]:
    """Write the images of some captions.

    Args:
        results: at least one, all with the same number of images.

    Returns:
        Paths of the files.
    """
    images = [image for result in results for image in result.images]
    paths = files.images(len(results), len(results[0].images))
    if len(paths) < len(images):
        from t2i.figures.grid import GridRow, caption_grid  # imports matplotlib, which a single image does not need

        rows = [GridRow(result.prompt.text, result.images) for result in results]
        caption_grid(files.path, rows, [""] * len(results[0].images))
        return paths
    from PIL import Image

    for path, image in zip(paths, images, strict=True):
        with replacing(path) as part:
            Image.fromarray(image).save(part, format="png")
    return paths


def write_attention(results: Sequence["GenerationResult"], files: ImageFiles) -> Path:
    """Write attention maps of the first image of each caption, of a model that has attention."""
    from t2i.figures.attention import AttentionRow, attention_maps

    rows = [
        AttentionRow(
            f"{result.prompt.text} - {weights.shape[-1]} x {weights.shape[-1]}",
            result.images[0],
            result.prompt.words,
            weights,
        )
        for result in results
        for weights in result.attention
    ]
    attention_maps(files.attention, rows)
    return files.attention
