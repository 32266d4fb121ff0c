"""How images are resized, against plain calls of Pillow with the arithmetic of the published code and of ours."""

import numpy as np
import pytest
from PIL import Image

from t2i.sources.resizing import Resizing

SIZES = [(50, 40), (33, 101), (97, 45), (40, 40), (19, 60), (500, 333), (76, 90), (38, 97)]


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8))


def published(image: Image.Image, imsize: int) -> Image.Image:
    """``transforms.Scale(int(imsize * 76 / 64))`` of torchvision, as the published code calls it."""
    size = int(imsize * 76 / 64)
    width, height = image.size
    if (width <= height and width == size) or (height <= width and height == size):
        return image
    if width < height:
        return image.resize((size, int(size * height / width)), Image.Resampling.BILINEAR)
    return image.resize((int(size * width / height), size), Image.Resampling.BILINEAR)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("image_size", "side"), [(32, 38), (64, 76), (299, 355)])
def test_bilinear_and_truncated_is_the_published_code(size: tuple[int, int], image_size: int, side: int) -> None:
    resizing, image = Resizing("bilinear", "truncated"), noise(*size)
    assert resizing.short_side(image_size, 76 / 64) == side
    resized, expected = resizing.resize(image, side), published(image, image_size)
    assert resized.size == expected.size and min(resized.size) == side
    np.testing.assert_array_equal(np.asarray(resized), np.asarray(expected))


@pytest.mark.parametrize("size", SIZES)
def test_bicubic_and_rounded_is_the_default(size: tuple[int, int]) -> None:
    image = noise(*size)
    width, height = (round(length * 38 / min(size)) for length in size)
    expected = image if min(size) == 38 else image.resize((width, height), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(np.asarray(Resizing().resize(image, 38)), np.asarray(expected))


def test_filter_and_sides_are_chosen_apart() -> None:
    image = noise(50, 33)  # 20 / 33 of 50 is 30.3, of 51 it is 30.9
    wider = noise(51, 33)
    for sides, width in (("truncated", 30), ("rounded", 31)):
        for name, resample in (("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)):
            resizing = Resizing(name, sides)  # type: ignore[arg-type]
            assert resizing.resize(image, 20).size == (30, 20)
            assert resizing.resize(wider, 20) == wider.resize((width, 20), resample)


@pytest.mark.parametrize(
    ("ratio", "rounded", "truncated"), [(1.0, 32, 32), (1.1875, 38, 38), (1.2, 38, 38), (1.14, 36, 36), (1.05, 34, 33)]
)
def test_short_sides(ratio: float, rounded: int, truncated: int) -> None:
    assert Resizing().short_side(32, ratio) == rounded
    assert Resizing(sides="truncated").short_side(32, ratio) == truncated
