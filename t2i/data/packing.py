"""Writes packed data sets (see `t2i.data.pack`): a few large files a split instead of an image file each, so that
training decodes nothing. Equal records give equal bytes.
"""

import json
import multiprocessing
import shutil
import signal
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from t2i.data.gaps import Gaps
from t2i.data.pack import FORMAT, META, pixels_file
from t2i.data.records import Record, Splits
from t2i.errors import InputError

_MOST_PIXELS = 2**27  # of a resized image; only absurdly long and thin pictures have more
SHARD = 256
"""Images a file, and what a worker does before it takes more."""


@dataclass(frozen=True)
class Shard:
    """The images of one file. Whoever resizes them also writes them: handing pixels from process to process costs a
    third of the speed of two.

    Attributes:
        stop: at the first unreadable image.
    """

    file: Path
    records: Sequence[Record]
    side: int
    stop: bool


def pack(
    splits: Splits,
    folder: Path,
    *,
    image_size: int,
    resize_ratio: float,
    processes: int,
    gaps: Gaps | None = None,
) -> dict[str, Any]:
    """Write all splits into a folder; an older pack there is replaced once the new one is complete.

    Args:
        splits: the records; no split may be empty, and names must be unique over all of them.
        folder: where to write; must not exist, or be empty, or hold a pack.
        image_size: side of the square that training crops to, in pixels, at least 1.
        resize_ratio: at least 1; the short side of each image becomes ``round(image_size * resize_ratio)`` pixels.
        processes: workers that decode and resize; 1 does all in this process. No byte depends on it.
        gaps: what to do with images that turn out to be unreadable; default: refuse at the first one.

    Returns:
        The meta data: sizes, attributes, number of classes, and of each split the number of images, of captions, and
        the bytes of each file of pixels; the SHA-256 of each file.

    Raises:
        InputError: a record cannot be packed, the disk is too small, or `folder` holds something else.
    """
    for name, value in (("image_size", image_size), ("resize_ratio", resize_ratio), ("processes", processes)):
        if not value >= 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    side = round(image_size * resize_ratio)
    _check_records(splits)
    _check_folder(folder, least_bytes(splits, side))
    meta: dict[str, Any] = {"format": FORMAT, "image_size": image_size, "resize_ratio": resize_ratio, "side": side}
    part, old = (folder.with_name(folder.name + suffix) for suffix in (".part", ".old"))
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        meta |= _write_splits(splits, part, side, processes, gaps or Gaps())
        (part / META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
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


def least_bytes(splits: Splits, side: int) -> int:
    """What the pixels take on the disk if all images are squares of ``side`` pixels; others take more."""
    return sum(map(len, splits.values())) * side * side * 3


def _write_splits(splits: Splits, folder: Path, side: int, processes: int, gaps: Gaps) -> dict[str, Any]:
    """Write pixels and tables of all splits; returns what the meta data says of them."""
    records = list(chain(*splits.values()))
    class_ids = {name: i for i, name in enumerate(sorted({record.class_name for record in records}))}
    attributes = sorted({a for r in records for a in chain(r.attributes, *(caption.says for caption in r.captions))})
    shards = {
        split: [
            Shard(pixels_file(folder, split, number), found[start : start + SHARD], side, gaps.on_missing == "error")
            for number, start in enumerate(range(0, len(found), SHARD))
        ]
        for split, found in splits.items()
    }
    counts: dict[str, dict[str, Any]] = {}
    digests: dict[str, str] = {}
    written = _write_all(list(chain(*shards.values())), processes)
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
                        gaps.add(f"of the {split} split that cannot be read", record.name)
                        continue
                    what = [record.name, record.class_name, class_ids[record.class_name]]
                    true = [record.attributes.get(a, "") for a in attributes]
                    images.append([*what, number, offset, *shape, *true])
                    offset += 3 * shape[0] * shape[1]
                    for caption in record.captions:
                        text = " ".join(caption.text.splitlines())
                        captions.append([len(images) - 1, text, *(caption.says.get(a, "") for a in attributes)])
                sizes.append(offset)
            if not images:
                raise InputError(f"split {split!r} of the data set has no readable image: give it some")
            counts[split] = {"images": len(images), "captions": len(captions), "shards": sizes}
            place = ["shard", "offset", "height", "width"]
            columns = ["name", "class_name", "class_id", *place, *(f"is.{a}" for a in attributes)]
            tables = {
                "images": pd.DataFrame(images, columns=columns),
                "captions": pd.DataFrame(captions, columns=["image", "text", *(f"says.{a}" for a in attributes)]),
            }
            for name, table in tables.items():
                path = folder / f"{split}.{name}.csv"
                table.to_csv(path, index=False, lineterminator="\n")
                digests[path.name] = sha256(path.read_bytes()).hexdigest()
    return {"classes": len(class_ids), "attributes": attributes, "splits": counts, "sha256": digests}


Written = tuple[list[tuple[int, int] | str], str]
"""Height and width of each image of a shard, or what is wrong with it, and the SHA-256 of the file."""


def _write_all(shards: Sequence[Shard], processes: int) -> Generator[Written, None, None]:
    """Write shards and yield what is known of each, in order."""
    if processes == 1:
        yield from map(_write_shard, shards)
        return
    context = multiprocessing.get_context("spawn")  # this process may have threads by now (torch), so it must not fork
    # Ctrl-C is for this process, which then stops the workers.
    executor = ProcessPoolExecutor(processes, context, signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        yield from executor.map(_write_shard, shards)
    except BrokenProcessPool as error:
        raise InputError("a worker process was killed, maybe for want of memory: use fewer processes") from error
    finally:
        for worker in multiprocessing.active_children():  # nobody waits for what is left of their shards
            worker.terminate()
        executor.shutdown(cancel_futures=True)


def _write_shard(shard: Shard) -> Written:
    found: list[tuple[int, int] | str] = []
    digest = sha256()
    with open(shard.file, "wb") as file:
        for record in shard.records:
            pixels = prepare(record, shard.side)
            if isinstance(pixels, str):
                found.append(pixels)
                if shard.stop:
                    break
            else:
                file.write(pixels.data)
                digest.update(pixels.data)
                found.append((pixels.shape[0], pixels.shape[1]))
    return found, digest.hexdigest()


def prepare(record: Record, side: int) -> np.ndarray | str:
    """Load an image and bring its short side to `side` pixels: [H, W, 3] uint8; or say what is wrong with it."""
    try:
        image = record.load().convert("RGB")
    except InputError as error:
        return str(error)
    except (OSError, Image.DecompressionBombError) as error:
        return f"image {record.name!r} cannot be read ({error}): replace it or take it out"
    short, long = sorted(image.size)
    if short == 0 or side * side * long > _MOST_PIXELS * short:
        return f"image {record.name!r} has an unusable shape ({image.width} x {image.height}): take it out"
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


def _check_folder(folder: Path, needed: int) -> None:
    """Refuse to replace what is no pack, and to start what cannot end."""
    if folder.exists() and not (folder / META).is_file() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists and is no packed data set: move it away or choose another folder")
    free = shutil.disk_usage(next(parent for parent in folder.absolute().parents if parent.exists())).free
    if free < needed:
        need = f"packing needs {needed / 1e6:,.1f} MB or more and has {free / 1e6:,.1f} MB"
        raise InputError(f"{need} on the disk of {folder}: free some space or lower image_size")
