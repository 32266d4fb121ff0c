"""Building blocks of figures that consist of text and images: blocks are put beside and below each other with PIL.

A block is an RGB image; its background is white. The same input gives the same bytes, if it needs no other font than
DejaVu Sans.
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from t2i.figures.fonts import font_for
from t2i.files import replacing

Pixels = NDArray[np.uint8]
"""One image, [S, S, 3]."""

BLACK, GREY, LIGHT_GREY, WHITE = "#1f1f1f", "#6b6b6b", "#f4f4f4", "#ffffff"
SMALL, LARGE = 15, 17  # font sizes in pixels
GAP, MARGIN = 10, 18

_MIN_GLYPH = 4  # pixels: hardly any letter is narrower
_MIN_SIDE = 144  # pixels: smaller images are enlarged to about this size


def text_block(
    text: str, width: int, size: int = LARGE, colour: str = BLACK, align: Literal["left", "center"] = "left"
) -> Image.Image:
    """Text in lines of at most ``width`` pixels; a block of that width."""
    lines, height, font = wrap(text, width, size), round(1.35 * size), font_for(text, size)
    block = Image.new("RGB", (width, height * len(lines)), WHITE)
    draw = ImageDraw.Draw(block)
    x, anchor = (0, "ls") if align == "left" else (width / 2, "ms")
    for number, line in enumerate(lines):
        draw.text((x, round((number + 0.78) * height)), line, colour, font, anchor)
    return block


def wrap(text: str, width: int, size: int = LARGE) -> list[str]:
    """Lines of at most ``width`` pixels; words that are too long are broken, and line breaks are kept."""
    font, text = font_for(text, size), text.strip()
    lines: list[str] = []
    for characters in range(width // _MIN_GLYPH, 0, -1):
        lines = [line for part in text.splitlines() for line in textwrap.wrap(part, characters) or [""]]
        if all(font.getlength(line) <= width for line in lines):
            break
    return lines


def image_side(images: Sequence[Pixels]) -> int:
    """Side in pixels at which images are shown: that of the largest, times a whole factor if it is small.

    Raises:
        ValueError: an image is not uint8 [S, S, 3].
    """
    for image in images:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape != (len(image), len(image), 3) or not image.size:
            raise ValueError(f"an image is {image.dtype} of shape {image.shape}; legal is uint8 [S, S, 3]")
    largest = max((len(image) for image in images), default=_MIN_SIDE)
    return largest * max(1, round(_MIN_SIDE / largest))


def image_block(image: Pixels | None, side: int) -> Image.Image:
    """An image at a side of ``side`` pixels, its pixels as squares; None gives a pale square."""
    if image is None:
        return Image.new("RGB", (side, side), LIGHT_GREY)
    return Image.fromarray(image).resize((side, side), Image.Resampling.NEAREST)


def beside(blocks: Sequence[Image.Image], align: Literal["top", "center", "bottom"] = "center") -> Image.Image:
    """Blocks in a row."""
    height = max(block.height for block in blocks)
    row = Image.new("RGB", (sum(block.width + GAP for block in blocks) - GAP, height), WHITE)
    x = 0
    for block in blocks:
        free = height - block.height
        row.paste(block, (x, {"top": 0, "center": free // 2, "bottom": free}[align]))
        x += block.width + GAP
    return row


def below(blocks: Sequence[Image.Image], gap: int = GAP) -> Image.Image:
    """Blocks in a column, aligned on the left."""
    column = Image.new(
        "RGB", (max(block.width for block in blocks), sum(block.height + gap for block in blocks) - gap), WHITE
    )
    y = 0
    for block in blocks:
        column.paste(block, (0, y))
        y += block.height + gap
    return column


def save_page(path: Path, content: Image.Image) -> None:
    """Write a PNG with a margin around the content; an existing file is replaced at once."""
    page = Image.new("RGB", (content.width + 2 * MARGIN, content.height + 2 * MARGIN), WHITE)
    page.paste(content, (MARGIN, MARGIN))
    with replacing(path) as part:
        page.save(part, format="png")
