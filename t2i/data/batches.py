"""Batches of images, each with one or several of its captions."""

import copy
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary, encode_captions, shorten
from t2i.errors import InputError


@dataclass
class Batch:
    """N images with V captions each.

    Attributes:
        images: [N, 3, S, S] uint8. In a distributed training each process has only its own images, but all of the rest.
        ids: [V, N, L] word ids, padded with 0.
        classes: [N] class ids.
        rows: [N] rows of the images in their split.
    """

    images: Tensor
    ids: Tensor
    classes: Tensor
    rows: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Copy the batch to a device."""
        return Batch(*(t.to(device, non_blocking=True) for t in self._tensors()))

    def pin_memory(self) -> "Batch":
        """Copy the batch to pinned memory, from which copies to a GPU need not be waited for."""
        return Batch(*(t.pin_memory() for t in self._tensors()))

    def share_memory(self) -> "Batch":
        """Move the batch to memory that processes share."""
        return Batch(*(t.share_memory_() for t in self._tensors()))

    def _tensors(self) -> tuple[Tensor, ...]:
        return self.images, self.ids, self.classes, self.rows


class EncodedCaptions:
    """All captions of a split as word ids.

    Args:
        pack: the split.
        vocabulary: numbers the words; unknown ones are left out.
        max_words: captions of more words are shortened, see :func:`~t2i.data.text.vocabulary.shorten`.
        texts: to read in place of the captions, one a row of them: the words that images were generated from.

    Raises:
        InputError: a caption has no word that the vocabulary knows.
    """

    def __init__(
        self,
        pack: PackedSplit,
        vocabulary: Vocabulary,
        max_words: int = sys.maxsize,
        texts: Sequence[str] | None = None,
    ) -> None:
        texts = pack.captions["text"].tolist() if texts is None else texts
        self.vocabulary, self.max_words = vocabulary, max_words
        self.ids, self.offsets = encode_captions(texts, vocabulary)
        lengths = np.diff(self.offsets)
        if len(lengths) and lengths.min() == 0:
            row = int(lengths.argmin())
            name = pack.images["name"].iloc[int(pack.captions["image"].iloc[row])]
            raise InputError(f"caption {texts[row]!r} of image {name!r} has no word of the vocabulary; remove it")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> np.ndarray:
        """All word ids of a caption, [L]."""
        return self.ids[self.offsets[row] : self.offsets[row + 1]]

    def cut(self, rng: np.random.Generator) -> "EncodedCaptions":
        """The same captions, the long ones shortened once: :meth:`padded` then gives the same words each time."""
        parts = [shorten(self[row], self.max_words, rng) for row in range(len(self))]
        result = copy.copy(self)
        result.ids, result.offsets = np.concatenate(parts), np.cumsum([0, *map(len, parts)])
        return result

    def texts(self) -> list[str]:
        """The known words of each caption, separated by spaces."""
        return [" ".join(self.vocabulary.decode(self[row].tolist())) for row in range(len(self))]

    def padded(self, rows: np.ndarray, rng: np.random.Generator | None = None) -> Tensor:
        """Word ids [N, L] of the captions of N rows, padded with 0.

        Args:
            rng: shortens captions of more than ``max_words`` words, in another way each time; None: none is shortened.
        """
        captions = [self[row] for row in rows.flat]
        if rng is not None:
            captions = [shorten(caption, self.max_words, rng) for caption in captions]
        ids = np.zeros((len(captions), max(map(len, captions))), dtype=np.int64)
        for row, caption in zip(ids, captions, strict=True):
            row[: len(caption)] = caption
        return torch.from_numpy(ids)


def sample_captions(pack: PackedSplit, image: int, views: int, rng: np.random.Generator) -> np.ndarray:
    """Sample rows of ``views`` captions of an image, without replacement; where it has fewer, all of them in turn.

    (The published code samples with replacement, so every tenth pair is the same caption twice.)
    """
    rows = pack.captions_of(image)
    if len(rows) < views:
        return np.resize(rng.permutation(rows), views)  # the first two, which are a pair, still differ
    return rng.choice(rows, views, replace=False)


class CaptionBatches(Dataset[Batch]):
    """Item ``step`` is the batch of that training step.

    A batch is a function of (seed, step) alone, so training can resume at any step.

    Args:
        pack: the training images and captions.
        vocabulary: of the text encoder.
        batch_size: N, distinct images; the incomplete last batch of an epoch is left out.
        max_words: longer captions are shortened at random.
        flip: mirror images at random.
        seed: of order, captions, crops and flips.
        views: V, captions per image.
        rows: which of the N images this process loads.

    Raises:
        InputError: the split has fewer images than a batch.
    """

    def __init__(
        self,
        pack: PackedSplit,
        vocabulary: Vocabulary,
        *,
        batch_size: int,
        max_words: int,
        flip: bool,
        seed: int,
        views: int = 2,
        rows: slice = slice(None),
    ) -> None:
        if len(pack) < batch_size:
            raise InputError(
                f"a batch of {batch_size} images needs as many, the split has {len(pack)}; lower batch_size"
            )
        self.pack, self.batch_size, self.flip, self.seed, self.views = pack, batch_size, flip, seed, views
        self.rows = rows
        self.captions = EncodedCaptions(pack, vocabulary, max_words)
        self.classes = torch.tensor(pack.images["class_id"].to_numpy())
        self.steps_per_epoch = len(pack) // batch_size

    def num_steps(self, steps: int | None, epochs: int | None) -> int:
        """Number of training steps, given either in steps or in epochs; the other is None."""
        if (steps is None) == (epochs is None):
            raise ValueError(f"steps is {steps} and epochs is {epochs}; legal is one of both")
        return steps if steps is not None else (epochs or 0) * self.steps_per_epoch

    def __getitem__(self, step: int) -> Batch:
        epoch, place = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.pack))
        chosen = order[place * self.batch_size : (place + 1) * self.batch_size]
        rng = np.random.default_rng([self.seed, 1, step])
        captions = np.stack([sample_captions(self.pack, i, self.views, rng) for i in chosen], axis=1)  # rows, [V, N]
        crops = [random_crop(self.pack.image(i), self.pack.image_size, self.flip, rng) for i in chosen]
        images = np.stack(crops[self.rows])  # crops are views: only these are read from disk
        return Batch(
            torch.from_numpy(images).permute(0, 3, 1, 2),
            self.captions.padded(captions, rng).view(self.views, self.batch_size, -1),
            self.classes[chosen],
            torch.from_numpy(chosen),
        )

    def batches(self, first: int, last: int, workers: int = 0) -> DataLoader[Batch]:
        """Load the batches of steps first, first + 1, ... last - 1.

        Args:
            first: step to start with.
            last: step to end before.
            workers: number of processes that load; 0: this one.
        """
        return DataLoader(
            self,
            batch_size=None,
            sampler=range(first, last),  # type: ignore[arg-type]
            num_workers=workers,
            generator=torch.Generator(),  # else the loader consumes torch's global random state
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_obey_parent_alone,
            collate_fn=_share,  # type: ignore[arg-type]  # of one batch, since batch_size is None
        )


def _obey_parent_alone(_: int) -> None:
    """Only the training ends a worker: of a signal to the whole group it is to save first what it has.

    Signals tell who sent them where they are waited for, and not to a handler.
    """
    parent = multiprocessing.parent_process()
    if parent is None or not hasattr(signal, "sigwaitinfo"):  # as on macOS, where no workers are used
        return
    both = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, both)

    def wait() -> None:
        while signal.sigwaitinfo(both).si_pid != parent.pid:
            pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def _share(batch: Batch) -> Batch:
    """Move a batch to shared memory before it is sent, since a lack of it would be lost in the queue."""
    return batch if get_worker_info() is None else batch.share_memory()


def random_crop(image: np.ndarray, size: int, flip: bool, rng: np.random.Generator) -> np.ndarray:
    """A random square of an image, randomly mirrored if ``flip``: [H, W, 3] -> [size, size, 3]."""
    top, left = (int(rng.integers(length - size + 1)) for length in image.shape[:2])
    crop = image[top : top + size, left : left + size]
    return crop[:, ::-1] if flip and rng.random() < 0.5 else crop


def centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    """The middle square of an image: [H, W, 3] -> [size, size, 3]."""
    top, left = ((length - size) // 2 for length in image.shape[:2])
    return image[top : top + size, left : left + size]


def centre_crops(pack: PackedSplit, rows: Sequence[int] | np.ndarray | None = None) -> Tensor:
    """The middle squares of N images, of all by default: [N, 3, S, S] uint8, as scores and grids use them."""
    chosen = range(len(pack)) if rows is None else rows
    return torch.from_numpy(np.stack([centre_crop(pack.image(i), pack.image_size) for i in chosen])).permute(0, 3, 1, 2)
