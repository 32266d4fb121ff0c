"""Packed data sets, as every stage after preprocess reads them.

`<split>.000.pixels`, `<split>.001.pixels`, ... hold the images one after the other (uint8, RGB, row major, lossless),
`<split>.images.csv` and `<split>.captions.csv` describe them, `meta.json` holds sizes, counts and digests. Where DAMSM
pretraining reads images of another size, `damsm/` is a second packed data set, of the same training images.
"""

import json
from collections import defaultdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from t2i.errors import InputError

META = "meta.json"
FORMAT = 4
DAMSM_FOLDER = "damsm"
"""Folder of the images of DAMSM pretraining in a pack, and their entry in its meta data."""
_HINT = "run `dvc repro preprocess`"


def digest(folder: Path) -> str:
    """SHA-256 of the meta data, which identifies a pack: they hold the SHA-256 of all other files."""
    _read_meta(folder)
    return sha256((folder / META).read_bytes()).hexdigest()


def pixels_file(folder: Path, split: str, shard: int) -> Path:
    """Path of the pixels of a shard of a split."""
    return folder / f"{split}.{shard:03d}.pixels"


def damsm_folder(folder: Path) -> Path:
    """Where DAMSM pretraining finds its images: in the pack itself, or in a folder of their own there."""
    return folder / DAMSM_FOLDER if DAMSM_FOLDER in _read_meta(folder) else folder


def splits_in(folder: Path) -> list[str]:
    """Names of the splits of a pack, in the order in which they were packed."""
    return list(_read_meta(folder)["splits"])


class PackedSplit:
    """One split of a packed data set. Pixels are memory-mapped at the first access, also after pickling.

    Args:
        folder: the packed data set.
        split: name of the split.

    Attributes:
        images: one row an image: name, class_name, class_id (int, 0..n-1 over all splits), shard (number of the file of
            its pixels), offset (of its first byte there), height, width, then a text column ``true.<attribute>`` for
            each attribute, "" where unknown.
        captions: one row a caption, those of an image in consecutive rows: image (row of `images`), text, then a text
            column ``mentioned.<attribute>`` for each attribute, "" where the caption does not mention it.
        image_size: side of the square that training crops to, in pixels.
        side: short side of the stored images, in pixels.
        attributes: sorted names.
        digest: of the whole pack, all splits.

    Raises:
        InputError: there is no complete pack of the current format, or no such split in it.
    """

    def __init__(self, folder: Path, split: str) -> None:
        meta = _read_meta(folder)
        if split not in meta["splits"]:
            raise InputError(f"pack {folder} has no split {split!r}, only {', '.join(meta['splits'])}: {_HINT}")
        counts = meta["splits"][split]
        self.digest = digest(folder)
        self.image_size: int = meta["image_size"]
        self.side: int = meta["side"]
        self.attributes: list[str] = meta["attributes"]
        self.images = _read_table(folder / f"{split}.images.csv", counts["images"])
        self.captions = _read_table(folder / f"{split}.captions.csv", counts["captions"])
        self._files = [pixels_file(folder, split, shard) for shard in range(len(counts["shards"]))]
        for file, size in zip(self._files, counts["shards"], strict=True):
            if not file.is_file() or file.stat().st_size != size:
                raise InputError(f"{file} is missing or has not the {size} bytes it should: {_HINT}")
        self._shapes = list(zip(self.images["height"].tolist(), self.images["width"].tolist(), strict=True))
        self._locations = list(zip(self.images["shard"].tolist(), self.images["offset"].tolist(), strict=True))
        self._first_captions = np.searchsorted(self.captions["image"].to_numpy(), np.arange(len(self.images) + 1))
        self._pixels: dict[int, np.ndarray] = {}  # shard -> its memory-mapped file

    def __len__(self) -> int:
        return len(self._locations)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pixels": {}}

    def image(self, i: int) -> np.ndarray:
        """Pixels of image i in [0, len(self)): [H, W, 3] uint8, min(H, W) = side; a read-only view, not a copy."""
        (shard, offset), (height, width) = self._locations[i], self._shapes[i]
        if shard not in self._pixels:
            self._pixels[shard] = np.memmap(self._files[shard], dtype=np.uint8, mode="r").view(np.ndarray)
        return self._pixels[shard][offset:][: height * width * 3].reshape(height, width, 3)

    def release(self) -> None:
        """Unmap the pixels until the next access: pages that were read count as memory of the process."""
        self._pixels.clear()

    def captions_of(self, i: int) -> np.ndarray:
        """Rows of `captions` that belong to image i in [0, len(self)): int64, consecutive, at least one."""
        return np.arange(self._first_captions[i], self._first_captions[i + 1])


def _read_meta(folder: Path) -> dict[str, Any]:
    try:
        meta: dict[str, Any] = json.loads((folder / META).read_text(encoding="utf-8"))
        if meta["format"] != FORMAT:
            raise ValueError(f"format {meta['format']}")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{folder} holds no packed data set, or a broken or outdated one: {_HINT}") from error
    return meta


def _read_table(path: Path, rows: int) -> pd.DataFrame:
    """Read a table as it was written: "nan" and "null" are words, not missing values."""
    numbers: dict[str, type] = dict.fromkeys(["class_id", "shard", "offset", "height", "width", "image"], np.int64)
    try:
        table = pd.read_csv(path, dtype=defaultdict(lambda: str, numbers), keep_default_na=False, lineterminator="\n")
        if len(table) != rows:
            raise ValueError(f"{len(table)} rows instead of {rows}")
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise InputError(f"{path} is missing or damaged: {_HINT}") from error
    return table
