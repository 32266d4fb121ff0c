"""The figures of a trained generator: images that it generates from test captions."""

from pathlib import Path

import numpy as np
from torch import Tensor

from t2i.data.batches import EncodedCaptions, centre_crop, sample_captions
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_pixels
from t2i.figures.attention import AttentionRow, attention_maps
from t2i.figures.grid import GridRow, caption_grid
from t2i.figures.page import Pixels
from t2i.files import evenly_spaced
from t2i.generation.text_to_image import TextToImage

_ATTENTION_ROWS = 3
_PAIRS = 3  # noise vectors a pair of captions


def draw_gallery(
    folder: Path,
    model: TextToImage,
    captions: EncodedCaptions,
    test: PackedSplit,
    *,
    seed: int,
    rows: int = 8,
    noises: int = 6,
) -> None:
    """Draw four figures of test images that are evenly spaced in the split.

    samples.png: real images and what is generated from a caption of each, scale by scale, each with another of the
    noise vectors. noises.png: all noise vectors for each caption. pairs.png: two captions of an image with the same
    noise vectors. attention.png: which word was attended to where, in the last refinement of images of samples.png.

    Args:
        folder: where the figures are written.
        captions: those of ``test``, read as they are (see :func:`~t2i.generation.plan.cut_captions`).
        rows: number of images.
        noises: noise vectors a caption.
    """
    rng = np.random.default_rng([seed, 4])
    images = evenly_spaced(len(test), rows)
    pairs = [tuple(map(int, sample_captions(test, image, 2, rng))) for image in images]
    firsts = [pair[0] for pair in pairs]
    noise, epsilon = model.generator.draw_noise(noises, np.random.default_rng(seed))
    text = test.captions["text"].iloc

    def generate(caption: int) -> list[list[Pixels]]:
        """Images of one caption: scale by scale, noise by noise."""
        generated, _ = model.forward(captions.padded(np.array([caption])).expand(noises, -1), noise, epsilon)
        return [_arrays(scale) for scale in generated.images]

    generated = {caption: generate(caption) for pair in pairs for caption in pair}
    real = [np.ascontiguousarray(centre_crop(test.image(image), test.image_size)) for image in images]

    sides = [len(scale[0]) for scale in generated[firsts[0]]]
    caption_grid(
        folder / "samples.png",
        [
            GridRow(text[caption], [image, *(scale[row % noises] for scale in generated[caption])])
            for row, (caption, image) in enumerate(zip(firsts, real, strict=True))
        ],
        ["real image", *(f"generated,\n{side} px" for side in sides)],
    )
    caption_grid(
        folder / "noises.png",
        [GridRow(text[caption], generated[caption][-1]) for caption in firsts],
        [f"noise {number + 1}" for number in range(noises)],
    )
    caption_grid(
        folder / "pairs.png",
        [
            GridRow(
                f"1: {text[one]}\n2: {text[two]}",
                [generated[caption][-1][number] for number in range(_PAIRS) for caption in (one, two)],
            )
            for one, two in pairs
        ],
        [f"noise {number + 1}, caption {which}" for number in range(_PAIRS) for which in (1, 2)],
    )
    if model.generator.refinements:
        attended = [(caption, [row % noises]) for row, caption in enumerate(firsts[:_ATTENTION_ROWS])]
        attention_maps(
            folder / "attention.png",
            [
                _attention_row(model, captions, caption, text[caption], noise[number], epsilon[number])
                for caption, number in attended
            ],
        )
    else:  # the stage promises the file
        caption_grid(
            folder / "attention.png",
            [GridRow(text[caption], generated[caption][-1][:1]) for caption in firsts[:_ATTENTION_ROWS]],
            ["no refinement:\nno attention"],
        )


def _attention_row(
    model: TextToImage, captions: EncodedCaptions, caption: int, text: str, noise: Tensor, epsilon: Tensor
) -> AttentionRow:
    """An image of a caption and a noise, [1, ...] each, with the attention of the last refinement."""
    ids = captions.padded(np.array([caption]))
    generated, _ = model.forward(ids, noise, epsilon)
    words = model.vocabulary.decode(ids[0].tolist())
    attention = generated.attention[-1][0, : len(words)].float().cpu().numpy()
    return AttentionRow(text, _arrays(generated.images[-1])[0], words, attention)


def _arrays(images: Tensor) -> list[Pixels]:
    """Shape: [N, 3, S, S] in [-1, 1] -> N images [S, S, 3]."""
    return list(to_pixels(images).permute(0, 2, 3, 1).cpu().numpy())
