"""From a caption to images: a trained generator with its text encoder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from t2i.checkpoints import model_file
from t2i.data.pixels import to_pixels
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.generation.prompt import Prompt, parse_prompt
from t2i.models.encoders.text import Text, TextEncoder
from t2i.models.generators.generator import Generated, Generator
from t2i.runtime.device import Precision, autocast, current_device


@dataclass(frozen=True)
class GenerationResult:
    """Images of one caption.

    Attributes:
        prompt: the caption, and which of its words the model knows.
        images: uint8 [S, S, 3], one a noise vector, at the largest scale.
        scales: images of the first noise vector at all scales: uint8 [s, s, 3], smallest first.
        attention: of the first noise vector: [L, h, w] a refinement stage; empty for a generator of one scale.
    """

    prompt: Prompt
    images: list[NDArray[np.uint8]]
    scales: list[NDArray[np.uint8]]
    attention: list[NDArray[np.float32]]

    def reduced(self, *, images: int, attention: bool) -> "GenerationResult":
        """The first images, and attention if it is wanted: all that a result has takes gigabytes for many captions."""
        return replace(self, images=self.images[:images], scales=[], attention=self.attention if attention else [])


class TextToImage:
    """A generator with the text encoder that it was trained with, in eval mode, on the GPU if there is one.

        >>> model = TextToImage.load("models/gan.pt")
        >>> model("a red bird", n=4, seed=0)[0].save("bird.png")

    Args:
        generator: its embedding size is that of the text encoder.
        text_encoder: carries the vocabulary.
        precision: of the generator; the text encoder always computes in float32.
    """

    def __init__(self, generator: Generator, text_encoder: TextEncoder, precision: Precision = "auto") -> None:
        self.device = current_device()
        self.generator = generator.to(self.device).eval()
        self.text_encoder = text_encoder.to(self.device).eval()
        self.precision: Precision = precision

    @classmethod
    def load(cls, path: str | Path, precision: Precision = "auto") -> Self:
        """The model in a gan.pt.

        Raises:
            InputError: the file is missing, damaged, of another kind or of another version.
        """
        content = model_file.load(Path(path), "gan")
        with model_file.building(Path(path)):
            return cls.from_checkpoint(content, precision)

    @classmethod
    def from_checkpoint(cls, content: dict[str, Any], precision: Precision = "auto") -> Self:
        """The model in the content of a gan.pt."""
        generator, text_encoder = content["generator"], content["text"]
        return cls(Generator.from_checkpoint(generator), TextEncoder.from_checkpoint(text_encoder), precision)

    @property
    def vocabulary(self) -> Vocabulary:
        """Words that the text encoder knows."""
        return self.text_encoder.vocabulary

    @torch.inference_mode()
    def forward(self, ids: Tensor, noise: Tensor, epsilon: Tensor) -> tuple[Generated, Text]:
        """Generate one image for each of N captions; all scales, and the encoded captions.

        Args:
            ids: [N, L] word ids, padded with 0 at the end.
            noise, epsilon: [N, noise_dim] and [N, condition_dim], as :meth:`Generator.draw_noise` gives them.
        """
        text = self.text_encoder(ids.to(self.device))
        with autocast(self.precision):
            generated = self.generator(
                noise.to(self.device), epsilon.to(self.device), text.sentence, text.words, text.padding
            )
        return generated, text

    def generate(
        self,
        caption: str | Prompt,
        n: int = 1,
        seed: int = 0,
        truncation: float = 1.0,
        *,
        on_image: Callable[[], object] = lambda: None,
    ) -> GenerationResult:
        """Generate images of one caption, with all that can be shown of how they came about.

        An image depends on model, caption, seed and its index alone: images are generated one by one, since
        arithmetic on batches of another size rounds differently.

        Args:
            caption: as typed, or already parsed.
            n: number of images; image k has the k-th noise vector of the seed, whatever the caption.
            seed: of the noise.
            truncation: factor of the noise, 0 to 1; the smaller, the less variety. Binary noise keeps its scale.
            on_image: called after each image, for a progress bar.

        Raises:
            InputError: the caption has no known word or too many (see :func:`~t2i.generation.prompt.parse_prompt`),
                or truncation is out of range.
        """
        if not 0 <= truncation <= 1:
            raise InputError(f"truncation is {truncation}; legal are numbers from 0 to 1")
        prompt = parse_prompt(caption, self.vocabulary) if isinstance(caption, str) else caption
        noise, epsilon = self.generator.draw_noise(n, np.random.default_rng(seed), truncation)
        ids = torch.tensor([prompt.ids])
        images, scales, attention = [], [], []
        for k in range(n):
            generated, _ = self.forward(ids, noise[k : k + 1], epsilon[k : k + 1])
            pixels = [to_pixels(image[0]).permute(1, 2, 0).cpu().numpy() for image in generated.images]
            images.append(pixels[-1])
            if k == 0:
                scales = pixels
                attention = [weights[0].float().cpu().numpy() for weights in generated.attention]
            on_image()
        return GenerationResult(prompt, images, scales, attention)

    def __call__(self, caption: str, n: int = 1, seed: int = 0, truncation: float = 1.0) -> list[Image.Image]:
        """Images of a caption at the largest scale; arguments as of :meth:`generate`."""
        return [Image.fromarray(image) for image in self.generate(caption, n, seed, truncation).images]
