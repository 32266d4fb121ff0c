"""CUB-200-2011 with the ten captions an image of Reed et al., in the layout that the AttnGAN family shares."""

import logging
import os
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath

from PIL import Image

from t2i.data.text.tokenizer import Tokens
from t2i.errors import InputError
from t2i.sources.caption_files import check_names, first_captions, lines_in, names_in, repeated
from t2i.sources.cub_files import Box, Parts, bounding_boxes, find_parts, image_files
from t2i.sources.image_folders import SUFFIXES, ImageFolders
from t2i.sources.images import load_image
from t2i.sources.missing import MissingItems
from t2i.sources.records import Record, Splits, describe

log = logging.getLogger(__name__)


def read(
    folder: Path,
    *,
    captions_per_image: int,
    box_scale: float = 1.5,
    test_classes: int = 50,
    tokens: Tokens = "ascii",
    missing_items: MissingItems | None = None,
) -> Splits:
    """Read the data set::

        CUB_200_2011/images/<class>/<image>.jpg
        CUB_200_2011/images.txt                   number and file of each image
        CUB_200_2011/bounding_boxes.txt           number, left, top, width, height
        text/<class>/<image>.txt                  a caption a line
        train/filenames.pickle                    list of <class>/<image>, and the same for test/

    The split is by class, as in all published work: test classes do not occur in training. Where both pickles are
    absent, the last classes by name form the test split. Folders and files are also found one level further up or down:
    where ``CUB_200_2011`` is unpacked twice or not at all, or archives each into a folder of their own.

    Args:
        folder: root of the layout above.
        captions_per_image: read at most this many captions of each image, in the order of the file; at least 1. Lines
            without a word do not count. An image may have fewer.
        box_scale: side of the square crop, as a multiple of the longer side of the bounding box; greater than 0.
        test_classes: number of test classes where there are no pickles.
        tokens: rule of words; captions without a word do not count.
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
    data = _Data(find_parts(folder), captions_per_image, box_scale, tokens)
    splits: Splits = {}
    with (missing_items or MissingItems()).raise_unless_skipping() as missing:
        names, rule = _split(data, test_classes, missing)
        for split, names_of_split in names.items():
            records = (data.record(name, split, missing) for name in names_of_split)
            splits[split] = [record for record in records if record]
        for name in sorted(data.files.keys() - set(chain.from_iterable(names.values()))):
            missing.note(f"images of {data.parts.images_txt} that no list names", name)
        images, text = data.parts.images, data.parts.text
        log.info("%s: images in %s/, captions in %s/, split by %s; %s", folder, images, text, rule, describe(splits))
    return splits


@dataclass
class _Data:
    """What the lists refer to, and how it is read."""

    parts: Parts
    captions_per_image: int
    box_scale: float
    tokens: Tokens

    def __post_init__(self) -> None:
        self.files, self.boxes = image_files(self.parts.images_txt), bounding_boxes(self.parts.bounding_boxes)
        self.pictures, self.texts = ImageFolders(), ImageFolders()

    def record(self, name: str, split: str, missing: MissingItems) -> Record | None:
        """The record of an image, or None if it lacks something, which becomes a missing item."""
        parts, (number, file) = self.parts, self.files.get(name, ("", ""))
        path = self.pictures.find(file, [parts.images]) or self.pictures.find(name, [parts.images], SUFFIXES)
        text = self.texts.find(name, [parts.text], (".txt", ".h5", ".t7"))
        lines = lines_in(text) if text and text.suffix == ".txt" else []
        limit, tokens = self.captions_per_image, self.tokens
        captions = first_captions(lines, where=text, name=name, max_captions=limit, tokens=tokens, missing=missing)
        problem = ""
        if not number:
            problem = f"without a line in {parts.images_txt}"
        elif number not in self.boxes:
            problem = f"without a line in {parts.bounding_boxes}"
        elif path is None:
            known = os.path.isdir(parts.images / PurePosixPath(file).parent)
            problem = (
                f"without an image file in {parts.images}" if known else f"whose class is no folder of {parts.images}"
            )
        elif text and text.suffix != ".txt":
            problem = f"with codes of captions ({text.suffix}) instead of captions (.txt) in {parts.text}"
        elif not captions:
            problem = f"without a caption in {parts.text}"
        else:
            load = partial(load_crop, path, self.boxes[number], self.box_scale)
            return Record(name, PurePosixPath(name).parent.name, captions, load)
        missing.add(f"of the {split} split {problem}", name)
        return None


def _split(data: _Data, test_classes: int, missing: MissingItems) -> tuple[dict[str, list[str]], str]:
    """Names of the images of each split, without duplicates, and what splits them."""
    if data.parts.lists:
        names = {split: names_in(path, parts=2) for split, path in data.parts.lists.items()}
        for split, path in data.parts.lists.items():
            for name in repeated(names[split]):
                missing.note(f"names that {path} repeats", name)
        return {split: list(dict.fromkeys(listed)) for split, listed in names.items()}, "filenames.pickle"
    names_of_all = sorted(data.files)
    check_names(names_of_all, data.parts.images_txt, parts=2)
    classes = sorted({PurePosixPath(name).parent.name for name in names_of_all})
    if not 0 < test_classes < len(classes):
        raise InputError(
            f"{data.parts.images_txt} is split by class, since there is no train/filenames.pickle: test_classes is "
            f"{test_classes}, legal are 1 to {len(classes) - 1}, for {len(classes)} classes"
        )
    held_out = set(classes[-test_classes:])
    splits: dict[str, list[str]] = {"train": [], "test": []}
    for name in names_of_all:
        splits["test" if PurePosixPath(name).parent.name in held_out else "train"].append(name)
    return splits, f"class, since there is no filenames.pickle: the last {test_classes} are tested"


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
