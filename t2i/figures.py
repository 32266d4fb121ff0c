"""Pictures to look at: captions beside images, the same captions as training goes on, and attention over an image.

Everything is placed in whole pixels, and images are enlarged by whole factors, so that each of their pixels stays a
crisp square. The same input gives the same bytes.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps, style
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from numpy.typing import NDArray
from PIL import Image

_DPI = 120
_CELL = 144  # pixels: images are enlarged to about this size (64 px to 128), larger ones are shown as they are
_TEXT_WIDTH = 300
_MARGIN = 18
_GAP = 10
_INK, _GREY, _BLANK = "#1f1f1f", "#6b6b6b", 244

_CAPTION, _HEADING, _LABEL = (FontProperties(family="DejaVu Sans", weight="normal", size=size) for size in (10, 10, 9))


@dataclass(frozen=True)
class GridRow:
    """One row of a grid.

    Attributes:
        caption: text on the left; line breaks are kept, so that two captions can stand above each other.
        images: one a column, uint8 [H, W, 3]; None leaves the place blank.
        labels: one a column, small text under the image; empty for none at all.
    """

    caption: str
    images: Sequence[NDArray[np.uint8] | None]
    labels: Sequence[str] = ()


@dataclass(frozen=True)
class AttentionRow:
    """An image and where each word of its caption looks.

    Attributes:
        caption: text above the maps.
        image: uint8 [H, W, 3].
        words: L words.
        attention: [L, h, w], 0 or more; h x w is a coarser grid over the same image.
    """

    caption: str
    image: NDArray[np.uint8]
    words: Sequence[str]
    attention: NDArray[np.floating]


def caption_grid(path: Path, rows: Sequence[GridRow], columns: Sequence[str]) -> None:
    """Draw captions on the left and their images beside them: real and generated, several noises, two captions.

    Args:
        path: PNG to write, replaced at once.
        rows: at least one.
        columns: a heading for each column of images, "" for none.

    Raises:
        ValueError: no rows or columns, a row with another number of images or labels, or no uint8 RGB images.
    """
    if not rows or not columns:
        raise ValueError(f"a grid has {len(rows)} rows and {len(columns)} columns; at least 1 of each is needed")
    for number, row in enumerate(rows):
        if len(row.images) != len(columns) or len(row.labels) not in (0, len(columns)):
            raise ValueError(
                f"row {number} has {len(row.images)} images and {len(row.labels)} labels; legal are {len(columns)} "
                "images, one a column, and as many labels or none"
            )
    side = _cell([image for row in rows for image in row.images if image is not None])
    cells = [[None if image is None else _enlarge(image, side) for image in row.images] for row in rows]

    text_width = _TEXT_WIDTH if any(row.caption for row in rows) else 0
    left = _MARGIN + (text_width + 2 * _GAP if text_width else 0)
    page = _Page(left + len(columns) * (side + _GAP) - _GAP + _MARGIN)
    headings = [_wrap(text, side, _HEADING) for text in columns]
    captions = [_wrap(row.caption, text_width, _CAPTION) for row in rows]
    labels = [[_wrap(text, side, _LABEL) for text in row.labels] for row in rows]

    top = _MARGIN
    if any(headings):
        tallest = max(map(len, headings))
        for column, lines in enumerate(headings):
            y = top + (tallest - len(lines)) * _line(_HEADING)
            page.text(lines, left + column * (side + _GAP) + side / 2, y, _HEADING, _GREY, "center")
        top += tallest * _line(_HEADING) + _GAP // 2
    for images, caption, under in zip(cells, captions, labels, strict=True):
        # The height of images in this row: rows of wide images need not be square.
        present = [image.shape[0] for image in images if image is not None]
        height = max(present, default=side)
        text_height = len(caption) * _line(_CAPTION)
        offset = max(0, (text_height - height) // 2)
        page.text(caption, _MARGIN, top + offset + (height - text_height) / 2, _CAPTION, _INK, "left")
        for column, image in enumerate(images):
            x = left + column * (side + _GAP)
            if image is None:
                page.image(np.full((height, side, 3), _BLANK, dtype=np.uint8), x, top + offset)
            else:
                h, w = image.shape[:2]
                page.image(image, x + (side - w) // 2, top + offset + (height - h) // 2)
            if under:
                page.text(under[column], x + side / 2, top + offset + height + 4, _LABEL, _GREY, "center")
        below = max((len(lines) for lines in under), default=0) * _line(_LABEL)
        top += max(text_height, offset + height + (below + 4 if below else 0)) + _GAP
    page.save(path, top - _GAP + _MARGIN)


def progress_grid(path: Path, captions: Sequence[str], steps: Mapping[int, NDArray[np.uint8]]) -> None:
    """Draw the same captions as training goes on, a column for each step.

    Args:
        path: PNG to write, replaced at once.
        captions: N of them.
        steps: training step -> images uint8 [N, H, W, 3] of these captions; drawn in ascending order.

    Raises:
        ValueError: a step with another number of images, or whatever `caption_grid` refuses.
    """
    ordered = sorted(steps)
    for step in ordered:
        if len(steps[step]) != len(captions):
            raise ValueError(f"step {step} has {len(steps[step])} images; legal is {len(captions)}, one a caption")
    rows = [GridRow(caption, [steps[step][n] for step in ordered]) for n, caption in enumerate(captions)]
    caption_grid(path, rows, [f"step {step:,}" for step in ordered])


def attention_maps(path: Path, rows: Sequence[AttentionRow], *, per_line: int = 8) -> None:
    """Draw, for each caption, its image and the same image lit up where each word looks.

    Every map runs from its own lowest to its own highest value, since what is asked is where a word looks; the highest
    value stands under it, for whether it looks anywhere in particular. A constant map stays grey.

    Args:
        path: PNG to write, replaced at once.
        rows: at least one.
        per_line: pictures side by side before a caption goes on in the next line.

    Raises:
        ValueError: no rows, no words, no uint8 RGB image, or attention of another shape, negative or not finite.
    """
    if not rows or per_line < 1:
        raise ValueError(f"there are {len(rows)} rows of {per_line} pictures; at least 1 of each is needed")
    for number, row in enumerate(rows):
        found = row.attention
        if not row.words or found.ndim != 3 or len(found) != len(row.words) or found.size == 0:
            raise ValueError(
                f"row {number} has {len(row.words)} words and attention of shape {found.shape}; legal is [L, h, w] "
                "for L words, at least 1"
            )
        if not np.isfinite(found).all() or found.min() < 0:
            raise ValueError(
                f"row {number} has attention from {found.min()} to {found.max()}; legal are finite numbers, 0 or more"
            )
    side = _cell([row.image for row in rows])
    pictures = []
    for row in rows:
        image = _enlarge(row.image, side)
        pictures.append([image, *(_light(image, weights) for weights in row.attention)])
    across = min(per_line, max(map(len, pictures)))
    page = _Page(2 * _MARGIN + across * (side + _GAP) - _GAP)

    top = _MARGIN
    for row, shown in zip(rows, pictures, strict=True):
        caption = _wrap(row.caption, page.width - 2 * _MARGIN, _CAPTION)
        page.text(caption, _MARGIN, top, _CAPTION, _INK, "left")
        top += len(caption) * _line(_CAPTION) + (_GAP // 2 if caption else 0)
        words = [_wrap(word, side, _LABEL) for word in ("image", *row.words)]
        peaks = ["", *(f"{weights.max():.2g}" for weights in row.attention)]
        h, w = shown[0].shape[:2]
        for begin in range(0, len(shown), per_line):
            here = range(begin, min(begin + per_line, len(shown)))
            tallest = max(len(words[n]) for n in here)
            for n in here:
                x = _MARGIN + (n - begin) * (side + _GAP)
                page.image(shown[n], x + (side - w) // 2, top)
                below = top + h + 4
                page.text(words[n], x + side / 2, below, _LABEL, _INK if n else _GREY, "center")
                page.text([peaks[n]], x + side / 2, below + len(words[n]) * _line(_LABEL), _LABEL, _GREY, "center")
            top += h + 4 + (tallest + 1) * _line(_LABEL) + _GAP // 2
        top += _GAP
    page.save(path, top - _GAP - _GAP // 2 + _MARGIN)


class _Page:
    """A figure measured in pixels from the top left corner; its height is known when everything is on it."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.images: list[tuple[NDArray[np.uint8], int, int]] = []
        self.texts: list[tuple[str, float, float, FontProperties, str, str]] = []

    def image(self, image: NDArray[np.uint8], x: int, y: int) -> None:
        self.images.append((image, x, y))

    def text(self, lines: Sequence[str], x: float, y: float, font: FontProperties, colour: str, align: str) -> None:
        for number, line in enumerate(lines):
            baseline = y + number * _line(font) + 0.78 * _line(font)
            self.texts.append((line, x, baseline, font, colour, align))

    def save(self, path: Path, height: int) -> None:
        """Write a PNG beside `path`, then put it in its place."""
        part = path.with_name(path.name + ".part")
        with style.context("default"):  # not the settings of whoever runs it
            figure = Figure(figsize=(self.width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
            for image, left, top in self.images:
                figure.figimage(image, left, height - top - image.shape[0], origin="upper")
            for line, x, y, font, colour, align in self.texts:
                figure.text(
                    x / self.width, 1 - round(y) / height, line, fontproperties=font, color=colour,
                    horizontalalignment=align, verticalalignment="baseline", parse_math=False,
                )  # fmt: skip
            try:
                FigureCanvasAgg(figure).print_png(part, metadata={"Software": None})  # type: ignore[no-untyped-call]
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)


def _cell(images: Sequence[NDArray[np.uint8]]) -> int:
    """Side of the square that every image fits into: the longest side of all of them, times a whole factor."""
    for image in images:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            raise ValueError(f"an image is {image.dtype} of shape {image.shape}; legal is uint8 [H, W, 3]")
    longest = max((max(image.shape[:2]) for image in images), default=_CELL)
    return longest * max(1, round(_CELL / longest))


def _enlarge(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Repeat pixels as often as the image still fits: 64, 128 and 256 pixel stages come out equally large."""
    factor = side // max(image.shape[:2])
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def _light(image: NDArray[np.uint8], weights: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A pale grey image with heat laid over it. Shape: [H, W, 3], [h, w] -> [H, W, 3]."""
    low, high = float(weights.min()), float(weights.max())
    heat = (weights - low) / (high - low) if high > low else np.zeros(weights.shape)
    size = (image.shape[1], image.shape[0])
    smooth = Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    strength = np.asarray(smooth).clip(0, 1)[..., None]
    grey = 120 + 0.5 * image.mean(axis=2, keepdims=True)
    colour = colormaps["YlOrRd"](0.3 + 0.6 * strength[..., 0])[..., :3] * 255
    alpha = 0.75 * strength
    lit: NDArray[np.uint8] = ((1 - alpha) * grey + alpha * colour).round().astype(np.uint8)
    return lit


def _line(font: FontProperties) -> int:
    """Height of a line of text in pixels."""
    return round(1.35 * font.get_size_in_points() * _DPI / 72)


def _wrap(text: str, width: int, font: FontProperties) -> list[str]:
    """Break text between words, and words that are too long anywhere, into lines of at most `width` pixels."""
    renderer = RendererAgg(1, 1, _DPI)  # type: ignore[no-untyped-call]

    def fits(line: str) -> bool:
        found = renderer.get_text_width_height_descent(line, font, ismath=False)  # type: ignore[no-untyped-call]
        return bool(found[0] <= width)

    lines: list[str] = []
    for paragraph in text.strip().splitlines():
        line = ""
        for word in paragraph.split():
            if line and not fits(f"{line} {word}"):
                lines.append(line)
                line = ""
            line = f"{line} {word}" if line else word
            while not fits(line) and len(line) > 1:
                end = next(n for n in range(1, len(line)) if not fits(line[: n + 1]))
                lines.append(line[:end])
                line = line[end:]
        lines.append(line)
    return lines
