"""Attention maps: an image, and for each word of its caption where in the image the word was attended to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from t2i.figures.page import (
    BLACK,
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


@dataclass(frozen=True)
class AttentionRow:
    """An image and the attention of each word of its caption.

    Attributes:
        caption: text above the maps.
        image: uint8 [S, S, 3].
        words: L words.
        attention: [L, h, w], 0 or more; h x w is a coarser grid over the same image.
    """

    caption: str
    image: Pixels
    words: Sequence[str]
    attention: NDArray[np.floating]


def attention_maps(path: Path, rows: Sequence[AttentionRow], *, per_line: int = 8) -> None:
    """Draw, for each caption, its image and then the image once more for each word, coloured by attention.

    Each map is scaled from its own lowest to its own highest value, to show where the attention is; the highest value
    stands below it, to show how strong it is. A constant map stays grey.

    Args:
        path: PNG to write, replaced at once.
        rows: at least one.
        per_line: images side by side before a caption continues in the next line.

    Raises:
        ValueError: no rows, no words, an image that is not uint8 [S, S, 3], or attention of another shape, negative
            or not finite.
    """
    if not rows or per_line < 1:
        raise ValueError(f"there are {len(rows)} rows of {per_line} images; at least 1 of each is needed")
    for number, row in enumerate(rows):
        attention = row.attention
        if not row.words or attention.ndim != 3 or len(attention) != len(row.words) or attention.size == 0:
            raise ValueError(
                f"row {number} has {len(row.words)} words and attention of shape {attention.shape}; legal is [L, h, w] "
                "for L words, at least 1"
            )
        if not np.isfinite(attention).all() or attention.min() < 0:
            raise ValueError(
                f"row {number} has attention from {attention.min()} to {attention.max()}; legal are finite numbers, "
                "0 or more"
            )
    side = image_side([row.image for row in rows])
    blocks = []
    for row in rows:
        tiles = _tiles(row, side)
        lines = [beside(tiles[start : start + per_line], "top") for start in range(0, len(tiles), per_line)]
        blocks += [text_block(row.caption, max(line.width for line in lines)), *lines]
    save_page(path, below(blocks))


def _tiles(row: AttentionRow, side: int) -> list[Image.Image]:
    """The image, then a map for each word; word and highest value below."""
    image = image_block(row.image, side)
    tiles = [below([image, text_block("image", side, SMALL, GREY, "center")], gap=4)]
    for word, weights in zip(row.words, row.attention, strict=True):
        labels = ((word, BLACK), (f"{weights.max():.2g}", GREY))
        blocks = [text_block(text, side, SMALL, colour, "center") for text, colour in labels]
        tiles.append(below([heat_map(image, weights), *blocks], gap=4))
    return tiles


def heat_map(image: Image.Image, weights: NDArray[np.floating]) -> Image.Image:
    """A pale grey version of an image, coloured where the weights [h, w] are high."""
    low, high = float(weights.min()), float(weights.max())
    scaled = (weights - low) / (high - low) if high > low else np.zeros(weights.shape)
    smooth = Image.fromarray(scaled.astype(np.float32)).resize(image.size, Image.Resampling.BICUBIC)
    strength = np.asarray(smooth).clip(0, 1)
    grey = 120 + 0.5 * np.asarray(image).mean(axis=2, keepdims=True)
    colour = matplotlib.colormaps["YlOrRd"](0.3 + 0.6 * strength)[..., :3] * 255
    opacity = 0.75 * strength[..., None]
    return Image.fromarray(((1 - opacity) * grey + opacity * colour).round().astype(np.uint8))
