"""The same captions painted again and again while a generator learns."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from t2i.data.pack import Pack
from t2i.data.pairs import EncodedCaptions
from t2i.data.pixels import to_pixels
from t2i.figures import progress_grid
from t2i.models.damsm import Damsm
from t2i.models.generator import Generator

CAPTIONS = 6


class Watch:
    """Keeps a grid of a few test captions up to date during training; draws no random number of the training's.

    Args:
        pack: where the captions come from.
        path: PNG that is written again after 1/16, 1/8, 1/4, 1/2 and all of the steps.
    """

    def __init__(self, pack: Pack, damsm: Damsm, path: Path, max_words: int) -> None:
        images = np.linspace(0, len(pack) - 1, min(CAPTIONS, len(pack))).round().astype(int)
        rows = np.array([pack.captions_of(int(image))[0] for image in images])
        self.captions = pack.captions["text"].iloc[rows].tolist()
        self.ids = EncodedCaptions(pack, damsm.vocabulary, max_words).padded(rows, np.random.default_rng(0))
        self.text = damsm.text
        self.path = path
        self.pictures: dict[int, np.ndarray] = {}

    def __call__(self, step: int, steps: int, generator: Generator, painted: int | None = None) -> None:
        """Paint after ``step`` of ``steps`` steps, if it is time to, at the largest of the ``painted`` scales."""
        if step not in {max(1, steps // part) for part in (16, 8, 4, 2, 1)}:
            return
        device = next(generator.parameters()).device
        noise, epsilon = generator.draw_noise(len(self.ids), np.random.default_rng(0))
        with torch.inference_mode():
            text = self.text(self.ids.to(device))
            said = (text.sentence, text.words, text.padding)
            made = generator(noise.to(device), epsilon.to(device), *said, painted=painted)
        self.pictures[step] = to_pixels(made.images[-1]).permute(0, 2, 3, 1).cpu().numpy()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        progress_grid(self.path, self.captions, self.pictures)

    def state_dict(self) -> dict[str, Any]:
        """What was painted so far."""
        return {"pictures": {step: torch.from_numpy(pictures) for step, pictures in self.pictures.items()}}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on from there; the next grid shows these too."""
        self.pictures = {step: pictures.cpu().numpy() for step, pictures in state_dict["pictures"].items()}
