"""Grids: every image is shown, crisp and in its column; captions fit; bad arguments are named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i.figures.grid import GridRow, caption_grid
from t2i.figures.page import MARGIN

LONG = "this small bird has a very long beak for its size, a bright belly and wings that are as dark as the night " * 6


def _image(seed: int, side: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _places(page: np.ndarray, image: np.ndarray, factor: int) -> list[tuple[int, int]]:
    """Top left corners (y, x) at which the image is on the page, enlarged to squares."""
    wanted = image.repeat(factor, axis=0).repeat(factor, axis=1)
    h, w = wanted.shape[:2]
    corners = np.argwhere((page == wanted[0, 0]).all(axis=2))
    return [(y, x) for y, x in corners.tolist() if np.array_equal(page[y : y + h, x : x + w], wanted)]


def test_every_image_is_crisp_and_in_its_column(tmp_path: Path) -> None:
    images = [_image(n) for n in range(4)]
    rows = [GridRow("a bird", images[:2]), GridRow(LONG, images[2:])]
    caption_grid(tmp_path / "grid.png", rows, ["real", "generated"])
    page = _read(tmp_path / "grid.png")
    places = [_places(page, image, 2) for image in images]
    assert [len(corners) for corners in places] == [1] * 4
    (y0, x0), (y1, x1), (y2, x2), (y3, x3) = (corners[0] for corners in places)
    assert (y0, y2) == (y1, y3) and (x0, x1) == (x2, x3) and x0 < x1 and y0 < y2
    assert (page[0] == 255).all() and (page[:, 0] == 255).all() and (page[-1] == 255).all()


def test_scales_of_a_generator_are_shown_equally_large(tmp_path: Path) -> None:
    scales = [_image(n, side) for n, side in enumerate((64, 128, 256))]
    caption_grid(tmp_path / "grid.png", [GridRow("a bird", [*scales, None])], ["64", "128", "256", "none"])
    page = _read(tmp_path / "grid.png")
    assert all(len(_places(page, image, factor)) == 1 for image, factor in zip(scales, (4, 2, 1), strict=True))


def test_captions_are_wrapped_inside_their_column(tmp_path: Path) -> None:
    image = np.full((64, 64, 3), 200, dtype=np.uint8)
    caption_grid(tmp_path / "grid.png", [GridRow(LONG + "x" * 200, [image])], [""])
    page = _read(tmp_path / "grid.png")
    ink = np.any(page < 150, axis=2)
    assert ink.any() and np.flatnonzero(ink.any(axis=0)).max() < page.shape[1] - 128 - MARGIN
    assert np.flatnonzero(ink.any(axis=1)).max() < page.shape[0] - MARGIN // 2


def test_notes_stand_below_their_images(tmp_path: Path) -> None:
    images = [np.full((64, 64, 3), 255, dtype=np.uint8)] * 2
    caption_grid(tmp_path / "grid.png", [GridRow("", images, ["0.12", "far"])], ["", ""])
    ink = np.any(_read(tmp_path / "grid.png") < 150, axis=2)
    assert np.flatnonzero(ink.any(axis=1)).min() >= MARGIN + 128
    left, right = ink[:, : MARGIN + 128], ink[:, MARGIN + 128 + 10 :]
    assert left.any() and right.any() and not np.array_equal(left, right[:, : left.shape[1]])
    with pytest.raises(ValueError, match="row 0 has 1 notes; legal are 2, one a column, or none"):
        caption_grid(tmp_path / "grid.png", [GridRow("", images, ["0.12"])], ["", ""])


def test_captions_and_headings_take_no_room_if_there_are_none(tmp_path: Path) -> None:
    sizes = {}
    for name, caption, heading in (("bare", "", ""), ("caption", "a bird", ""), ("heading", "", "real")):
        caption_grid(tmp_path / f"{name}.png", [GridRow(caption, [_image(0)])], [heading])
        sizes[name] = _read(tmp_path / f"{name}.png").shape
    assert sizes["bare"] == (128 + 2 * MARGIN, 128 + 2 * MARGIN, 3)
    assert sizes["caption"][1] > sizes["bare"][1] and sizes["caption"][0] == sizes["bare"][0]
    assert sizes["heading"][0] > sizes["bare"][0] and sizes["heading"][1] == sizes["bare"][1]


def test_bytes_repeat(tmp_path: Path) -> None:
    rows = [GridRow("it costs $5 or $6_{", [_image(0), None])]
    for name in ("a.png", "b.png"):
        caption_grid(tmp_path / name, rows, ["real", "a $\\frac$ heading"])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_bad_arguments(tmp_path: Path) -> None:
    path, image = tmp_path / "x.png", _image(0)
    for rows, columns, message in (
        ([], ["a"], "0 rows"),
        ([GridRow("", [])], [], "0 columns"),
        ([GridRow("", [image])], ["a", "b"], "row 0 has 1 images; legal are 2"),
        ([GridRow("", [image.astype(float)])], ["a"], "float64"),
        ([GridRow("", [image[..., 0]])], ["a"], r"\[S, S, 3\]"),
    ):
        with pytest.raises(ValueError, match=message):
            caption_grid(path, rows, columns)
    assert not list(tmp_path.iterdir())
