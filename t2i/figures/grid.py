"""Grids of images with a caption beside each row."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from t2i.figures.page import (
    GREY,
    SMALL,
    Pixels,
    below,
    beside,
    image_block,
    image_side,
    save_page,
    text_block,
)

_CAPTION_WIDTH = 300


@dataclass(frozen=True)
class GridRow:
    """One row of a grid.

    Attributes:
        caption: text on the left; line breaks are kept, so that two captions can stand one above the other.
        images: one a column, uint8 [S, S, 3]; None leaves the place blank.
        notes: a line below each image; none: no room for them.
    """

    caption: str
    images: Sequence[Pixels | None]
    notes: Sequence[str] = ()


def caption_grid(path: Path, rows: Sequence[GridRow], columns: Sequence[str]) -> None:
    """Draw captions on the left and their images beside them, all equally large.

    Args:
        path: PNG to write, replaced at once.
        rows: at least one.
        columns: a heading for each column of images, "" for none.

    Raises:
        ValueError: no rows or columns, a row with another number of images or notes, or an image that is not uint8
            [S, S, 3].
    """
    if not rows or not columns:
        raise ValueError(f"a grid has {len(rows)} rows and {len(columns)} columns; at least 1 of each is needed")
    for number, row in enumerate(rows):
        if len(row.images) != len(columns):
            raise ValueError(f"row {number} has {len(row.images)} images; legal are {len(columns)}, one a column")
        if row.notes and len(row.notes) != len(columns):
            raise ValueError(
                f"row {number} has {len(row.notes)} notes; legal are {len(columns)}, one a column, or none"
            )
    side = image_side([image for row in rows for image in row.images if image is not None])
    width = _CAPTION_WIDTH if any(row.caption for row in rows) else 0

    def strip(caption: str, cells: list[Image.Image], align: Literal["center", "bottom"] = "center") -> Image.Image:
        return beside([text_block(caption, width), *cells] if width else cells, align)

    def cells(row: GridRow) -> list[Image.Image]:
        blocks = [image_block(image, side) for image in row.images]
        notes = [text_block(note, side, SMALL, GREY, "center") for note in row.notes]
        return [below(list(pair), gap=2) for pair in zip(blocks, notes, strict=True)] if notes else blocks

    strips = [strip(row.caption, cells(row)) for row in rows]
    if any(columns):
        headings = [text_block(text, side, SMALL, GREY, "center") for text in columns]
        strips.insert(0, strip("", headings, "bottom"))
    save_page(path, below(strips))
