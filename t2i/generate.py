"""Pictures of captions that people type."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from t2i.data.pixels import to_pixels
from t2i.painter import Painter
from t2i.reading import Reading, read_caption


@dataclass(frozen=True)
class Painted:
    """What became of a caption.

    Attributes:
        reading: the caption, and what of it was understood.
        pictures: uint8 [S, S, 3], one a noise vector, at the last scale.
        scales: of the first noise vector: uint8 [s, s, 3], smallest first.
        attention: of the first noise vector: [L, h, w] a refinement stage; none for a generator of one scale.
    """

    reading: Reading
    pictures: list[NDArray[np.uint8]]
    scales: list[NDArray[np.uint8]]
    attention: list[NDArray[np.float32]]


def load(path: Path) -> Painter:
    """The painter of a model file; InputError if there is none."""
    return Painter.load(path)


def paint(painter: Painter, text: str, *, number: int, seed: int, truncation: float = 1.0) -> Painted:
    """Paint a caption.

    A picture depends on the model, the caption, the seed and its place alone: pictures are painted one by one, since
    arithmetic on batches of another size rounds differently.

    Args:
        number: pictures; picture n has noise vector n of the seed, whatever the caption.
        truncation: noise is multiplied by it, in [0, 1]; less noise, less variety. What is either-or stays.

    Raises:
        InputError: the caption cannot be read; see :func:`~t2i.reading.read_caption`.
    """
    reading = read_caption(text, painter.text.vocabulary)
    noise, epsilon = painter.generator.draw_noise(number, np.random.default_rng(seed), truncation)
    ids = torch.tensor([reading.ids])
    pictures, scales, attention = [], [], []
    for place in range(number):
        made, _ = painter.paint(ids, noise[place : place + 1], epsilon[place : place + 1])
        every = [to_pixels(image[0]).permute(1, 2, 0).cpu().numpy() for image in made.images]
        pictures.append(every[-1])
        if place == 0:
            scales = every
            attention = [looked[0].float().cpu().numpy() for looked in made.attention]
    return Painted(reading, pictures, scales, attention)
