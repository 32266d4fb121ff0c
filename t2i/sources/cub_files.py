"""Where the parts of CUB-200-2011 lie on people's disks, and what its tables hold."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from os.path import splitext
from pathlib import Path

from t2i.errors import InputError

Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels."""

_MAX_COORDINATE = 10**6  # pixels; larger numbers in bounding_boxes.txt are damage
_BIRDS = ("CUB_200_2011", "CUB_200_2011/CUB_200_2011", "")  # where the photographs' own files are; best first
_CAPTIONS = ("", "CUB_200_2011", "CUB_200_2011/CUB_200_2011")  # and what was added to them
_ARCHIVES = tuple(f"CUB_200_2011.{suffix}" for suffix in ("tgz", "tar.gz", "tar", "zip"))


@dataclass(frozen=True)
class Parts:
    """Folders and files of the data set.

    Attributes:
        images: folder of images.
        text: folder of captions.
        images_txt: number and file of each image.
        bounding_boxes: number and box of each image.
        lists: names of the images of each split; empty if neither list is there.
    """

    images: Path
    text: Path
    images_txt: Path
    bounding_boxes: Path
    lists: dict[str, Path]


def find_parts(folder: Path) -> Parts:
    """Find each part where it should be, or else one level further up or down.

    ``CUB_200_2011`` may be unpacked twice or not at all, and archives may be unpacked each into a folder of its own.

    Raises:
        InputError: a part is missing, or in several of the other places.
    """
    if not folder.is_dir():
        raise InputError(f"folder {folder} is missing: put CUB-200-2011 and its captions there (see docs/data.md)")
    lists = {split: _find(folder, _CAPTIONS, [f"{split}/filenames.pickle"]) for split in ("train", "test")}
    return Parts(
        _required(folder, _BIRDS, ["images"]),
        _required(folder, _CAPTIONS, ["text", "text_c10"]),
        _required(folder, _BIRDS, ["images.txt"]),
        _required(folder, _BIRDS, ["bounding_boxes.txt"]),
        {split: path or folder / split / "filenames.pickle" for split, path in lists.items()}
        if any(lists.values())
        else {},
    )


def _required(folder: Path, roots: Sequence[str], names: Sequence[str]) -> Path:
    if path := _find(folder, roots, names):
        return path
    usual = folder / roots[0] / names[0]
    packed = _ARCHIVES if roots is _BIRDS else ("text.zip", "birds.zip")
    archives = [path for place in ("", "*/") for name in packed for path in sorted(folder.glob(place + name))]
    way_out = f"unpack {archives[0]}" if archives else "put CUB-200-2011 and its captions there"
    raise InputError(f"{'' if usual.suffix else 'folder '}{usual} is missing: {way_out} (see docs/data.md)")


def _find(folder: Path, roots: Sequence[str], names: Sequence[str]) -> Path | None:
    """The first place of a part in a folder, or else the one in the folders in it."""
    inner = [path for path in sorted(folder.glob("*/")) if path.name not in ("CUB_200_2011", "images", "text")]
    for places in ([folder], inner):
        found = [path for place in places if (path := _first(place, roots, names))]
        if len(found) > 1:
            raise InputError(
                f"{folder} has {names[0]} in several places ({', '.join(map(str, found))}): keep one of them"
            )
        if found:
            return found[0]
    return None


def _first(folder: Path, roots: Sequence[str], names: Sequence[str]) -> Path | None:
    paths = (folder / root / name for root in roots for name in names)
    return next((path for path in paths if (os.path.isfile if path.suffix else os.path.isdir)(path)), None)


def image_files(path: Path) -> dict[str, tuple[str, str]]:
    """Name without suffix -> number and file of each image of images.txt.

    Raises:
        InputError: the file is missing or damaged, or gives one image two numbers.
    """
    files: dict[str, tuple[str, str]] = {}
    for number, file in _table(path, columns=2):
        if files.setdefault(splitext(file)[0], (number, file)) != (number, file):
            raise InputError(f"{path} lists {splitext(file)[0]} twice: take one of the lines out")
    return files


def bounding_boxes(path: Path) -> dict[str, Box]:
    """Number of an image -> its box in bounding_boxes.txt, truncated to whole pixels as in the published code.

    Raises:
        InputError: the file is missing or damaged, or gives one image two boxes.
    """
    boxes: dict[str, Box] = {}
    for number, *sides in _table(path, columns=5):
        try:
            left, top, width, height = (int(float(side)) for side in sides)
        except (ValueError, OverflowError) as error:
            raise InputError(f"image {number} of {path} has no valid box ({' '.join(sides)}): correct it") from error
        if min(width, height) <= 0 or max(abs(left), abs(top), width, height) > _MAX_COORDINATE:
            raise InputError(f"image {number} of {path} has an impossible box ({' '.join(sides)}): correct it")
        if boxes.setdefault(number, (left, top, width, height)) != (left, top, width, height):
            raise InputError(f"image {number} of {path} has two boxes: take one of the lines out")
    return boxes


def _table(path: Path, columns: int) -> list[list[str]]:
    """Rows of a text file with columns separated by white space; the last column may contain some."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): put the file there") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no UTF-8 text: save it as such") from error
    rows = [line.strip().split(maxsplit=columns - 1) for line in lines if line.strip()]
    for row in rows:
        if len(row) != columns:
            raise InputError(f"{path} has a line without its {columns} columns ({' '.join(row)!r}): get it again")
    return rows
