"""CUB-200-2011 with the ten captions an image of Reed et al., in the layout that the AttnGAN family shares."""

from functools import partial
from os.path import splitext
from pathlib import Path, PurePosixPath

from PIL import Image

from t2i.errors import InputError
from t2i.sources.caption_files import captions_in, is_safe_name, names_in
from t2i.sources.images import load_image
from t2i.sources.missing import MissingItems
from t2i.sources.records import Record, Splits

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""

_MAX_COORDINATE = 10**6  # pixels; larger numbers in bounding_boxes.txt are damage


def read(
    folder: Path,
    *,
    captions_per_image: int,
    box_scale: float = 1.5,
    test_classes: int = 50,
    missing_items: MissingItems | None = None,
) -> Splits:
    """Read the data set::

        CUB_200_2011/images/<class>/<image>.jpg
        CUB_200_2011/images.txt                   number and file of each image
        CUB_200_2011/bounding_boxes.txt           number, left, top, width, height
        text/<class>/<image>.txt                  a caption a line
        train/filenames.pickle                    list of <class>/<image>, and the same for test/

    The split is by class, as in all published work: test classes do not occur in training. Where both pickles are
    absent, the last classes by name form the test split.

    Args:
        folder: root of the layout above.
        captions_per_image: read at most this many captions of each image, in the order of the file; at least 1. Lines
            without a word do not count. An image may have fewer.
        box_scale: side of the square crop, as a multiple of the longer side of the bounding box; greater than 0.
        test_classes: number of test classes where there are no pickles.
        missing_items: what to do with images that are listed but missing; default: refuse the data set.

    Returns:
        "train" and "test", in the order of the pickles. Class names are folder names.

    Raises:
        InputError: a file is missing or damaged. An unreadable image only fails in its `load`.
    """
    if captions_per_image < 1:
        raise ValueError(f"captions_per_image must be at least 1, got {captions_per_image}")
    if not box_scale > 0:
        raise ValueError(f"box_scale must be greater than 0, got {box_scale}")
    for required in (folder, folder / "CUB_200_2011" / "images", folder / "text"):
        if not required.is_dir():
            raise InputError(
                f"folder {required} is missing: put CUB-200-2011 and its captions there (see docs/data.md)"
            )
    files = _image_files(folder / "CUB_200_2011")
    boxes = _bounding_boxes(folder / "CUB_200_2011")
    splits: Splits = {}
    with (missing_items or MissingItems()).raise_unless_skipping() as missing:
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
    """Names of the images of each split, without duplicates."""
    listings = {split: folder / split / "filenames.pickle" for split in ("train", "test")}
    if any(path.exists() for path in listings.values()):
        return {split: list(dict.fromkeys(names_in(path, parts=2))) for split, path in listings.items()}
    names = sorted(name for name in files if is_safe_name(name, 2))
    classes = sorted({PurePosixPath(name).parent.name for name in names})
    if not 0 < test_classes < len(classes):
        raise InputError(
            f"{folder} has no train/filenames.pickle and is split by class: test_classes is {test_classes}, legal are "
            f"1 to {len(classes) - 1}, for {len(classes)} classes"
        )
    held_out = set(classes[-test_classes:])
    splits: dict[str, list[str]] = {"train": [], "test": []}
    for name in names:
        splits["test" if PurePosixPath(name).parent.name in held_out else "train"].append(name)
    return splits


def load_crop(path: Path, box: Box, box_scale: float) -> Image.Image:
    """The square around the object of an image, clipped to the image.

    Its centre is that of the box and its half side ``int(box_scale / 2 * max(width, height))``, as in the published
    code.

    Args:
        path: image file.
        box: bounding box of the object.
        box_scale: side of the square, as a multiple of the longer side of the box.

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
    """Name without suffix -> number and file of the image."""
    lines = _table(folder / "images.txt", columns=2)
    return {splitext(file)[0]: (number, folder / "images" / file) for number, file in lines}


def _bounding_boxes(folder: Path) -> dict[str, Box]:
    """Number of an image -> its box, truncated to whole pixels as in the published code."""
    path = folder / "bounding_boxes.txt"
    boxes: dict[str, Box] = {}
    for number, *sides in _table(path, columns=5):
        try:
            left, top, width, height = (int(float(side)) for side in sides)
        except (ValueError, OverflowError) as error:
            raise InputError(f"image {number} of {path} has no valid box ({' '.join(sides)}): correct it") from error
        if min(width, height) <= 0 or max(abs(left), abs(top), width, height) > _MAX_COORDINATE:
            raise InputError(f"image {number} of {path} has an impossible box ({' '.join(sides)}): correct it")
        boxes[number] = left, top, width, height
    return boxes


def _table(path: Path, columns: int) -> list[list[str]]:
    """Rows of a text file with columns separated by spaces; the last column may contain spaces."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is missing or no text: put the file there") from error
    rows = [line.split(maxsplit=columns - 1) for line in lines if line.strip()]
    for row in rows:
        if len(row) != columns:
            raise InputError(f"{path} has a line without its {columns} columns ({' '.join(row)!r}): get it again")
    return rows
