"""Writes packed data sets (see `t2i.data.packed`): a few large files for each split instead of one file for each image,
so that training decodes nothing. Equal records give equal bytes.
"""

import shutil
from collections.abc import Mapping
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

from tqdm import tqdm

from t2i.data.packed import DAMSM_FOLDER, META, digest, pixels_file
from t2i.errors import InputError
from t2i.sources.missing import MissingItems
from t2i.sources.pack_tables import PackTables
from t2i.sources.records import Splits
from t2i.sources.resizing import DEFAULT, Resizing
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
    resizing: Resizing = DEFAULT,
    damsm_image_size: int | None = None,
    missing_items: MissingItems | None = None,
) -> dict[str, Any]:
    """Write all splits into a folder; an older pack there is replaced once the new one is complete.

    Args:
        splits: the records; no split may be empty, and names must be unique over all of them.
        folder: where to write; must not exist, or be empty, or hold a pack.
        image_size: side of the square that training crops to, in pixels, at least 1.
        resize_ratio: at least 1; the short side of each image becomes ``image_size * resize_ratio`` pixels.
        processes: number of worker processes that decode and resize; 1 does all in this process. No byte depends on it.
        resizing: filter, and how sides become whole pixels.
        damsm_image_size: `image_size` of DAMSM pretraining; None: the same. Where it is another one, the training
            images are packed a second time in this size: the same rows in the same order.
        missing_items: what to do with unreadable images; default: refuse the data set at the first one.

    Returns:
        The meta data: sizes, attributes, number of classes; for each split the numbers of images and captions and the
        bytes of each file of pixels; the SHA-256 of each file; sizes, bytes and digest of the second pack.

    Raises:
        InputError: a record cannot be packed, the disk is too small, or `folder` holds something else.
    """
    sizes = {"image_size": image_size, "resize_ratio": resize_ratio, "processes": processes}
    for name, value in (sizes if damsm_image_size is None else sizes | {"damsm_image_size": damsm_image_size}).items():
        if not value >= 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    sides, missing = packed_sides(image_size, resize_ratio, resizing, damsm_image_size), missing_items or MissingItems()
    part, old = (folder.with_name(folder.name + suffix) for suffix in (".part", ".old"))
    shutil.rmtree(part, ignore_errors=True)  # of a process that was killed; its room counts as free
    _check_records(splits, missing)
    _check_folder(folder, min_bytes(splits, *sides.values()))
    try:
        tables = _write_splits(splits, part, sides, resizing, processes, missing)
        meta = _write_meta(tables, resize_ratio, len(_class_ids(splits)))
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


def packed_sides(
    image_size: int, resize_ratio: float, resizing: Resizing = DEFAULT, damsm_image_size: int | None = None
) -> dict[int, int]:
    """Image size -> short side as packed, in pixels: of all images and, if there are any, of the training images that
    are packed a second time; see :func:`pack`.
    """
    return {size: resizing.short_side(size, resize_ratio) for size in (image_size, damsm_image_size or image_size)}


def min_bytes(splits: Splits, side: int, damsm_side: int = 0) -> int:
    """Bytes of all pixels if every image is a square; other shapes take more.

    Args:
        side: of all images, in pixels.
        damsm_side: of the training images that are packed a second time; 0: none are.
    """
    second = len(splits["train"]) * damsm_side**2 if damsm_side else 0
    return 3 * (sum(map(len, splits.values())) * side**2 + second)


def _write_splits(
    splits: Splits,
    folder: Path,
    sides: Mapping[int, int],
    resizing: Resizing,
    processes: int,
    missing_items: MissingItems,
) -> list[PackTables]:
    """Write pixels and tables of all splits, and of the training images a second time if there is a second size."""
    records, class_ids = list(chain(*splits.values())), _class_ids(splits)
    attributes = sorted(
        {a for r in records for a in chain(r.attributes, *(caption.mentioned for caption in r.captions))}
    )
    stop = missing_items.on_missing == "error"
    packs = [
        PackTables(place, size, side, attributes)
        for place, (size, side) in zip((folder, folder / DAMSM_FOLDER), sides.items(), strict=False)
    ]
    for each in packs:
        each.folder.mkdir(parents=True)
    packs_of = {split: packs if split == "train" else packs[:1] for split in splits}
    shards = {
        split: [
            Shard(
                [pixels_file(each.folder, split, number) for each in packs_of[split]],
                [each.side for each in packs_of[split]],
                of_split[start : start + SHARD], resizing, stop,
            )
            for number, start in enumerate(range(0, len(of_split), SHARD))
        ]
        for split, of_split in splits.items()
    }  # fmt: skip
    written = write_shards(list(chain(*shards.values())), processes)
    with closing(written), tqdm(total=len(records), desc="packing") as bar:
        for split in splits:
            for shard in shards[split]:
                shapes, digests = next(written)
                bar.update(len(shapes))
                if shard.stop and isinstance(shapes[-1], str):
                    raise InputError(shapes[-1])
                for each, file, sha256 in zip(packs_of[split], shard.files, digests, strict=True):
                    each.begin_shard(file, sha256)
                for record, of_image in zip(shard.records, shapes, strict=True):
                    if isinstance(of_image, str):
                        missing_items.add(f"of the {split} split that cannot be read", record.name, of_image)
                        continue
                    for each, shape in zip(packs_of[split], of_image, strict=True):
                        each.add(record, class_ids[record.class_name], shape)
            if not packs[0].images:
                raise InputError(empty_split(split, "readable images", missing_items))
            for each in packs_of[split]:
                each.end_split(split)
    return packs


def _class_ids(splits: Splits) -> dict[str, int]:
    names = {record.class_name for record in chain(*splits.values())}
    return {name: i for i, name in enumerate(sorted(names))}


def _write_meta(packs: list[PackTables], resize_ratio: float, classes: int) -> dict[str, Any]:
    """Write the meta data of all packs; those of the first hold the digest of the second."""
    first, *others = packs
    second: dict[str, Any] = {}
    for other in others:
        meta = other.write_meta(resize_ratio, classes)
        size = sum(meta["splits"]["train"]["shards"])
        sizes = {"image_size": other.image_size, "side": other.side, "bytes": size}
        second = {DAMSM_FOLDER: {**sizes, "digest": digest(other.folder)}}
    return first.write_meta(resize_ratio, classes, **second)


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
