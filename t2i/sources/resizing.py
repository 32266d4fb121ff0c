"""How images are resized: Pillow's filter, and how their sides become whole pixels."""

from dataclasses import dataclass
from typing import Literal

from PIL import Image

Filter = Literal["bicubic", "bilinear"]
Sides = Literal["rounded", "truncated"]


@dataclass(frozen=True)
class Resizing:
    """A rule of resizing; bilinear with truncated sides is that of the published code.

    Attributes:
        filter: Pillow's, which reads all pixels that a smaller image covers.
        sides: of the resized image, in whole pixels.
    """

    filter: Filter = "bicubic"
    sides: Sides = "rounded"

    def short_side(self, image_size: int, resize_ratio: float) -> int:
        """Pixels of the short side of images that training crops to ``image_size``."""
        return self._whole(image_size * resize_ratio)

    def resize(self, image: Image.Image, side: int) -> Image.Image:
        """The image with a short side of ``side`` pixels, in its shape; itself if that is its size."""
        short = min(image.size)
        if short == side:
            return image
        width, height = (self._whole(side * length / short) for length in image.size)
        return image.resize((width, height), Image.Resampling[self.filter.upper()])

    def _whole(self, length: float) -> int:
        return int(length) if self.sides == "truncated" else round(length)


DEFAULT = Resizing()
