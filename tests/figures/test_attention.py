"""Attention maps are coloured where the attention is; bad arguments are named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i.figures.attention import AttentionRow, attention_maps, heat_map
from t2i.figures.page import GAP, MARGIN


def test_a_map_is_warm_where_the_attention_is() -> None:
    image = Image.new("RGB", (64, 64), (90, 90, 90))
    attention = np.full((3, 8, 8), 0.1)
    attention[0, 0, 0] = attention[1, 7, 7] = 0.9
    maps = [np.asarray(heat_map(image, weights)).astype(int) for weights in attention]
    warmth = [pixels[..., 0] - pixels[..., 2] for pixels in maps]
    assert warmth[0][:4, :4].min() > 80 and abs(warmth[0][32:, 32:]).max() <= 1
    assert warmth[1][-4:, -4:].min() > 80 and abs(warmth[1][:32, :32]).max() <= 1
    assert abs(warmth[2]).max() == 0  # a constant map stays grey


def test_a_tile_for_the_image_and_each_word(tmp_path: Path) -> None:
    image = np.full((64, 64, 3), 90, dtype=np.uint8)
    row = AttentionRow("a bird " * 60, image, ["a", "red", "x" * 40], np.random.default_rng(0).random((3, 8, 8)))
    sizes = {}
    for name, per_line in (("a", 3), ("b", 3), ("c", 8)):
        attention_maps(tmp_path / name, [row], per_line=per_line)
        with Image.open(tmp_path / name) as page:
            sizes[name] = page.size
            assert len(page.convert("RGB").getcolors(2**24) or []) > 50  # not a blank page
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sizes["a"][0] == 2 * MARGIN + 3 * 128 + 2 * GAP and sizes["c"][0] == 2 * MARGIN + 4 * 128 + 3 * GAP
    assert sizes["a"][1] - sizes["c"][1] > 128  # a second line of tiles
    with Image.open(tmp_path / "a") as page:
        pixels = np.asarray(page.convert("RGB"))
    assert (pixels == 90).all(axis=2).sum() == 128 * 128  # the image itself is there once


def test_bad_arguments(tmp_path: Path) -> None:
    path, image, flat = tmp_path / "x.png", np.zeros((8, 8, 3), np.uint8), np.ones((2, 8, 8))
    for row, message in (
        (AttentionRow("", image, [], flat[:0]), "0 words"),
        (AttentionRow("", image, ["a"], flat), r"shape \(2, 8, 8\)"),
        (AttentionRow("", image, ["a", "b"], -flat), "from -1.0 to -1.0"),
        (AttentionRow("", image, ["a", "b"], flat * np.nan), "finite"),
        (AttentionRow("", image[0], ["a", "b"], flat), r"\[S, S, 3\]"),
    ):
        with pytest.raises(ValueError, match=message):
            attention_maps(path, [row])
    with pytest.raises(ValueError, match="0 rows"):
        attention_maps(path, [])
    assert not list(tmp_path.iterdir())
