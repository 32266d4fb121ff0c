"""Sets of images that may be larger than the memory: they are read batch by batch, as often as they are needed."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from t2i.data.batches import centre_crops
from t2i.data.packed import PackedSplit

Images = Callable[[], Iterable[Tensor]]
"""Begins to read a set: batches uint8 [N, 3, S, S]."""

BATCH_SIZE = 64


def real_images(pack: PackedSplit, rows: Sequence[int] | np.ndarray | None = None) -> Iterator[Tensor]:
    """The middle squares of images, of all by default."""
    chosen = range(len(pack)) if rows is None else rows
    for start in range(0, len(chosen), BATCH_SIZE):
        yield centre_crops(pack, chosen[start : start + BATCH_SIZE])
        pack.release()


def noise_images(count: int, side: int, seed: int) -> Iterator[Tensor]:
    """Images whose pixels are independent; the same whatever the size of a batch."""
    generator = torch.Generator().manual_seed(seed)
    for start in range(0, count, BATCH_SIZE):
        shape = min(BATCH_SIZE, count - start), 3, side, side
        yield torch.randint(256, shape, generator=generator, dtype=torch.uint8)
