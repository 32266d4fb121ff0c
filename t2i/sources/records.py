"""What every source of images and captions yields, whatever its layout on disk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PIL import Image


@dataclass(frozen=True)
class Caption:
    """One sentence about an image.

    Attributes:
        text: the sentence as it was written, without line breaks.
        mentioned: attribute -> value that the sentence states, e.g. ``{"belly": "yellow"}``; empty where unknown.
    """

    text: str
    mentioned: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """One image with its captions.

    Attributes:
        name: unique within the data set.
        class_name: what the image shows; captions of one class are not negatives of each other.
        captions: at least one.
        load: returns the RGB image, cropped to its object where the data set has boxes; can be pickled.
        attributes: attribute -> true value in the image; empty where unknown.
    """

    name: str
    class_name: str
    captions: tuple[Caption, ...]
    load: Callable[[], Image.Image]
    attributes: dict[str, str] = field(default_factory=dict)


Splits = dict[str, list[Record]]
"""Split name ("train", "test", and "reference": further real test images for FID) -> its records."""


def describe(splits: Splits) -> str:
    """Numbers of images and captions in words."""
    counts = [len(record.captions) for records in splits.values() for record in records]
    images = " and ".join(f"{len(records):,} {split}" for split, records in splits.items())
    return f"{images} images, captions an image: {spread(counts)}"


def spread(counts: Sequence[int]) -> str:
    """Smallest, largest and mean number in words; "0" if there are none."""
    few, many = min(counts, default=0), max(counts, default=0)
    return f"{few}" if few == many else f"{few} to {many}, {sum(counts) / len(counts):.1f} on average"
