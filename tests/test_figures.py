"""Figures: the pixels that were given are in the file, text fits, bytes repeat, bad arguments."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from t2i import figures
from t2i.figures import AttentionRow, GridRow, attention_maps, caption_grid, progress_grid

LONG = "this small bird has a very long beak for its size, a bright belly and wings that are as dark as the night " * 6


def _image(seed: int, height: int = 64, width: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _places(page: np.ndarray, image: np.ndarray, factor: int) -> list[tuple[int, int]]:
    """Top left corners (y, x) at which the image, enlarged in crisp squares, is on the page."""
    wanted = image.repeat(factor, axis=0).repeat(factor, axis=1)
    h, w = wanted.shape[:2]
    corners = np.argwhere((page == wanted[0, 0]).all(axis=2))
    return [(y, x) for y, x in corners.tolist() if np.array_equal(page[y : y + h, x : x + w], wanted)]


def test_grid_shows_every_pixel_crisp_and_in_its_column(tmp_path: Path) -> None:
    images = [_image(n) for n in range(4)]
    rows = [GridRow("a bird", images[:2]), GridRow(LONG, images[2:], labels=("real", "noise 1"))]
    caption_grid(tmp_path / "grid.png", rows, ["real", "generated"])
    page = _read(tmp_path / "grid.png")
    places = [_places(page, image, 2) for image in images]
    assert [len(found) for found in places] == [1] * 4
    (y0, x0), (y1, x1), (y2, x2), (y3, x3) = (found[0] for found in places)
    assert (y0, y2) == (y1, y3) and (x0, x1) == (x2, x3) and x0 < x1 and y0 < y2
    assert (page[0] == 255).all() and (page[:, 0] == 255).all() and (page[-1] == 255).all()


@pytest.mark.parametrize(
    ("size", "factor"), [((16, 16), 9), ((64, 64), 2), ((128, 128), 1), ((40, 64), 2), ((256, 200), 1)]
)
def test_images_are_enlarged_by_a_whole_factor(tmp_path: Path, size: tuple[int, int], factor: int) -> None:
    image = _image(0, *size)
    caption_grid(tmp_path / "grid.png", [GridRow("", [image, None])], ["a", "b"])
    assert len(_places(_read(tmp_path / "grid.png"), image, factor)) == 1


def test_stages_of_a_generator_come_out_equally_large(tmp_path: Path) -> None:
    stages = [_image(n, side, side) for n, side in enumerate((64, 128, 256))]
    caption_grid(tmp_path / "grid.png", [GridRow("a bird", stages)], ["64", "128", "256"])
    page = _read(tmp_path / "grid.png")
    assert all(len(_places(page, image, factor)) == 1 for image, factor in zip(stages, (4, 2, 1), strict=True))


def test_captions_are_wrapped_inside_their_column(tmp_path: Path) -> None:
    image = np.full((64, 64, 3), 200, dtype=np.uint8)
    caption_grid(tmp_path / "grid.png", [GridRow(LONG + "x" * 200, [image])], [""])
    page = _read(tmp_path / "grid.png")
    ink = (page < 150).any(axis=2)
    assert ink.any() and np.flatnonzero(ink.any(axis=0)).max() < page.shape[1] - 128 - figures._MARGIN
    assert np.flatnonzero(ink.any(axis=1)).max() < page.shape[0] - figures._MARGIN // 2


def test_wrapping_keeps_every_word_and_paragraph() -> None:
    lines = figures._wrap(f"{LONG}\n\nsecond  caption\t{'y' * 300} end\n", 300, figures._CAPTION)
    assert "".join(lines).replace(" ", "") == f"{LONG}secondcaption{'y' * 300}end".replace(" ", "")
    assert "" in lines and len(lines) > 10
    assert figures._wrap(" \n ", 300, figures._CAPTION) == []


def test_bytes_repeat_and_no_part_is_left(tmp_path: Path) -> None:
    rows = [GridRow("it costs $5 or $6_{", [_image(0), None], labels=("", "a $\\frac$ label"))]
    caption_grid(tmp_path / "a.png", rows, ["real", ""])
    with matplotlib.rc_context({"savefig.bbox": "tight", "figure.facecolor": "black", "text.color": "red"}):
        caption_grid(tmp_path / "b.png", rows, ["real", ""])
    first = (tmp_path / "a.png").read_bytes()
    assert first == (tmp_path / "b.png").read_bytes()
    assert b"Software" not in first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "grid.png"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(figures.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        caption_grid(path, [GridRow("a bird", [_image(0)])], ["real"])
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_progress_has_a_column_a_step_in_order(tmp_path: Path) -> None:
    late, early = np.stack([_image(0), _image(1)]), np.stack([_image(2), _image(3)])
    progress_grid(tmp_path / "p.png", ["one", "two"], {1000: late, 50: early})
    page = _read(tmp_path / "p.png")
    (early_y, early_x), (late_y, late_x) = _places(page, early[1], 2)[0], _places(page, late[1], 2)[0]
    assert early_y == late_y and early_x < late_x
    with pytest.raises(ValueError, match="step 50 has 2 images; legal is 1"):
        progress_grid(tmp_path / "p.png", ["one"], {50: early})


def test_attention_is_warm_where_the_word_looks(tmp_path: Path) -> None:
    image = np.full((64, 64, 3), 90, dtype=np.uint8)
    attention = np.full((3, 8, 8), 0.1)
    attention[0, 0, 0] = attention[1, 7, 7] = 0.9
    heat = [figures._light(image, weights).astype(int) for weights in attention]
    warmth = [picture[..., 0] - picture[..., 2] for picture in heat]
    assert warmth[0][:4, :4].min() > 80 and abs(warmth[0][32:, 32:]).max() <= 1
    assert warmth[1][-4:, -4:].min() > 80 and abs(warmth[1][:32, :32]).max() <= 1
    assert abs(warmth[2]).max() == 0
    for name in "ab":
        attention_maps(tmp_path / name, [AttentionRow(LONG, image, ["a", "red", "x" * 40], attention)], per_line=3)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert len(_places(_read(tmp_path / "a"), image, 2)) == 1


def test_bad_arguments(tmp_path: Path) -> None:
    path, image = tmp_path / "x.png", _image(0)
    for rows, columns, message in (
        ([], ["a"], "0 rows"),
        ([GridRow("", [])], [], "0 columns"),
        ([GridRow("", [image])], ["a", "b"], "row 0 has 1 images"),
        ([GridRow("", [image], labels=("a", "b"))], ["a"], "2 labels"),
        ([GridRow("", [image.astype(float)])], ["a"], "float64"),
        ([GridRow("", [image[..., 0]])], ["a"], r"\[H, W, 3\]"),
    ):
        with pytest.raises(ValueError, match=message):
            caption_grid(path, rows, columns)
    flat = np.ones((2, 8, 8))
    for row, message in (
        (AttentionRow("", image, [], flat[:0]), "0 words"),
        (AttentionRow("", image, ["a"], flat), r"shape \(2, 8, 8\)"),
        (AttentionRow("", image, ["a", "b"], -flat), "from -1.0 to -1.0"),
        (AttentionRow("", image, ["a", "b"], flat * np.nan), "finite"),
        (AttentionRow("", image[0], ["a", "b"], flat), r"\[H, W, 3\]"),
    ):
        with pytest.raises(ValueError, match=message):
            attention_maps(path, [row])
    with pytest.raises(ValueError, match="0 rows"):
        attention_maps(path, [])
    assert not list(tmp_path.iterdir())
