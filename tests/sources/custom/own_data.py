"""Folders of pictures and captions that the tests of own data read."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from PIL import Image

from t2i.sources import custom
from t2i.sources.missing import MissingItems
from t2i.sources.records import Splits


def picture(path: Path) -> Path:
    """Make a small picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 6)).save(path, "PNG")
    return path


def pictures(folder: Path, *names: str) -> Path:
    """Make small pictures; returns their folder."""
    for name in names:
        picture(folder / name)
    return folder


def write_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read(folder: Path, missing_items: MissingItems | None = None, captions_per_image: int = 10) -> Splits:
    """Read a folder."""
    return custom.read(folder, captions_per_image=captions_per_image, test_share=0.3, missing_items=missing_items)


def captions(folder: Path, missing_items: MissingItems | None = None) -> dict[str, list[str]]:
    """Name of each image of a folder -> its captions."""
    splits = read(folder, missing_items)
    return {
        record.name: [caption.text for caption in record.captions] for records in splits.values() for record in records
    }


def classes(folder: Path) -> dict[str, str]:
    """Name of each image of a folder -> its class."""
    return {record.name: record.class_name for records in read(folder).values() for record in records}
