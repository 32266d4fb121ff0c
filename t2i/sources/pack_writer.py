"""Writes packed data sets (see `t2i.data.packed`): a few large files for each split instead of one file for each image,
so that training decodes nothing. Equal records give equal bytes.
"""

import json
import shutil
from contextlib import closing
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from t2i.data.packed import FORMAT, META, pixels_file
from t2i.errors import InputError
from t2i.sources.missing import MissingItems
from t2i.sources.records import Splits
from t2i.sources.shard_writer import Shard, write_shards

SHARD = 256
"""Images in a file of pixels, which one worker writes as a whole."""


def pack(
    splits: Splits,
    folder: Path,
    *,
    image_size: int,
    resize_ratio: float,
    processes: int,
    missing_items: MissingItems | None = None,
) -> dict[str, Any]:
    """Write all splits into a folder; an older pack there is replaced once the new one is complete.

    Args:
        splits: the records; no split may be empty, and names must be unique over all of them.
        folder: where to write; must not exist, or be empty, or hold a pack.
        image_size: side of the square that training crops to, in pixels, at least 1.
        resize_ratio: at least 1; the short side of each image becomes ``round(image_size * resize_ratio)`` pixels.
        processes: number of worker processes that decode and resize; 1 does all in this process. No byte depends on it.
        missing_items: what to do with unreadable images; default: refuse the data set at the first one.

    Returns:
        The meta data: sizes, attributes, number of classes; for each split the numbers of images and captions and the
        bytes of each file of pixels; the SHA-256 of each file.

    Raises:
        InputError: a record cannot be packed, the disk is too small, or `folder` holds something else.
    """
    for name, value in (("image_size", image_size), ("resize_ratio", resize_ratio), ("processes", processes)):
        if not value >= 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    side, missing = round(image_size * resize_ratio), missing_items or MissingItems()
    part, old = (folder.with_name(folder.name + suffix) for suffix in (".part", ".old"))
    shutil.rmtree(part, ignore_errors=True)  # of a process that was killed; its room counts as free
    _check_records(splits, missing)
    _check_folder(folder, min_bytes(splits, side))
    meta: dict[str, Any] = {"format": FORMAT, "image_size": image_size, "resize_ratio": resize_ratio, "side": side}
    try:
        part.mkdir(parents=True)
        meta |= _write_splits(splits, part, side, processes, missing)
        (part / META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
    except BaseException as error:  # including KeyboardInterrupt
        shutil.rmtree(part, ignore_errors=True)
        if old.exists() and not folder.exists():
            old.rename(folder)
        if isinstance(error, OSError):  # unreadable images are InputErrors already
            raise InputError(f"{folder} cannot be written ({error}): make room or choose another folder") from error
        raise
    shutil.rmtree(old, ignore_errors=True)
    return meta


def min_bytes(splits: Splits, side: int) -> int:
    """Bytes of all pixels if every image is a square of ``side`` pixels; other shapes take more."""
    return sum(map(len, splits.values())) * side * side * 3


def _write_splits(
    splits: Splits, folder: Path, side: int, processes: int, missing_items: MissingItems
) -> dict[str, Any]:
    """Write pixels and tables of all splits; returns their part of the meta data."""
    records = list(chain(*splits.values()))
    class_ids = {name: i for i, name in enumerate(sorted({record.class_name for record in records}))}
    attributes = sorted(
        {a for r in records for a in chain(r.attributes, *(caption.mentioned for caption in r.captions))}
    )
    stop = missing_items.on_missing == "error"
    shards = {
        split: [
            Shard(pixels_file(folder, split, number), of_split[start : start + SHARD], side, stop)
            for number, start in enumerate(range(0, len(of_split), SHARD))
        ]
        for split, of_split in splits.items()
    }
    counts: dict[str, dict[str, Any]] = {}
    digests: dict[str, str] = {}
    written = write_shards(list(chain(*shards.values())), processes)
    with closing(written), tqdm(total=len(records), desc="packing") as bar:
        for split in splits:
            images, captions, sizes = [], [], []
            for number, shard in enumerate(shards[split]):
                shapes, digests[shard.file.name] = next(written)
                bar.update(len(shapes))
                if shard.stop and isinstance(shapes[-1], str):
                    raise InputError(shapes[-1])
                offset = 0
                for record, shape in zip(shard.records, shapes, strict=True):
                    if isinstance(shape, str):
                        missing_items.add(f"of the {split} split that cannot be read", record.name, shape)
                        continue
                    labels = [record.name, record.class_name, class_ids[record.class_name]]
                    true = [record.attributes.get(a, "") for a in attributes]
                    images.append([*labels, number, offset, *shape, *true])
                    offset += 3 * shape[0] * shape[1]
                    for caption in record.captions:
                        text = " ".join(caption.text.splitlines())
                        captions.append([len(images) - 1, text, *(caption.mentioned.get(a, "") for a in attributes)])
                sizes.append(offset)
            if not images:
                raise InputError(empty_split(split, "readable images", missing_items))
            counts[split] = {"images": len(images), "captions": len(captions), "shards": sizes}
            digests |= _write_tables(folder, split, attributes, images, captions)
    return {"classes": len(class_ids), "attributes": attributes, "splits": counts, "sha256": digests}


def _write_tables(
    folder: Path, split: str, attributes: list[str], images: list[list[Any]], captions: list[list[Any]]
) -> dict[str, str]:
    """Write the tables of images and captions of a split; returns the SHA-256 of each file."""
    columns = ["name", "class_name", "class_id", "shard", "offset", "height", "width"]
    tables = {
        "images": pd.DataFrame(images, columns=[*columns, *(f"true.{a}" for a in attributes)]),
        "captions": pd.DataFrame(captions, columns=["image", "text", *(f"mentioned.{a}" for a in attributes)]),
    }
    digests = {}
    for name, table in tables.items():
        path = folder / f"{split}.{name}.csv"
        table.to_csv(path, index=False, lineterminator="\n")
        digests[path.name] = sha256(path.read_bytes()).hexdigest()
    return digests


def empty_split(split: str, lacking: str, missing_items: MissingItems) -> str:
    """What to say of a split without images, or without readable ones."""
    reasons = missing_items.summary()
    way_out = f"left out were {reasons}: correct the data set" if reasons else "give it some"
    return f"split {split!r} of the data set has no {lacking}: {way_out}"


def _check_records(splits: Splits, missing_items: MissingItems) -> None:
    """Refuse records that cannot be packed, or that would not be read back unchanged."""
    seen: set[str] = set()
    for split, records in splits.items():
        if not records:
            raise InputError(empty_split(split, "images", missing_items))
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


def _check_folder(folder: Path, required_bytes: int) -> None:
    """Check target folder and free space."""
    if folder.exists() and not (folder / META).is_file() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists and is no packed data set: move it away or choose another folder")
    free = shutil.disk_usage(next(parent for parent in folder.absolute().parents if parent.exists())).free
    if free < required_bytes:
        need = f"packing needs {required_bytes / 1e6:,.1f} MB or more and has {free / 1e6:,.1f} MB"
        raise InputError(f"{need} on the disk of {folder}: free some space or lower image_size")
