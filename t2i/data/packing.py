"""Packed data sets: a few large files a split instead of an image file each, so that training decodes nothing.

`<split>.pixels` holds the images one after the other (uint8, RGB, row major, lossless), `<split>.images.csv` and
`<split>.captions.csv` say what they show, `meta.json` how they were made. Equal records give equal bytes.
"""

import json
import multiprocessing
import shutil
import signal
from collections import defaultdict
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from t2i.data.records import Record, Splits
from t2i.errors import InputError

_META = "meta.json"
_FORMAT = 1
_MOST_PIXELS = 2**27  # of a resized image; only absurdly long and thin pictures have more
_CHUNK, _WINDOW = 4, 64  # images that a worker takes at a time; images for each worker that may be in memory at once
_AGAIN = "run `dvc repro preprocess`"


def pack(splits: Splits, folder: Path, *, image_size: int, resize_ratio: float, processes: int) -> dict[str, Any]:
    """Write all splits into a folder; an older pack there is replaced once the new one is complete.

    Args:
        splits: the records; no split may be empty, and names must be unique over all of them.
        folder: where to write; must not exist, or be empty, or hold a pack.
        image_size: side of the square that training crops to, in pixels, at least 1.
        resize_ratio: at least 1; the short side of each image becomes ``round(image_size * resize_ratio)`` pixels.
        processes: workers that decode and resize; 1 does all in this process. No byte depends on it.

    Returns:
        The meta data: sizes, attributes, number of classes, and the number of images, captions and bytes of each split.

    Raises:
        InputError: a record cannot be packed, the disk is too small, or `folder` holds something else.
    """
    for name, value in (("image_size", image_size), ("resize_ratio", resize_ratio), ("processes", processes)):
        if not value >= 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    side = round(image_size * resize_ratio)
    _check_records(splits)
    _check_folder(folder, least_bytes=sum(map(len, splits.values())) * side * side * 3)
    meta: dict[str, Any] = {"format": _FORMAT, "image_size": image_size, "resize_ratio": resize_ratio, "side": side}
    part, old = (folder.with_name(folder.name + suffix) for suffix in (".part", ".old"))
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        meta |= _write_splits(splits, part, side, processes)
        (part / _META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
    except BaseException as error:  # also on Ctrl-C
        shutil.rmtree(part, ignore_errors=True)
        if old.exists() and not folder.exists():
            old.rename(folder)
        if isinstance(error, OSError):  # those of reading images are InputErrors by now
            raise InputError(f"{folder} cannot be written ({error}): make room or choose another folder") from error
        raise
    shutil.rmtree(old, ignore_errors=True)
    return meta


def splits_in(folder: Path) -> list[str]:
    """Names of the splits of a pack, in the order they were packed in."""
    return list(_read_meta(folder)["splits"])


class Pack:
    """One split of a pack; pixels are memory-mapped at the first access, in each process that this is pickled to.

    Attributes:
        images: one row an image: name, class_name, class_id (int, 0..n-1 over all splits), offset (of its first byte),
            height, width, then a text column ``is.<attribute>`` for each attribute, "" where nobody knows.
        captions: one row a caption, those of an image side by side: image (row of `images`), text, then a text column
            ``says.<attribute>`` for each attribute, "" where it says nothing.
        image_size, side: of the square that training crops to, and short side of the stored images, in pixels.
        attributes: sorted names.
    """

    def __init__(self, folder: Path, split: str) -> None:
        meta = _read_meta(folder)
        if split not in meta["splits"]:
            raise InputError(f"pack {folder} has no split {split!r}, only {', '.join(meta['splits'])}: {_AGAIN}")
        counts = meta["splits"][split]
        self.image_size: int = meta["image_size"]
        self.side: int = meta["side"]
        self.attributes: list[str] = meta["attributes"]
        self.images = _read_table(folder / f"{split}.images.csv", counts["images"])
        self.captions = _read_table(folder / f"{split}.captions.csv", counts["captions"])
        self._path = folder / f"{split}.pixels"
        if not self._path.is_file() or self._path.stat().st_size != counts["bytes"]:
            raise InputError(f"{self._path} is missing or has not the {counts['bytes']} bytes it should: {_AGAIN}")
        self._shapes = list(zip(self.images["height"].tolist(), self.images["width"].tolist(), strict=True))
        self._offsets: list[int] = self.images["offset"].tolist()
        self._first_captions = np.searchsorted(self.captions["image"].to_numpy(), np.arange(len(self.images) + 1))
        self._pixels: np.ndarray | None = None

    @classmethod
    def open(cls, folder: Path, split: str) -> "Pack":
        """Open a split; InputError if there is no complete pack, or no such split in it."""
        return cls(folder, split)

    def __len__(self) -> int:
        return len(self._offsets)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_pixels": None}

    def image(self, i: int) -> np.ndarray:
        """Pixels of image i in [0, len(self)): [H, W, 3] uint8, min(H, W) = side; a read-only view, no copy."""
        if self._pixels is None:
            self._pixels = np.memmap(self._path, dtype=np.uint8, mode="r").view(np.ndarray)
        height, width = self._shapes[i]
        return self._pixels[self._offsets[i] :][: height * width * 3].reshape(height, width, 3)

    def captions_of(self, i: int) -> np.ndarray:
        """Rows of `captions` that belong to image i in [0, len(self)): int64, contiguous, at least one."""
        return np.arange(self._first_captions[i], self._first_captions[i + 1])


def _write_splits(splits: Splits, folder: Path, side: int, processes: int) -> dict[str, Any]:
    """Write pixels and tables of all splits; returns what the meta data says of them."""
    records = list(chain(*splits.values()))
    class_ids = {name: i for i, name in enumerate(sorted({record.class_name for record in records}))}
    attributes = sorted({a for r in records for a in chain(r.attributes, *(caption.says for caption in r.captions))})
    counts: dict[str, dict[str, int]] = {}
    with closing(_prepare_all(records, side, processes)) as arrays, tqdm(total=len(records), desc="packing") as bar:
        for split in splits:
            images, captions = [], []
            with open(folder / f"{split}.pixels", "wb") as file:
                for row, record in enumerate(splits[split]):
                    pixels = next(arrays)
                    what = [record.name, record.class_name, class_ids[record.class_name]]
                    true = [record.attributes.get(a, "") for a in attributes]
                    images.append([*what, file.tell(), *pixels.shape[:2], *true])
                    file.write(pixels.data)
                    for caption in record.captions:
                        text = " ".join(caption.text.splitlines())
                        captions.append([row, text, *(caption.says.get(a, "") for a in attributes)])
                    bar.update()
                counts[split] = {"images": len(images), "captions": len(captions), "bytes": file.tell()}
            columns = ["name", "class_name", "class_id", "offset", "height", "width", *(f"is.{a}" for a in attributes)]
            pd.DataFrame(images, columns=columns).to_csv(
                folder / f"{split}.images.csv", index=False, lineterminator="\n"
            )
            table = pd.DataFrame(captions, columns=["image", "text", *(f"says.{a}" for a in attributes)])
            table.to_csv(folder / f"{split}.captions.csv", index=False, lineterminator="\n")
    return {"classes": len(class_ids), "attributes": attributes, "splits": counts}


def _prepare_all(records: Sequence[Record], side: int, processes: int) -> Generator[np.ndarray, None, None]:
    """Yield the pixels of each record in order, with few of them in memory at a time."""
    prepare = partial(_prepare, side=side)
    if processes == 1:
        yield from map(prepare, records)
        return
    context = multiprocessing.get_context("spawn")  # this process may have threads by now (torch), so it must not fork
    # Ctrl-C is for this process, which then stops the workers.
    executor = ProcessPoolExecutor(processes, context, signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        for start in range(0, len(records), _WINDOW * processes):
            yield from executor.map(prepare, records[start : start + _WINDOW * processes], chunksize=_CHUNK)
    except BrokenProcessPool as error:
        raise InputError("a worker process was killed, maybe for want of memory: use fewer processes") from error
    finally:
        executor.shutdown(cancel_futures=True)


def _prepare(record: Record, side: int) -> np.ndarray:
    """Load an image and bring its short side to `side` pixels: [H, W, 3] uint8."""
    try:
        image = record.load().convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise InputError(f"image {record.name!r} cannot be read ({error}): replace it or take it out") from error
    short, long = sorted(image.size)
    if short == 0 or side * side * long > _MOST_PIXELS * short:
        raise InputError(f"image {record.name!r} has an unusable shape ({image.width} x {image.height}): take it out")
    if short != side:
        width, height = (round(length * side / short) for length in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def _check_records(splits: Splits) -> None:
    """Refuse what could not be packed, or not be read back as it was."""
    seen: set[str] = set()
    for split, records in splits.items():
        if not records:
            raise InputError(f"split {split!r} of the data set has no images: give it some")
        for record in records:
            where = f"image {record.name!r} of split {split!r}"
            if record.name in seen:
                raise InputError(f"{where} is in the data set twice: take one out")
            seen.add(record.name)
            if not record.captions or not all(caption.text.strip() for caption in record.captions):
                raise InputError(f"{where} has no caption, or an empty one: write one or take it out")
            text = "".join([record.name, record.class_name, *(caption.text for caption in record.captions)])
            if "\0" in text or text.encode("utf-8", "ignore").decode("utf-8") != text:
                raise InputError(f"{where} has a NUL or half a character in its captions or name: correct it")


def _check_folder(folder: Path, least_bytes: int) -> None:
    """Refuse to replace what is no pack, and to start what cannot end."""
    if folder.exists() and not (folder / _META).is_file() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists and is no packed data set: move it away or choose another folder")
    free = shutil.disk_usage(next(parent for parent in folder.absolute().parents if parent.exists())).free
    if free < least_bytes:
        need = f"packing needs {least_bytes / 1e6:,.1f} MB or more and has {free / 1e6:,.1f} MB"
        raise InputError(f"{need} on the disk of {folder}: free some space or lower image_size")


def _read_meta(folder: Path) -> dict[str, Any]:
    try:
        meta: dict[str, Any] = json.loads((folder / _META).read_text(encoding="utf-8"))
        if meta["format"] != _FORMAT:
            raise ValueError(f"format {meta['format']}")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{folder} holds no packed data set, or a broken or outdated one: {_AGAIN}") from error
    return meta


def _read_table(path: Path, rows: int) -> pd.DataFrame:
    """Read a table as it was written: "nan" and "null" are words like others."""
    numbers: dict[str, type] = dict.fromkeys(["class_id", "offset", "height", "width", "image"], np.int64)
    try:
        table = pd.read_csv(path, dtype=defaultdict(lambda: str, numbers), keep_default_na=False, lineterminator="\n")
        if len(table) != rows:
            raise ValueError(f"{len(table)} rows instead of {rows}")
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise InputError(f"{path} is missing or damaged: {_AGAIN}") from error
    return table
