"""The grids that show what a generator makes of test captions."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from t2i.data.pack import Pack
from t2i.data.pairs import EncodedCaptions, centre_crop, distinct_captions
from t2i.data.pixels import to_pixels
from t2i.figures import AttentionRow, GridRow, attention_maps, caption_grid
from t2i.painter import Painter

Pixels = NDArray[np.uint8]


def draw_gallery(
    folder: Path,
    painter: Painter,
    captions: EncodedCaptions,
    test: Pack,
    *,
    seed: int,
    rows: int = 8,
    noises: int = 6,
) -> None:
    """Draw samples.png, noises.png, pairs.png and attention.png.

    Args:
        folder: where to.
        captions: of the test split, as the generator reads them.
        rows: captions a grid.
        noises: pictures a caption in noises.png and pairs.png.
    """
    rng = np.random.default_rng([seed, 4])
    images = np.unique(np.linspace(0, len(test) - 1, min(rows, len(test))).round().astype(int))
    texts = test.captions["text"]
    chosen = [distinct_captions(test, int(image), 2, rng) for image in images]
    noise, epsilon = painter.generator.draw_noise(noises, np.random.default_rng(seed))

    def paint(caption: int) -> list[list[Pixels]]:
        """Pictures of one caption: scale by scale, noise by noise."""
        ids = captions.padded(np.array([caption]), np.random.default_rng([seed, 5, caption]))
        made, _ = painter.paint(ids.expand(noises, -1), noise, epsilon)
        return [_arrays(scale) for scale in made.images]

    painted = {int(caption): paint(int(caption)) for pair in chosen for caption in pair}
    reals = [np.ascontiguousarray(centre_crop(test.image(int(image)), test.image_size)) for image in images]
    firsts = [int(pair[0]) for pair in chosen]

    sides = [pictures[0].shape[0] for pictures in painted[firsts[0]]]
    caption_grid(
        folder / "samples.png",
        [
            GridRow(texts.iloc[caption], [real, *(_enlarge(scale[0], test.image_size) for scale in painted[caption])])
            for caption, real in zip(firsts, reals, strict=True)
        ],
        ["real image", *(f"generated, {side} px" for side in sides)],
    )
    caption_grid(
        folder / "noises.png",
        [GridRow(texts.iloc[caption], painted[caption][-1]) for caption in firsts],
        [f"noise {number + 1}" for number in range(noises)],
    )
    caption_grid(
        folder / "pairs.png",
        [
            GridRow(f"1: {texts.iloc[one]}\n2: {texts.iloc[two]}", _alternate(painted, int(one), int(two), 3))
            for one, two in chosen
        ],
        [f"noise {number // 2 + 1}, caption {number % 2 + 1}" for number in range(2 * 3)],
    )
    if len(sides) > 1:
        attention_maps(folder / "attention.png", [_look(c, painter, captions, texts.iloc[c], seed) for c in firsts[:3]])
    else:  # a single stage has no attention; the file is promised all the same
        caption_grid(
            folder / "attention.png",
            [GridRow(texts.iloc[caption], painted[caption][-1][:1]) for caption in firsts[:3]],
            ["one scale: no attention"],
        )


def _look(caption: int, painter: Painter, captions: EncodedCaptions, text: str, seed: int) -> AttentionRow:
    """Where each word of a caption entered the picture, at the last refinement."""
    ids = captions.padded(np.array([caption]), np.random.default_rng([seed, 5, caption]))
    noise, epsilon = painter.generator.draw_noise(1, np.random.default_rng(seed))
    made, _ = painter.paint(ids, noise, epsilon)
    words = painter.text.vocabulary.decode(ids[0].tolist())
    attention = made.attention[-1][0, : len(words)].float().cpu().numpy()
    return AttentionRow(text, _arrays(made.images[-1])[0], words, attention)


def _alternate(painted: dict[int, list[list[Pixels]]], one: int, two: int, noises: int) -> list[Pixels | None]:
    """Pictures of two captions, taking turns, at the last scale."""
    return [painted[caption][-1][number] for number in range(noises) for caption in (one, two)]


def _arrays(images: Tensor) -> list[Pixels]:
    """[N, 3, S, S] in [-1, 1] -> N pictures [S, S, 3]."""
    return list(to_pixels(images).permute(0, 2, 3, 1).cpu().numpy())


def _enlarge(image: Pixels, side: int) -> Pixels:
    """A smaller scale at the size of the largest, pixels as squares."""
    times = side // image.shape[0]
    return image.repeat(times, axis=0).repeat(times, axis=1)
