"""CUB-200-2011 with the ten captions an image of Reed et al., in the layout that the AttnGAN family shares."""

from functools import partial
from os.path import splitext
from pathlib import Path, PurePosixPath

from PIL import Image

from t2i.data.gaps import Gaps
from t2i.data.images import load_image
from t2i.data.listing import captions_in, is_plain, names_in
from t2i.data.records import Record, Splits
from t2i.errors import InputError

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""

_MOST_PIXELS = 10**6  # a side of a picture


def read(
    folder: Path, *, captions_per_image: int, box_scale: float = 1.5, test_classes: int = 50, gaps: Gaps | None = None
) -> Splits:
    """Read the data set::

        CUB_200_2011/images/<class>/<image>.jpg
        CUB_200_2011/images.txt                   number and file of each image
        CUB_200_2011/bounding_boxes.txt           number, left, top, width, height
        text/<class>/<image>.txt                  a caption a line
        train/filenames.pickle                    list of <class>/<image>, and the same for test/

    The split is by class, as in all published work: test classes are never seen in training. Where both pickles are
    absent, the last classes by name are those of the test split.

    Args:
        folder: where all of this lies.
        captions_per_image: at most so many captions of each image are read, in the order of the file; at least 1.
            Lines without a word do not count. An image that has fewer keeps what it has.
        box_scale: side of the square around the bird, in larger sides of its bounding box; greater than 0.
        test_classes: how many classes the test split gets where there are no pickles.
        gaps: what to do with images that are listed and not there; default: refuse.

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
    with (gaps or Gaps()).settled() as missing:
        for split, names in _split(folder, files, test_classes).items():
            splits[split] = []
            for name in names:
                number, path = files.get(name, ("", Path()))
                captions = captions_in(folder / "text" / f"{name}.txt", captions_per_image)
                if not number:
                    missing.add(f"of the {split} split without a line in CUB_200_2011/images.txt", name)
                elif number not in boxes:
                    missing.add(f"of the {split} split without a line in CUB_200_2011/bounding_boxes.txt", name)
                elif not path.is_file():
                    missing.add(f"of the {split} split without an image file in CUB_200_2011/images", name)
                elif not captions:
                    missing.add(f"of the {split} split without a caption in text", name)
                else:
                    load = partial(load_crop, path, boxes[number], box_scale)
                    splits[split].append(Record(name, PurePosixPath(name).parent.name, captions, load))
    return splits


def _split(folder: Path, files: dict[str, tuple[str, Path]], test_classes: int) -> dict[str, list[str]]:
    """Names of the images of both splits, each once."""
    listings = {split: folder / split / "filenames.pickle" for split in ("train", "test")}
    if any(path.exists() for path in listings.values()):
        return {split: list(dict.fromkeys(names_in(path, parts=2))) for split, path in listings.items()}
    names = sorted(name for name in files if is_plain(name, 2))
    classes = sorted({PurePosixPath(name).parent.name for name in names})
    if not 0 < test_classes < len(classes):
        raise InputError(
            f"{folder} has no train/filenames.pickle and is split by class: test_classes is {test_classes}, legal are "
            f"1 to {len(classes) - 1}, for {len(classes)} classes"
        )
    tested = set(classes[-test_classes:])
    found: dict[str, list[str]] = {"train": [], "test": []}
    for name in names:
        found["test" if PurePosixPath(name).parent.name in tested else "train"].append(name)
    return found


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
