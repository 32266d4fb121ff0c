"""Decodes, resizes and writes the images of a packed data set, in several processes."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

from t2i.errors import InputError
from t2i.sources.records import Record
from t2i.sources.resizing import Resizing

_MAX_PIXELS = 2**27  # of a resized image; only absurdly long and thin images have more


@dataclass(frozen=True)
class Shard:
    """The images of one file, or of several that hold them in different sizes: decoding, which costs most, is then
    shared. Workers write their shard themselves: sending the pixels to one writer would cost a third of the speed of
    two workers.

    Attributes:
        files: where the pixels of each size go.
        sides: short side of the resized images in each of the files, in pixels.
        records: at most `SHARD` images.
        resizing: how they are resized.
        stop: whether to stop at the first unreadable image.
    """

    files: Sequence[Path]
    sides: Sequence[int]
    records: Sequence[Record]
    resizing: Resizing
    stop: bool


Shape = tuple[int, int]
"""Height and width in pixels."""

WrittenShard = tuple[list[list[Shape] | str], list[str]]
"""Shapes of each image of a shard, one a file, or its error message, and the SHA-256 of each file."""


def write_shards(shards: Sequence[Shard], processes: int) -> Generator[WrittenShard, None, None]:
    """Write shards and yield the result of each, in order.

    Args:
        shards: each goes to one worker as a whole.
        processes: number of worker processes; 1 writes in this process.

    Raises:
        InputError: a worker was killed.
    """
    if processes == 1:
        yield from map(_write_shard, shards)
        return
    context = multiprocessing.get_context("spawn")  # forking a process that has threads (torch's) can deadlock
    executor = ProcessPoolExecutor(processes, context, _end_with_parent)
    try:
        with _signals_blocked():
            written = executor.map(_write_shard, shards)  # starts the workers
        yield from written
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process was killed, perhaps for lack of memory: use fewer processes (runtime.preprocess_workers)"
        ) from error
    finally:
        for worker in multiprocessing.active_children():  # after an error, their unfinished shards are useless
            worker.kill()
        executor.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Processes that are started within never see Ctrl-C or SIGTERM: this process receives them too and ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    """End this worker as soon as the process that started it is gone, however that ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _write_shard(shard: Shard) -> WrittenShard:
    shapes: list[list[Shape] | str] = []
    digests = [sha256() for _ in shard.files]
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open(file, "wb")) for file in shard.files]
        for record in shard.records:
            resized = load_resized(record, shard.sides, shard.resizing)
            if isinstance(resized, str):
                shapes.append(resized)
                if shard.stop:
                    break
                continue
            for file, digest, pixels in zip(files, digests, resized, strict=True):
                file.write(pixels.data)
                digest.update(pixels.data)
            shapes.append([(pixels.shape[0], pixels.shape[1]) for pixels in resized])
    return shapes, [digest.hexdigest() for digest in digests]


def load_resized(record: Record, sides: Sequence[int], resizing: Resizing) -> list[np.ndarray] | str:
    """Load an image once and resize its short side to each of ``sides``: [H, W, 3] uint8 each, or an error message."""
    try:
        image = record.load().convert("RGB")
    except InputError as error:
        return str(error)
    except (OSError, Image.DecompressionBombError) as error:
        return f"image {record.name!r} cannot be read ({error}): replace it or take it out"
    short, long = sorted(image.size)
    if short == 0 or max(sides) ** 2 * long > _MAX_PIXELS * short:
        return f"image {record.name!r} has an unusable shape ({image.width} x {image.height}): take it out"
    return [np.asarray(resizing.resize(image, side)) for side in sides]
