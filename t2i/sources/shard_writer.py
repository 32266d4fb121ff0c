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

_MAX_PIXELS = 2**27  # of a resized image; only absurdly long and thin images have more


@dataclass(frozen=True)
class Shard:
    """The images of one file. Workers write their shard themselves: sending the pixels to one writer would cost a third
    of the speed of two workers.

    Attributes:
        file: where the pixels go.
        records: at most `SHARD` images.
        side: short side of the resized images, in pixels.
        stop: whether to stop at the first unreadable image.
    """

    file: Path
    records: Sequence[Record]
    side: int
    stop: bool


WrittenShard = tuple[list[tuple[int, int] | str], str]
"""Height and width of each image of a shard, or its error message, and the SHA-256 of the file."""


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
    shapes: list[tuple[int, int] | str] = []
    digest = sha256()
    with open(shard.file, "wb") as file:
        for record in shard.records:
            pixels = load_resized(record, shard.side)
            if isinstance(pixels, str):
                shapes.append(pixels)
                if shard.stop:
                    break
            else:
                file.write(pixels.data)
                digest.update(pixels.data)
                shapes.append((pixels.shape[0], pixels.shape[1]))
    return shapes, digest.hexdigest()


def load_resized(record: Record, side: int) -> np.ndarray | str:
    """Load an image and resize its short side to ``side`` pixels: [H, W, 3] uint8, or an error message."""
    try:
        image = record.load().convert("RGB")
    except InputError as error:
        return str(error)
    except (OSError, Image.DecompressionBombError) as error:
        return f"image {record.name!r} cannot be read ({error}): replace it or take it out"
    short, long = sorted(image.size)
    if short == 0 or side * side * long > _MAX_PIXELS * short:
        return f"image {record.name!r} has an unusable shape ({image.width} x {image.height}): take it out"
    if short != side:
        width, height = (round(length * side / short) for length in image.size)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)
