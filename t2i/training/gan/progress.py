"""Images of a few test captions, generated again and again while the generator learns."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_pixels
from t2i.files import evenly_spaced, replacing
from t2i.models.encoders.damsm import Damsm
from t2i.models.generators.generator import Generator

CAPTIONS = 6
_MIN_SIDE = 128  # pixels: smaller images are scaled up


class ProgressImages:
    """Keeps a grid of images up to date: a row for each caption, a column for each step at which it was generated.

    Noise comes from a random generator of its own, so the training is the same with and without these images.

    Args:
        pack: first captions of evenly spaced images of it are used.
        damsm: its text encoder.
        path: PNG that is written again after 1/16, 1/8, 1/4, 1/2 and all of the steps.
        max_words: longer captions are shortened.
    """

    def __init__(self, pack: PackedSplit, damsm: Damsm, path: Path, max_words: int) -> None:
        rows = np.array([pack.captions_of(image)[0] for image in evenly_spaced(len(pack), CAPTIONS)])
        self.ids = EncodedCaptions(pack, damsm.vocabulary, max_words).padded(rows, np.random.default_rng(0))
        self.text_encoder = damsm.text
        self.path = path
        self.pictures: dict[int, Tensor] = {}  # step -> uint8 [N, S, S, 3]

    def file_bytes(self, steps: int, generator: Generator) -> int:  # noqa: ARG002
        """None worth asking for."""
        return 0

    def __call__(self, step: int, steps: int, generator: Generator, num_scales: int | None = None) -> None:
        """Generate and write the grid if ``step`` of ``steps`` is one of the steps for it.

        Args:
            num_scales: scales that are trained so far; the largest of them is shown. None: all.
        """
        if step not in {max(1, steps // part) for part in (16, 8, 4, 2, 1)}:
            return
        device = next(generator.parameters()).device
        noise, epsilon = generator.draw_noise(len(self.ids), np.random.default_rng(0))
        with torch.inference_mode():
            text = self.text_encoder(self.ids.to(device))
            generated = generator(
                noise.to(device), epsilon.to(device), text.sentence, text.words, text.padding, num_scales=num_scales
            )
        self.pictures[step] = to_pixels(generated.images[-1]).permute(0, 2, 3, 1).cpu()
        self._write()

    def _write(self) -> None:
        columns = [self.pictures[step].numpy() for step in sorted(self.pictures)]
        side = max(_MIN_SIDE, *(column.shape[1] for column in columns))  # scales that join later are larger
        scaled = [column.repeat(side // column.shape[1], axis=1) for column in columns]
        scaled = [column.repeat(side // column.shape[2], axis=2) for column in scaled]
        grid = Image.fromarray(np.concatenate([np.concatenate(column) for column in scaled], axis=1))
        with replacing(self.path) as part:
            grid.save(part, format="png")

    def state_dict(self) -> dict[str, Any]:
        """Images so far."""
        return {"pictures": self.pictures}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Continue with these images, and write them: DVC has removed the grid, and no step may be left."""
        self.pictures = {step: images.cpu() for step, images in state_dict["pictures"].items()}
        if self.pictures:
            self._write()
