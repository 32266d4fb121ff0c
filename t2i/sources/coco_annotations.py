"""MS-COCO's files of captions: JSON with a list of images and a list of annotations."""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from t2i.errors import InputError
from t2i.sources.caption_files import path_problem

_KINDS = {int: "a whole number", str: "text"}
_COLUMNS: dict[str, dict[str, type]] = {
    "images": {"id": int, "file_name": str}, "annotations": {"id": int, "image_id": int, "caption": str},
}  # fmt: skip


@dataclass(frozen=True)
class Annotations:
    """A file of captions.

    Attributes:
        path: of the file.
        images: number and file name of each image, in the order of the numbers; a name may be listed twice.
        captions: number of an image -> its captions, in the order of their own numbers.
    """

    path: Path
    images: list[tuple[int, str]]
    captions: dict[int, list[str]]


def load_annotations(path: Path) -> Annotations:
    """Read a file of captions.

    Raises:
        InputError: it is missing, damaged or of another form; names the entry.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): put the file there") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: get it again") from error
    images, annotations = (_table(path, content, key) for key in _COLUMNS)
    for row in images:
        if problem := path_problem(row["file_name"]):
            raise InputError(f"{path} lists the file {row['file_name'][:100]!r}, which {problem}: correct it")
    captions: dict[int, list[str]] = {}
    for row in sorted(annotations, key=lambda row: row["id"]):
        captions.setdefault(row["image_id"], []).append(row["caption"])
    return Annotations(path, sorted((row["id"], row["file_name"]) for row in images), captions)


def _table(path: Path, content: Any, key: str) -> list[dict[str, Any]]:
    rows = content.get(key) if isinstance(content, dict) else None
    if not isinstance(rows, list):
        columns = ", ".join(_COLUMNS[key])
        raise InputError(f"{path} must hold {key!r}, a list of objects with {columns}: get it again")
    for number, row in enumerate(rows, 1):
        if key == "images" and isinstance(row, dict) and not row.get("file_name"):
            row["file_name"] = _name_in_url(row.get("coco_url"))
        for column, kind in _COLUMNS[key].items():
            value = row.get(column) if isinstance(row, dict) else None
            if type(value) is not kind:
                shown = f"lacks {column}" if value is None else f"has {repr(value)[:60]} as {column}"
                raise InputError(
                    f"entry {number} of {key!r} in {path} {shown}, which must be {_KINDS[kind]}: correct it"
                )
    return rows


def _name_in_url(url: object) -> str | None:
    """Folder and file, such as train2017/000000000009.jpg, at the end of an address, as files without names have it."""
    parts = PurePosixPath(urlsplit(url).path).parts if isinstance(url, str) else ()
    return "/".join(parts[-2:]).lstrip("/") or None
