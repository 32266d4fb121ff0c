"""Figures of a generator."""

from pathlib import Path

import pytest
from PIL import Image

from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.gallery import draw_gallery
from t2i.generation.text_to_image import TextToImage
from tests.helpers import make_generator


@pytest.mark.parametrize("base_size", [8, 32])  # 32: a single scale, which has no attention
def test_gallery_draws_its_four_figures(
    tmp_path: Path, striped: Path, vocabulary: Vocabulary, model: TextToImage, base_size: int
) -> None:
    pack = PackedSplit(striped, "test")
    model.generator = make_generator(base_size=base_size)
    for folder in ("one", "again"):
        draw_gallery(tmp_path / folder, model, EncodedCaptions(pack, vocabulary), pack, seed=0, rows=3, noises=3)
    names = ["attention.png", "noises.png", "pairs.png", "samples.png"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == names
    widths = {}
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
        with Image.open(tmp_path / "one" / name) as figure:
            widths[name] = figure.width
    assert widths["samples.png"] - widths["noises.png"] == (
        138 if base_size == 8 else -138
    )  # 4 or 2 columns of 128 + 10 px, not 3
