"""Figures of a generator."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.gallery import draw_gallery
from t2i.generation.text_to_image import TextToImage
from tests.helpers import make_generator


def drawn(folder: Path, name: str) -> np.ndarray:
    with Image.open(folder / name) as figure:
        return np.asarray(figure.convert("RGB"))


def test_rows_of_the_samples_have_a_noise_each(
    tmp_path: Path, striped: Path, vocabulary: Vocabulary, model: TextToImage
) -> None:
    pack = PackedSplit(striped, "test")
    model.generator = make_generator(base_size=32)
    draw_gallery(tmp_path, model, EncodedCaptions(pack, vocabulary), pack, seed=0, rows=3, noises=3)
    samples, noises = drawn(tmp_path, "samples.png"), drawn(tmp_path, "noises.png")
    # the last row of both figures, from the bottom: its third noise
    last, margin = samples[-146:-18, -146:-18], noises[-146:-18]
    assert np.array_equal(last, margin[:, -146:-18])
    assert not np.array_equal(last, margin[:, -146 - 138 : -18 - 138])


def test_a_generator_of_the_last_scale_alone_has_attention(
    tmp_path: Path, striped: Path, vocabulary: Vocabulary, model: TextToImage
) -> None:
    pack = PackedSplit(striped, "test")
    model.generator = make_generator(base_size=16, image_scales="last")
    draw_gallery(tmp_path, model, EncodedCaptions(pack, vocabulary), pack, seed=0, rows=3, noises=3)
    model.generator = make_generator(base_size=32)
    draw_gallery(tmp_path / "none", model, EncodedCaptions(pack, vocabulary), pack, seed=0, rows=3, noises=3)
    with_attention, without = (drawn(folder, "attention.png") for folder in (tmp_path, tmp_path / "none"))
    assert with_attention.shape[1] > without.shape[1]  # maps for each word


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
