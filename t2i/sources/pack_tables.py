"""Tables and meta data of a packed data set that is being written."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from t2i.data.packed import FORMAT, META
from t2i.sources.records import Record
from t2i.sources.shard_writer import Shape


class PackTables:
    """Collects what is in the files of pixels of a pack, split by split.

    Args:
        folder: of the pack.
        image_size: side of the square that training crops to, in pixels.
        side: short side of the images, in pixels.
        attributes: names of the attributes of images and captions.
    """

    def __init__(self, folder: Path, image_size: int, side: int, attributes: list[str]) -> None:
        self.folder, self.image_size, self.side, self.attributes = folder, image_size, side, attributes
        self.splits: dict[str, dict[str, Any]] = {}
        self.digests: dict[str, str] = {}
        self._begin_split()

    def _begin_split(self) -> None:
        self.images: list[list[Any]] = []  # rows
        self.captions: list[list[Any]] = []
        self.shards: list[int] = []  # bytes of each file of pixels

    def begin_shard(self, file: Path, digest: str) -> None:
        """The images that are added from now on are in this file."""
        self.digests[file.name] = digest
        self.shards.append(0)

    def add(self, record: Record, class_id: int, shape: Shape) -> None:
        """Add an image with its captions."""
        labels = [record.name, record.class_name, class_id]
        true = [record.attributes.get(a, "") for a in self.attributes]
        self.images.append([*labels, len(self.shards) - 1, self.shards[-1], *shape, *true])
        self.shards[-1] += 3 * shape[0] * shape[1]
        for caption in record.captions:
            text = " ".join(caption.text.splitlines())
            mentioned = [caption.mentioned.get(a, "") for a in self.attributes]
            self.captions.append([len(self.images) - 1, text, *mentioned])

    def end_split(self, split: str) -> None:
        """Write the tables of images and captions."""
        columns = ["name", "class_name", "class_id", "shard", "offset", "height", "width"]
        mentioned = [f"mentioned.{a}" for a in self.attributes]
        tables = {
            "images": pd.DataFrame(self.images, columns=[*columns, *(f"true.{a}" for a in self.attributes)]),
            "captions": pd.DataFrame(self.captions, columns=["image", "text", *mentioned]),
        }
        for name, table in tables.items():
            path = self.folder / f"{split}.{name}.csv"
            table.to_csv(path, index=False, lineterminator="\n")
            self.digests[path.name] = sha256(path.read_bytes()).hexdigest()
        self.splits[split] = {"images": len(self.images), "captions": len(self.captions), "shards": self.shards}
        self._begin_split()

    def write_meta(self, resize_ratio: float, classes: int, **more: Any) -> dict[str, Any]:
        """Write and return the meta data."""
        meta = {
            "format": FORMAT, "image_size": self.image_size, "resize_ratio": resize_ratio, "side": self.side,
            "classes": classes, "attributes": self.attributes, "splits": self.splits, "sha256": self.digests, **more,
        }  # fmt: skip
        (self.folder / META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
        return meta
