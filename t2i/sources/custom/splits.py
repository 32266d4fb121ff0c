"""Rows of captions, whatever their format -> records: an image once, in one split, with all its captions."""

import hashlib
import os
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path, PurePosixPath

from t2i.data.text.tokenizer import Tokens, has_word
from t2i.errors import InputError
from t2i.sources.caption_files import checked_caption, path_problem
from t2i.sources.custom.rows import Row, split_named
from t2i.sources.image_folders import ImageFolders
from t2i.sources.images import load_image
from t2i.sources.missing import MissingItems
from t2i.sources.records import Caption, Record, Splits

_MAX = 100  # characters of a name in a message


@dataclass
class ListedImage:
    """What all rows say of an image.

    Attributes:
        name: path below the folder, composed (NFC), so that its split is the same on every machine.
        file: its path as it is on the disk, or None.
        class_name, split: "" where no row says.
        captions: those that count, each once: two captions of an image are to be two.
        said: "class" or "split" -> place of the row that says it.
    """

    name: str
    file: str | None
    class_name: str = ""
    split: str = ""
    captions: list[Caption] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)


def listed_images(rows: Iterable[Row], folder: Path, tokens: Tokens, missing: MissingItems) -> list[ListedImage]:
    """The images that rows name, however they spell a name, in the order of their first rows.

    Args:
        rows: of one format.
        folder: names are paths below it.
        tokens: rule of words; captions without a word do not count, and are noted.
        missing: takes the notes.

    Raises:
        InputError: a row names what cannot be an image of the folder, contradicts an earlier one, or has a caption
            that is none.
    """
    find = cache(partial(_file, folder=folder, files=ImageFolders()))
    images: dict[str, ListedImage] = {}
    for row in rows:
        if problem := path_problem(row.image):
            shown = repr(row.image[:_MAX])
            raise InputError(f"{row.where} names the image {shown}, which {problem}: write a path below {folder}")
        file = find(row.image)
        key = file or str(PurePosixPath(row.image))
        image = images.setdefault(key, ListedImage(unicodedata.normalize("NFC", key), file))
        image.class_name = _agreed(row, image, "class", image.class_name, row.class_name)
        image.split = _agreed(row, image, "split", image.split, row.split)
        for text in row.captions:
            if has_word(text, tokens):
                caption = checked_caption(text, row.where)
                if caption in image.captions:
                    missing.note("captions that an image has already", image.name)
                else:
                    image.captions.append(caption)
            elif text.strip():
                missing.note("captions without a word", f"{text.strip()[:40]!r} of {image.name}")
    return list(images.values())


def _file(name: str, folder: Path, files: ImageFolders) -> str | None:
    """Path of an image below the folder, as it is on the disk; the name may have white space around its components."""
    stripped = "/".join(component.strip() for component in name.split("/"))
    path = files.find(name, [folder]) or files.find(stripped, [folder])
    return path.relative_to(folder).as_posix() if path else None


def _agreed(row: Row, image: ListedImage, what: str, before: str, now: str) -> str:
    if before and now and before != now:
        raise InputError(
            f"{row.where} gives image {image.name[:_MAX]!r} the {what} {now[:_MAX]!r}, and {image.said[what]} gives it "
            f"{before[:_MAX]!r}: correct one of them"
        )
    if now:
        image.said.setdefault(what, row.where)
    return before or now


def to_splits(
    images: list[ListedImage],
    folder: Path,
    *,
    captions_per_image: int,
    test_share: float,
    tokens: Tokens,
    missing: MissingItems,
) -> Splits:
    """Records of the images that can be used.

    Args:
        images: those listed.
        folder: where they are.
        captions_per_image: further captions are left out and noted.
        test_share: share of the images without a split that become test images.
        tokens: rule of words, for messages.
        missing: takes images without a file or a caption.
    """
    a_word = (
        "a word" if tokens == "unicode" else "a word of ASCII characters (datasets.custom.tokens=unicode reads others)"
    )
    splits: Splits = {"train": [], "test": []}
    for image, split in zip(images, _splits(images, test_share), strict=True):
        if split not in splits:
            missing.note(f"images of the split {split}, since there is a split test", image.name)
        elif image.file is None:
            missing.add(f"of {folder} {_absence(folder / image.name)}", image.name)
        elif not image.captions:
            missing.add(f"of {folder} without a caption that has {a_word}", image.name)
        else:
            for _ in image.captions[captions_per_image:]:
                missing.note(f"captions beyond the first {captions_per_image} of an image", image.name)
            captions = tuple(image.captions[:captions_per_image])
            load = partial(load_image, folder / image.file, upright=True)
            splits[split].append(Record(image.name, image.class_name or image.name, captions, load))
    return splits


def _absence(path: Path) -> str:
    """Why a path is no image file; continues "1 image of <folder>"."""
    if os.path.isdir(path):
        return "that is a folder"
    if os.path.islink(path):
        return "that is a link to nothing"
    return "that is no regular file" if os.path.lexists(path) else "without a file"


def _splits(images: list[ListedImage], test_share: float) -> list[str]:
    """The split of each image: "train", "test", or "val" where there are test images too.

    It is the one that its rows name; else that of its folder, where some images lie in a folder of test or val images
    and others do not; else one by a hash of its name.
    """
    by_folder = ["" if image.split else _split_of_folder(image.name) for image in images]
    if {"test", "val"}.isdisjoint(by_folder) or {"train", ""}.isdisjoint(by_folder):
        by_folder = [""] * len(images)
    named = [image.split or split for image, split in zip(images, by_folder, strict=True)]
    if "test" not in named:
        named = ["test" if split == "val" else split for split in named]
    return [split or hashed_split(image.name, test_share) for image, split in zip(images, named, strict=True)]


def _split_of_folder(name: str) -> str:
    """The split that the topmost folder of a path is named after, below "data" or "images" if it is in there."""
    folders = PurePosixPath(name).parts[:-1]
    if folders and folders[0].lower() in ("data", "images"):
        folders = folders[1:]
    return (split_named(folders[0]) if folders else None) or ""


def hashed_split(name: str, test_share: float) -> str:
    """The split of an image as a function of its name alone: "test" for a share of ``test_share`` of all names."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return "test" if number < test_share * 2**64 else "train"
