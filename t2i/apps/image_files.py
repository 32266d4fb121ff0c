"""Generated images as files: one image, single files in a folder, or a grid, and attention maps.

Imports are made where they are needed, so that the command can check a path before it imports PyTorch.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from t2i.errors import InputError
from t2i.files import check_writable, replacing

if TYPE_CHECKING:
    import numpy as np

    from t2i.generation.text_to_image import GenerationResult

MAX_GRID = 4000
"""Most images of a grid, which is made in memory."""
MAX_ATTENTION = 100
"""Most captions whose attention maps are drawn, on one page that is made in memory."""


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

    def of_caption(self, caption: int, number: int) -> list[Path]:
        """Files of so many images of a caption in the folder; captions are numbered from 1."""
        return [self.path / f"{caption:03d}-{k:03d}.png" for k in range(1, number + 1)]

    @property
    def attention(self) -> Path:
        """File of the attention maps."""
        if self.is_folder:
            return self.path / "attention.png"
        return self.path.with_name(f"{self.path.stem}-attention.png")

    def check(self, captions: int, number: int, *, attention: bool) -> None:
        """Check that all of it can be written.

        Raises:
            InputError: the grid or the page of attention maps is too large.
            OSError: a file cannot be written.
        """
        if attention and captions > MAX_ATTENTION:
            raise InputError(
                f"attention maps of {captions:,} captions are too many for one page: at most {MAX_ATTENTION}, or leave "
                "out --attention"
            )
        if not self.is_folder and captions * number > MAX_GRID:
            raise InputError(f"{captions * number:,} images are too many for one grid: give a folder (-o images/)")
        paths = self._at_risk(captions, number) if self.is_folder else [self.path]
        check_writable(*paths, *([self.attention] if attention else []))

    def _at_risk(self, captions: int, number: int) -> list[Path]:
        """Of maybe a million files of a folder, those that tell: the longest name, and what is a folder already."""
        there = list(os.scandir(self.path)) if os.path.isdir(self.path) else []
        folders = {entry.name.removesuffix(".part") for entry in there if entry.is_dir()}
        numbered = [(name, re.fullmatch(r"(\d{3,})-(\d{3,})\.png", name)) for name in sorted(folders)]
        taken = [
            self.path / name
            for name, found in numbered
            if found and 1 <= int(found[1]) <= captions and 1 <= int(found[2]) <= number
        ]
        return [self.of_caption(captions, number)[-1], *taken]


class ImageWriter:
    """Writes the images of one caption after the other: single files at once, one image or a grid at the end.

    Args:
        attention: whether attention maps are written, too, of the first image of each caption.
    """

    def __init__(self, files: ImageFiles, *, attention: bool) -> None:
        self.files, self.attention = files, attention
        self._kept: list[GenerationResult] = []
        self._written: list[Path] = []
        self._captions = 0

    def add(self, result: "GenerationResult") -> None:
        """Take the images of a caption, as many as of every other.

        Raises:
            OSError: a file cannot be written.
        """
        self._captions += 1
        if self.files.is_folder:
            paths = self.files.of_caption(self._captions, len(result.images))
            for path, image in zip(paths, result.images, strict=True):
                _save(path, image)
            self._written += paths
        if self.attention or not self.files.is_folder:
            images = 1 if self.files.is_folder else len(result.images)  # attention is shown on the first
            self._kept.append(result.reduced(images=images, attention=self.attention))

    def finish(self) -> list[Path]:
        """Write what all captions are in; returns the paths of all files.

        Raises:
            OSError: a file cannot be written.
        """
        if not self.files.is_folder:
            _write_page(self._kept, self.files.path)
            self._written.append(self.files.path)
        if self.attention:
            self._written.append(_write_attention(self._kept, self.files.attention))
        return self._written


def _save(path: Path, image: "np.ndarray") -> None:
    from PIL import Image

    with replacing(path) as part:
        Image.fromarray(image).save(part, format="png")


def _write_page(results: Sequence["GenerationResult"], path: Path) -> None:
    """Write one image, or a grid with a row for each caption."""
    if len(results) == len(results[0].images) == 1:
        _save(path, results[0].images[0])
        return
    from t2i.figures.grid import GridRow, caption_grid  # imports matplotlib, which a single image does not need

    rows = [GridRow(result.prompt.text, result.images) for result in results]
    caption_grid(path, rows, [""] * len(results[0].images))


def _write_attention(results: Sequence["GenerationResult"], path: Path) -> Path:
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
    attention_maps(path, rows)
    return path
