"""The model as a package for Cog (cog.yaml): a server that generates images of captions."""

import sys
import tempfile

from cog import BaseRunner, Input, Path
from PIL import Image

from t2i.apps.defaults import CAPTION, GAN
from t2i.errors import InputError
from t2i.generation.prompt import parse_prompt
from t2i.generation.text_to_image import TextToImage

MAX_NUMBER = 16  # images of an answer
MAX_SEED = 2**53 - 1
"""Largest whole number that every reader of JSON keeps."""


class Runner(BaseRunner):  # type: ignore[misc]
    """Generates images with models/gan.pt, as ``t2i generate`` does."""

    def setup(self) -> None:  # type: ignore[override]
        """Load the model once."""
        self.model = TextToImage.load(GAN)
        self.answer = tempfile.TemporaryDirectory()

    def run(  # type: ignore[override]
        self,
        caption: str = Input(description="What the images show.", default=CAPTION),
        number: int = Input(description="Number of images.", default=4, ge=1, le=MAX_NUMBER),
        seed: int = Input(
            description="Seed of the noise: the same seed gives the same images.", default=0, ge=0, le=MAX_SEED
        ),
        truncation: float = Input(
            description="Factor of the noise; the smaller, the less variety.", default=1.0, ge=0, le=1
        ),
    ) -> list[Path]:
        """Images of a caption, one a noise vector."""
        # Cog's server lets numbers beyond the limits above pass, and fractions
        for name, value, least, most in (("seed", seed, 0, MAX_SEED), ("number", number, 1, MAX_NUMBER)):
            if value != int(value) or not least <= value <= most:
                raise ValueError(f"the {name} is {value}; legal are {least} to {most}")
        try:
            prompt = parse_prompt(caption, self.model.vocabulary)
        except InputError as error:
            raise ValueError(str(error)) from error
        for line in prompt.warnings():
            sys.stdout.write(f"{line}\n")  # where Cog collects the log of an answer
        images = self.model.generate(prompt, int(number), int(seed), truncation).images
        self.answer.cleanup()  # Cog has sent the images before it asks again
        self.answer = tempfile.TemporaryDirectory()
        paths = [Path(self.answer.name) / f"{k:02d}.png" for k in range(1, len(images) + 1)]
        for path, image in zip(paths, images, strict=True):
            Image.fromarray(image).save(path)
        return paths
