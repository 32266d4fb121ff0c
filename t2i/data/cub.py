"""CUB-200-2011 with the ten captions an image of Reed et al., in the layout that the AttnGAN family shares."""

import re
import struct
from collections import defaultdict
from functools import partial
from os.path import splitext
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from t2i.data.records import Caption, Record, Splits
from t2i.data.unpickle import load_pickle
from t2i.errors import InputError

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""

_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)  # all of Pillow
_MOST_PIXELS = 10**6  # a side of a picture


def read(folder: Path, *, captions_per_image: int, box_scale: float = 1.5) -> Splits:
    """Read the data set::

        CUB_200_2011/images/<class>/<image>.jpg
        CUB_200_2011/images.txt                   number and file of each image
        CUB_200_2011/bounding_boxes.txt           number, left, top, width, height
        text/<class>/<image>.txt                  a caption a line
        train/filenames.pickle                    list of <class>/<image>, and the same for test/

    The split is by class, as in all published work: test classes are never seen in training.

    Args:
        folder: where all of this lies.
        captions_per_image: at most so many captions of each image are read, in the order of the file; at least 1.
            Lines without a word do not count.
        box_scale: side of the square around the bird, in larger sides of its bounding box; greater than 0.

    Returns:
        "train" and "test", in the order of the pickles. Classes are the names of the folders.

    Raises:
        InputError: something is missing or damaged. An unreadable image is found only by its `load`.
    """
    if captions_per_image < 1:
        raise ValueError(f"captions_per_image must be at least 1, got {captions_per_image}")
    if not box_scale > 0:
        raise ValueError(f"box_scale must be greater than 0, got {box_scale}")
    for needed in (folder, folder / "CUB_200_2011" / "images", folder / "text"):
        if not needed.is_dir():
            raise InputError(f"folder {needed} is missing: put CUB-200-2011 and its captions there (see README)")
    files = _image_files(folder / "CUB_200_2011")
    boxes = _bounding_boxes(folder / "CUB_200_2011")
    splits: Splits = {}
    for split in ("train", "test"):
        splits[split] = []
        listing = folder / split / "filenames.pickle"
        bad: dict[str, list[str]] = defaultdict(list)  # what is wrong -> names
        for name in _names(listing):
            number, path = files.get(name, ("", Path()))
            captions = _captions(folder / "text" / f"{name}.txt", captions_per_image)
            if not number:
                bad["are not in CUB_200_2011/images.txt"].append(name)
            elif number not in boxes:
                bad["are not in CUB_200_2011/bounding_boxes.txt"].append(name)
            elif not path.is_file():
                bad["have no image file in CUB_200_2011/images"].append(name)
            elif not captions:
                bad["have no caption in text"].append(name)
            else:
                load = partial(load_crop, path, boxes[number], box_scale)
                splits[split].append(Record(name, PurePosixPath(name).parent.name, captions, load))
        for problem, names in bad.items():
            some = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            raise InputError(f"{len(names)} images of {listing} {problem} ({some}): add them or shorten the list")
    return splits


def load_crop(path: Path, box: Box, box_scale: float) -> Image.Image:
    """The square around the object of a picture, clipped to the picture.

    Its centre is that of the box and its half side ``int(box_scale / 2 * max(width, height))``, as published.

    Args:
        path: image file.
        box: what the object fills.
        box_scale: side of the square, in larger sides of the box.

    Raises:
        InputError: the file is no readable image, or the box lies outside of it.
    """
    image = load_image(path)
    left, top, width, height = box
    half = int(max(width, height) * box_scale / 2)
    x, y = int((2 * left + width) / 2), int((2 * top + height) / 2)
    edges = max(0, x - half), max(0, y - half), min(image.width, x + half), min(image.height, y + half)
    if edges[0] >= edges[2] or edges[1] >= edges[3]:
        size = f"{image.width} x {image.height} pixels"
        raise InputError(f"bounding box {box} of image {path} lies outside its {size}: correct bounding_boxes.txt")
    return image.crop(edges)


def load_image(path: Path) -> Image.Image:
    """A picture of any mode as RGB.

    Raises:
        InputError: the file is no readable image.
    """
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except _UNREADABLE as error:
        raise InputError(f"image {path} cannot be read ({error}): get it again, or take it out of the lists") from error


def _names(path: Path) -> list[str]:
    """Names ``<class>/<image>`` of a split."""
    content = load_pickle(path)
    names = content.tolist() if isinstance(content, np.ndarray) else content
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path} must hold a list of names, <class>/<image>: get it again")
    if not names:
        raise InputError(f"{path} lists no images: get it again")
    for name in names:
        parts = PurePosixPath(name).parts
        if len(parts) != 2 or ".." in parts or name.startswith("/") or not name.isprintable():
            raise InputError(f"{path} lists {name!r}, which is not of the form <class>/<image>: correct the list")
    return list(names)


def _captions(path: Path, at_most: int) -> tuple[Caption, ...]:
    """The first captions of a file that have a word; none if there is no file."""
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return ()
    lines = (line.strip() for line in text.split("\n"))
    with_words = [line for line in lines if re.search(r"\w", line.lower(), re.ASCII)]
    return tuple(Caption(line) for line in with_words[:at_most])


def _image_files(folder: Path) -> dict[str, tuple[str, Path]]:
    """Name without suffix -> number and file of each image."""
    lines = _table(folder / "images.txt", columns=2)
    return {splitext(file)[0]: (number, folder / "images" / file) for number, file in lines}


def _bounding_boxes(folder: Path) -> dict[str, Box]:
    """Number of an image -> its box; fractions of pixels are cut off, as published."""
    path = folder / "bounding_boxes.txt"
    boxes: dict[str, Box] = {}
    for number, *sides in _table(path, columns=5):
        try:
            left, top, width, height = (int(float(side)) for side in sides)
        except (ValueError, OverflowError) as error:
            raise InputError(f"image {number} of {path} has no valid box ({' '.join(sides)}): correct it") from error
        if min(width, height) <= 0 or max(abs(left), abs(top), width, height) > _MOST_PIXELS:
            raise InputError(f"image {number} of {path} has an impossible box ({' '.join(sides)}): correct it")
        boxes[number] = left, top, width, height
    return boxes


def _table(path: Path, columns: int) -> list[list[str]]:
    """Rows of a text file whose columns are separated by spaces; the last may contain some."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is missing or no text: put the file there") from error
    rows = [line.split(maxsplit=columns - 1) for line in lines if line.strip()]
    for row in rows:
        if len(row) != columns:
            raise InputError(f"{path} has a line without its {columns} columns ({' '.join(row)!r}): get it again")
    return rows
