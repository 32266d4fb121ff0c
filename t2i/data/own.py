"""Anyone's own data set: a folder of images and one table of captions."""

import csv
import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from t2i.data.gaps import Gaps
from t2i.data.images import load_image
from t2i.data.listing import MOST_CHARACTERS, caption_of, has_word, is_plain
from t2i.data.records import Caption, Record, Splits
from t2i.errors import InputError

NEEDED, OPTIONAL = ("image", "caption"), ("class", "split")
_DEEPEST = 8  # folders that an image may lie in


def read(folder: Path, *, captions_per_image: int, test_share: float, gaps: Gaps | None = None) -> Splits:
    """Read ``captions.csv`` or ``captions.jsonl`` and the images it names, relative to ``folder``.

    One row, or one JSON object a line, is one caption: image, caption, and if you like class and split. An image with
    several captions has several rows. Without a class each image is one of its own; captions of one class do not count
    as wrong for each other's images. Without a split (train or test), images go to the test split by a hash of their
    name, so that adding images moves no other. Pictures are turned upright as their EXIF data say.

    Args:
        captions_per_image: at most so many captions of each image are read, in the order of the table; at least 1. An
            image that has fewer keeps what it has.
        test_share: of the images without a split that go to the test split, above 0 and below 1.
        gaps: what to do with images that are listed and not there; default: refuse.

    Returns:
        "train" and "test", in the order of the table.

    Raises:
        InputError: something is missing or damaged. An unreadable image is found only by its `load`.
    """
    if captions_per_image < 1 or not 0 < test_share < 1:
        raise ValueError(f"captions_per_image is {captions_per_image} and test_share {test_share}; see above")
    tables = [folder / name for name in ("captions.csv", "captions.jsonl") if (folder / name).is_file()]
    if len(tables) != 1:
        raise InputError(f"{folder} must hold captions.csv or captions.jsonl, one of both (see README)")
    captions: dict[str, list[Caption]] = {}
    told: dict[str, tuple[str, str]] = {}  # class and split of each image
    for where, row in _rows(tables[0]):
        name = row["image"]
        if not any(is_plain(name, parts) for parts in range(1, _DEEPEST + 1)):
            raise InputError(f"{where} names the image {name[:100]!r}, which is no path below {folder}: correct it")
        if row["split"] not in ("", "train", "test"):
            raise InputError(f"{where} has the split {row['split'][:40]!r}; legal are train, test, or nothing")
        if told.setdefault(name, (row["class"], row["split"])) != (row["class"], row["split"]):
            raise InputError(f"{where} gives image {name!r} another class or split than an earlier row: correct it")
        known = captions.setdefault(name, [])
        if has_word(row["caption"]) and len(known) < captions_per_image:
            known.append(caption_of(row["caption"], tables[0]))
    splits: Splits = {"train": [], "test": []}
    with (gaps or Gaps()).settled() as missing:
        for name, (class_name, split) in told.items():
            if not (folder / name).is_file():
                missing.add(f"of {tables[0]} without a file", name)
            elif not captions[name]:
                missing.add(f"of {tables[0]} without a caption that has a word", name)
            else:
                load = partial(load_image, folder / name, upright=True)
                record = Record(name, class_name or name, tuple(captions[name]), load)
                splits[split or _drawn(name, test_share)].append(record)
    return splits


def _drawn(name: str, test_share: float) -> str:
    """The split of an image, from its name alone."""
    number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    return "test" if number < test_share * 2**64 else "train"


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and content of each row, all of `NEEDED` and `OPTIONAL` in it."""
    csv.field_size_limit(100 * MOST_CHARACTERS)
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
                    raise InputError(f"{where} is no object with {', '.join(NEEDED)}: correct it")
                if path.suffix == ".jsonl":
                    _check_columns(where, list(row))
                content = {key: row.get(key) or "" for key in (*NEEDED, *OPTIONAL)}
                if not all(isinstance(value, str) for value in content.values()) or not content["image"]:
                    raise InputError(f"{where} must have text in image and caption: correct it")
                yield where, content
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({str(error)[:100]}): it must be UTF-8 {path.suffix[1:]}") from error


def _check_columns(where: object, columns: list[str]) -> None:
    unknown = [str(column) for column in columns if column not in (*NEEDED, *OPTIONAL)]
    lacking = [column for column in NEEDED if column not in columns]
    if unknown or lacking:
        problem = f"lacks {', '.join(lacking)}" if lacking else f"has {', '.join(unknown)[:100]}"
        raise InputError(f"{where} {problem}; legal are {', '.join(NEEDED)} and, if you like, {', '.join(OPTIONAL)}")
