"""MS-COCO in its official layout: a JSON file of captions and a folder of images for each split."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

from t2i.data.cub import load_image
from t2i.data.records import Caption, Record, Splits
from t2i.errors import InputError


def read(folder: Path, *, captions_per_image: int) -> Splits:
    """Read the data set, of the year whose captions are there::

        annotations/captions_train2014.json   or 2017
        annotations/captions_val2014.json
        train2014/<image>.jpg
        val2014/<image>.jpg

    Each image is a class of its own: no caption of another image is known to fit it.

    Args:
        folder: where all of this lies.
        captions_per_image: at most so many captions of each image are read, in the order of their ids; at least 1.

    Returns:
        "train" and, from the val files, "test", in the order of the JSON files.

    Raises:
        InputError: something is missing or damaged. An unreadable image is found only by its `load`.
    """
    if captions_per_image < 1:
        raise ValueError(f"captions_per_image must be at least 1, got {captions_per_image}")
    years = [year for year in ("2014", "2017") if (folder / "annotations" / f"captions_train{year}.json").is_file()]
    if not years:
        raise InputError(f"{folder}/annotations has no captions_train2014.json or captions_train2017.json (see README)")
    return {
        split: _read_split(folder, f"{name}{years[0]}", captions_per_image)
        for split, name in (("train", "train"), ("test", "val"))
    }


def _read_split(folder: Path, name: str, captions_per_image: int) -> list[Record]:
    path = folder / "annotations" / f"captions_{name}.json"
    images, annotations = _load(path)
    captions: dict[int, list[Caption]] = {}
    for annotation in sorted(annotations, key=lambda annotation: annotation["id"]):
        text = " ".join(annotation["caption"].split())
        if re.search(r"\w", text.lower(), re.ASCII):
            captions.setdefault(annotation["image_id"], []).append(Caption(text))
    records, absent, silent = [], [], []
    for image in images:
        file = folder / name / image["file_name"]
        if not file.is_file():
            absent.append(image["file_name"])
        elif image["id"] not in captions:
            silent.append(image["file_name"])
        else:
            key = f"{name}/{Path(image['file_name']).stem}"
            some = tuple(captions[image["id"]][:captions_per_image])
            records.append(Record(key, key, some, partial(load_image, file)))
    for problem, names in ((f"have no file in {folder / name}", absent), ("have no caption", silent)):
        if names:
            first = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            raise InputError(f"{len(names)} images of {path} {problem} ({first}): add them or shorten the list")
    if not records:
        raise InputError(f"{path} lists no images: get it again")
    return records


def _load(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Images (id, file_name) and annotations (id, image_id, caption) of a captions file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): put the file there") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: get it again") from error
    wanted = {"images": {"id": int, "file_name": str}, "annotations": {"id": int, "image_id": int, "caption": str}}
    found = []
    for part, types in wanted.items():
        rows = content.get(part) if isinstance(content, dict) else None
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and all(isinstance(row.get(key), kind) for key, kind in types.items()) for row in rows
        ):
            raise InputError(f"{path} must hold {part!r}, a list of objects with {', '.join(types)}: get it again")
        found.append(rows)
    for row in found[0]:
        if Path(row["file_name"]).name != row["file_name"] or not row["file_name"].isprintable():
            raise InputError(
                f"{path} lists the file {row['file_name']!r}, which is no plain file name: correct the list"
            )
    return found[0], found[1]
