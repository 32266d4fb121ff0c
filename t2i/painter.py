"""A trained generator, ready to paint captions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from t2i import checkpoints, runtime
from t2i.models.generator import Generated, Generator
from t2i.models.text_encoder import Text, TextEncoder


@dataclass
class Painter:
    """A generator with the text encoder that it was trained with, in eval mode."""

    generator: Generator
    text: TextEncoder
    precision: runtime.Precision

    @classmethod
    def load(cls, path: Path, precision: runtime.Precision = "auto") -> Self:
        """The painter of a gan.pt; InputError if the file is missing, damaged or of another kind."""
        content = checkpoints.load(path, "gan")
        return cls(Generator.from_content(content["generator"]), TextEncoder.from_content(content["text"]), precision)

    def __post_init__(self) -> None:
        self.device = runtime.device()
        self.generator.to(self.device).eval()
        self.text.to(self.device).eval()

    @torch.inference_mode()
    def paint(self, ids: Tensor, noise: Tensor, epsilon: Tensor) -> tuple[Generated, Text]:
        """Pictures of N captions.

        Args:
            ids: [N, L] word ids; noise: [N, noise_dim]; epsilon: [N, condition_dim].
        """
        text = self.text(ids.to(self.device))
        with runtime.autocast(self.precision):
            made = self.generator(
                noise.to(self.device), epsilon.to(self.device), text.sentence, text.words, text.padding
            )
        return made, text
