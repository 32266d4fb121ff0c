"""Image files of any kind as RGB."""

import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from t2i.errors import InputError

# What Pillow raises on damaged files.
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, MemoryError, ZeroDivisionError, OverflowError)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def load_image(path: Path, *, upright: bool = False) -> Image.Image:
    """Load an image of any mode as RGB.

    16-bit images are scaled to 8 bits (Pillow's own conversion clips them); transparent areas become white.

    Args:
        path: the file.
        upright: rotate the image as its EXIF orientation says. Not for images with bounding boxes, which refer to the
            pixels as they are stored.

    Raises:
        InputError: the file is no readable image, or so large (above 89 million pixels) that it may be a
            decompression bomb.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.load()
                return _as_rgb(ImageOps.exif_transpose(image) if upright else image)
    except (*_UNREADABLE, *_BOMB) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"image {path} cannot be read ({reason}): get it again, or take it out of the lists"
        ) from error


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        max_value = 255 if values.max(initial=0) <= 255 else 65535
        return Image.fromarray((values * (255 / max_value)).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")
