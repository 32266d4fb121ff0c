"""The user's own data set: a folder of images and one table of captions."""

import csv
import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from t2i.errors import InputError
from t2i.sources.caption_files import MAX_CHARACTERS, checked_caption, has_word, is_safe_name
from t2i.sources.images import load_image
from t2i.sources.missing import MissingItems
from t2i.sources.records import Caption, Record, Splits

REQUIRED_COLUMNS, OPTIONAL_COLUMNS = ("image", "caption"), ("class", "split")
MAX_DEPTH = 8
"""Largest number of path components in the name of an image."""


def read(
    folder: Path, *, captions_per_image: int, test_share: float, missing_items: MissingItems | None = None
) -> Splits:
    """Read ``captions.csv`` or ``captions.jsonl`` and the images it names, relative to ``folder``.

    One row, or one JSON object a line, is one caption: image, caption, and optionally class and split. An image with
    several captions has several rows. An image without a class is a class of its own; captions of one class do not
    count as mismatched for each other's images. An image without a split (train or test) gets one from a hash of its
    name, so that adding images moves no other. Images are rotated as their EXIF orientation says.

    Args:
        folder: holds the table and the images.
        captions_per_image: read at most this many captions of each image, in the order of the table; at least 1. An
            image may have fewer.
        test_share: share of the images without a split that become test images, above 0 and below 1.
        missing_items: what to do with images that are listed but missing; default: refuse the data set.

    Returns:
        "train" and "test", in the order of the table.

    Raises:
        InputError: a file is missing or damaged. An unreadable image only fails in its `load`.
    """
    if captions_per_image < 1 or not 0 < test_share < 1:
        raise ValueError(
            "captions_per_image must be at least 1 and test_share between 0 and 1, "
            f"got {captions_per_image} and {test_share}"
        )
    tables = [folder / name for name in ("captions.csv", "captions.jsonl") if (folder / name).is_file()]
    if len(tables) != 1:
        raise InputError(f"{folder} must hold captions.csv or captions.jsonl, one of both (see docs/data.md)")
    captions: dict[str, list[Caption]] = {}
    declared: dict[str, tuple[str, str]] = {}  # class and split of each image
    for where, row in _rows(tables[0]):
        name = row["image"]
        if not any(is_safe_name(name, parts) for parts in range(1, MAX_DEPTH + 1)):
            raise InputError(f"{where} names the image {name[:100]!r}, which is no path below {folder}: correct it")
        if row["split"] not in ("", "train", "test"):
            raise InputError(f"{where} has the split {row['split'][:40]!r}; legal are train, test, or nothing")
        if declared.setdefault(name, (row["class"], row["split"])) != (row["class"], row["split"]):
            raise InputError(f"{where} gives image {name!r} another class or split than an earlier row: correct it")
        of_image = captions.setdefault(name, [])
        if has_word(row["caption"]) and len(of_image) < captions_per_image:
            of_image.append(checked_caption(row["caption"], tables[0]))
    splits: Splits = {"train": [], "test": []}
    with (missing_items or MissingItems()).raise_unless_skipping() as missing:
        for name, (class_name, split) in declared.items():
            if not (folder / name).is_file():
                missing.add(f"of {tables[0]} without a file", name)
            elif not captions[name]:
                missing.add(f"of {tables[0]} without a caption that has a word", name)
            else:
                load = partial(load_image, folder / name, upright=True)
                record = Record(name, class_name or name, tuple(captions[name]), load)
                splits[split or hashed_split(name, test_share)].append(record)
    return splits


def hashed_split(name: str, test_share: float) -> str:
    """The split of an image as a function of its name alone: "test" for a share of ``test_share`` of all names."""
    number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    return "test" if number < test_share * 2**64 else "train"


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Position (for messages) and content of each row, completed to `REQUIRED_COLUMNS` and `OPTIONAL_COLUMNS`."""
    csv.field_size_limit(100 * MAX_CHARACTERS)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix == ".csv":
                reader = csv.DictReader(file)
                _check_columns(path, list(reader.fieldnames or []))
                rows: Iterator[object] = iter(reader)
            else:
                rows = (json.loads(line) for line in file if line.strip())
            for number, row in enumerate(rows, 1):
                where = f"row {number} of {path}"
                if not isinstance(row, dict):
                    raise InputError(f"{where} is no object with {', '.join(REQUIRED_COLUMNS)}: correct it")
                if path.suffix == ".jsonl":
                    _check_columns(where, list(row))
                content = {key: row.get(key) or "" for key in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)}
                if not all(isinstance(value, str) for value in content.values()) or not content["image"]:
                    raise InputError(f"{where} must have text in image and caption: correct it")
                yield where, content
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({str(error)[:100]}): it must be UTF-8 {path.suffix[1:]}") from error


def _check_columns(where: object, columns: list[str]) -> None:
    unknown = [str(column) for column in columns if column not in (*REQUIRED_COLUMNS, *OPTIONAL_COLUMNS)]
    lacking = [column for column in REQUIRED_COLUMNS if column not in columns]
    if unknown or lacking:
        problem = f"lacks {', '.join(lacking)}" if lacking else f"has {', '.join(unknown)[:100]}"
        legal = f"{', '.join(REQUIRED_COLUMNS)} and optionally {', '.join(OPTIONAL_COLUMNS)}"
        raise InputError(f"{where} {problem}; legal are {legal}")
