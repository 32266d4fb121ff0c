"""Image files of any kind as RGB."""

import logging
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms

from t2i.errors import InputError
from t2i.sources.image_metadata import without_metadata
from t2i.sources.unreadable import check_file, reason, refused, register_heif

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What sets an image upright, for each EXIF orientation."""

logging.getLogger("PIL").addHandler(logging.NullHandler())  # else what it warns of is printed


def load_image(path: Path, *, upright: bool = False) -> Image.Image:
    """Load an image of any mode as RGB; of several frames or pages, the first.

    Gray values of more than 8 bits are scaled to 8 (Pillow's own conversion clips them); transparent areas become
    white. Metadata other than the orientation decides nothing: where it is damaged, the image is read without it.

    Args:
        path: the file.
        upright: rotate the image as its EXIF or XMP orientation says. Not for images with bounding boxes, which refer
            to the pixels as they are stored. (TIFF and HEIC are always upright: their decoders see to it.)

    Raises:
        InputError: the file is no readable image, or so large (above 89 million pixels) that it may be a
            decompression bomb.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        start = b""
        try:
            start = check_file(path)
            return _decode(path, upright, register_heif(path, start))
        except InputError:
            raise
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise refused(path, "it has more than 89 million pixels", "make it smaller, or get it again") from error
        except Exception as error:  # decoders of foreign formats raise anything
            try:
                if (bare := without_metadata(path)) is not None:
                    return _decode(BytesIO(bare), upright)
            except Exception:
                pass  # the first error says more
            raise refused(path, reason(error, start)) from error


def _decode(source: Path | BytesIO, upright: bool, formats: tuple[str, ...] | None = None) -> Image.Image:
    with Image.open(source, formats=formats) as image:
        image.load()
        turn = _TURNS.get(_orientation(image)) if upright else None
        result = _as_rgb(image)
        return result if turn is None else result.transpose(turn)


def _orientation(image: Image.Image) -> Any:
    """The orientation tag, whatever is stored in it, or None; nothing else of the EXIF data is read."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
        hash(orientation)
    except Exception:  # damaged, as metadata often is: then the image is taken as it is stored
        return None
    return orientation


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled_to_8_bits(image).convert("RGB")
    if image.mode == "LAB":  # Pillow converts it with a colour profile only
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        assert converted is not None
        return converted
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def _scaled_to_8_bits(image: Image.Image) -> Image.Image:
    """Gray values of more than 8 bits as 8 bits.

    White is the smallest of 1, 255 and 65,535 that the values do not exceed. Resampling and bright lights overshoot:
    floats up to twice white are white, and those down to minus half of it black, as NaN is.

    Raises:
        ValueError: the values have no such range.
    """
    values = np.asarray(image, dtype=np.float32)
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise ValueError("none of its gray values is a number")
    low, high = float(finite.min()), float(finite.max())
    floats = image.mode == "F"
    white = next((white for white in (1, 255, 65535) if high <= white * (1 + floats)), None)
    if white is None or low < -white / 2 * floats:
        raise ValueError(f"gray values from {low:g} to {high:g}, where black must be 0 and white 1, 255 or 65,535")
    pixels = (np.nan_to_num(values, nan=0, posinf=white, neginf=0) * (255 / white)).clip(0, 255).astype(np.uint8)
    pixels[values == image.info.get("transparency")] = 255
    return Image.fromarray(pixels)
