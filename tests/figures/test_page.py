"""Building blocks of figures: text fits, images keep their pixels, blocks are where they belong."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i.figures.page import (
    GAP,
    MARGIN,
    SMALL,
    below,
    beside,
    image_block,
    image_side,
    save_page,
    text_block,
    wrap,
)

LONG = "this small bird has a very long beak for its size, a bright belly and wings that are as dark as the night " * 6


def _block(width: int, height: int, colour: str) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


@pytest.mark.parametrize("width", [60, 300, 1100])
@pytest.mark.parametrize("text", [LONG, "W" * 200, "i" * 2000, "\u4f60\u597d \U0001f426 " * 30, "$x_{2}^3$ \\frac{1}"])
def test_no_line_is_wider_than_its_block(text: str, width: int) -> None:
    assert text_block(text, width).width == width
    for line in wrap(text, width):
        (ink,) = np.nonzero((np.asarray(text_block(line, 3000)) < 200).any(axis=(0, 2)))
        assert len(ink) and ink.max() <= width


def test_wrapping_keeps_every_word_and_line_break() -> None:
    lines = wrap(f"{LONG}\n\nsecond  caption\t{'y' * 300} end\n", 300)
    assert "".join(lines).replace(" ", "") == f"{LONG}secondcaption{'y' * 300}end".replace(" ", "")
    assert "" in lines and len(lines) > 10
    assert wrap(" \n ", 300) == [] and wrap("a bird", 300) == ["a bird"]
    assert len(wrap(LONG, 300, SMALL)) < len(wrap(LONG, 300))


@pytest.mark.parametrize(("sides", "shown"), [([16], 144), ([64], 128), ([128, 32], 128), ([256, 64], 256), ([], 144)])
def test_images_are_shown_at_a_multiple_of_the_largest(sides: list[int], shown: int) -> None:
    assert image_side([np.zeros((side, side, 3), np.uint8) for side in sides]) == shown


def test_an_enlarged_image_has_square_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    block = np.asarray(image_block(image, 64))
    assert np.array_equal(block, image.repeat(4, axis=0).repeat(4, axis=1))
    assert len(np.unique(np.asarray(image_block(None, 64)).reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 4), (8, 9, 3), (0, 0, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[S, S, 3\]"):
        image_side([np.zeros(shape, np.uint8)])


@pytest.mark.parametrize(("align", "top"), [("top", 0), ("center", 15), ("bottom", 30)])
def test_blocks_stand_beside_each_other(align: str, top: int) -> None:
    row = beside([_block(20, 40, "red"), _block(30, 10, "blue")], align)  # type: ignore[arg-type]
    assert row.size == (20 + GAP + 30, 40)
    assert row.getpixel((0, 39)) == (255, 0, 0) and row.getpixel((20, 0)) == (255, 255, 255)
    blue = np.argwhere((np.asarray(row) == (0, 0, 255)).all(axis=2))
    assert blue.min(axis=0).tolist() == [top, 20 + GAP] and len(blue) == 30 * 10


def test_blocks_stand_below_each_other() -> None:
    column = below([_block(20, 40, "red"), _block(30, 10, "blue")], gap=5)
    assert column.size == (30, 40 + 5 + 10)
    blue = np.argwhere((np.asarray(column) == (0, 0, 255)).all(axis=2))
    assert blue.min(axis=0).tolist() == [45, 0] and column.getpixel((25, 0)) == (255, 255, 255)


def test_a_page_has_a_margin_and_repeats(tmp_path: Path) -> None:
    content = beside([text_block(LONG, 300), _block(30, 10, "blue")])
    for name in ("a.png", "b.png"):
        save_page(tmp_path / name, content)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as page:
        assert page.size == (content.width + 2 * MARGIN, content.height + 2 * MARGIN) and not page.info
        assert np.array_equal(np.asarray(page)[MARGIN:-MARGIN, MARGIN:-MARGIN], np.asarray(content))


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.png").write_text("old")

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_page(tmp_path / "page.png", _block(3, 3, "red"))
    assert (tmp_path / "page.png").read_text() == "old" and len(list(tmp_path.iterdir())) == 1
