"""Batches of images, each with several of its captions."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from t2i.data.captions import Vocabulary, encode_captions, shorten
from t2i.data.pack import Pack
from t2i.errors import InputError


@dataclass
class Batch:
    """N images with V captions each.

    Attributes:
        images: [N, 3, S, S] uint8; of several processes, each has its own part of them, and all of the rest.
        ids: [V, N, L] word ids, padded with 0.
        classes: [N].
        rows: [N], of the images in their split.
    """

    images: Tensor
    ids: Tensor
    classes: Tensor
    rows: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device."""
        return Batch(*(t.to(device, non_blocking=True) for t in (self.images, self.ids, self.classes, self.rows)))


class EncodedCaptions:
    """All captions of a split as word ids.

    Raises:
        InputError: a caption has no word that the vocabulary knows.
    """

    def __init__(self, pack: Pack, vocabulary: Vocabulary, max_words: int) -> None:
        texts = pack.captions["text"]
        self.max_words = max_words
        self.ids, self.offsets = encode_captions(texts, vocabulary)
        lengths = np.diff(self.offsets)
        if len(lengths) and lengths.min() == 0:
            row = int(lengths.argmin())
            name = pack.images["name"].iloc[int(pack.captions["image"].iloc[row])]
            raise InputError(f"caption {texts.iloc[row]!r} of image {name!r} has no word of the vocabulary; remove it")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def padded(self, rows: np.ndarray, rng: np.random.Generator) -> Tensor:
        """Word ids [len(rows), L] of captions; those above ``max_words`` keep a random ordered subset."""
        captions = [shorten(self.ids[self.offsets[r] : self.offsets[r + 1]], self.max_words, rng) for r in rows.flat]
        ids = np.zeros((len(captions), max(map(len, captions))), dtype=np.int64)
        for row, caption in zip(ids, captions, strict=True):
            row[: len(caption)] = caption
        return torch.from_numpy(ids)


def distinct_captions(pack: Pack, image: int, views: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of ``views`` captions of an image, distinct if it has so many.

    (The published code draws with replacement, so that every tenth pair is one caption twice.)
    """
    rows = pack.captions_of(image)
    return rng.choice(rows, views, replace=len(rows) < views)


class CaptionPairs(Dataset[Batch]):
    """Item ``step`` is the batch of that training step.

    It is a function of (seed, step) alone, so that training can go on from any step.

    Args:
        batch_size: N, distinct images; the incomplete last batch of an epoch is left out.
        views: V captions an image.
        flip: mirror images at random.
        own: which of the N images this process is to load.

    Raises:
        InputError: the split has fewer images than a batch.
    """

    def __init__(
        self,
        pack: Pack,
        vocabulary: Vocabulary,
        *,
        batch_size: int,
        max_words: int,
        flip: bool,
        seed: int,
        views: int = 2,
        own: slice = slice(None),
    ) -> None:
        if len(pack) < batch_size:
            raise InputError(
                f"a batch of {batch_size} images needs as many, the split has {len(pack)}; lower batch_size"
            )
        self.pack, self.batch_size, self.flip, self.seed, self.views = pack, batch_size, flip, seed, views
        self.own = own
        self.captions = EncodedCaptions(pack, vocabulary, max_words)
        self.classes = torch.tensor(pack.images["class_id"].to_numpy())
        self.steps_an_epoch = len(pack) // batch_size

    def steps(self, steps: int | None, epochs: int | None) -> int:
        """The length of a training that is given in steps or in epochs; the other is None."""
        if (steps is None) == (epochs is None):
            raise ValueError(f"steps is {steps} and epochs is {epochs}; legal is one of both")
        return steps if steps is not None else (epochs or 0) * self.steps_an_epoch

    def __getitem__(self, step: int) -> Batch:
        epoch, place = divmod(step, self.steps_an_epoch)
        order = np.random.default_rng([self.seed, 0, epoch]).permutation(len(self.pack))
        chosen = order[place * self.batch_size : (place + 1) * self.batch_size]
        rng = np.random.default_rng([self.seed, 1, step])
        rows = np.stack([distinct_captions(self.pack, i, self.views, rng) for i in chosen], axis=1)  # [V, N]
        crops = [random_crop(self.pack.image(i), self.pack.image_size, self.flip, rng) for i in chosen]
        images = np.stack(crops[self.own])  # crops are views; only these are read from the disk
        return Batch(
            torch.from_numpy(images).permute(0, 3, 1, 2),
            self.captions.padded(rows, rng).view(self.views, self.batch_size, -1),
            self.classes[chosen],
            torch.from_numpy(chosen),
        )

    def batches(self, first: int, last: int, workers: int = 0) -> DataLoader[Batch]:
        """Batches of the steps first, first + 1, ... last - 1."""
        return DataLoader(
            self,
            batch_size=None,
            sampler=range(first, last),  # type: ignore[arg-type]
            num_workers=workers,
            generator=torch.Generator(),  # without one of its own it draws from the training's random numbers
            pin_memory=torch.cuda.is_available(),
        )


def random_crop(image: np.ndarray, size: int, flip: bool, rng: np.random.Generator) -> np.ndarray:
    """A random square of an image, perhaps mirrored: [H, W, 3] -> [size, size, 3]."""
    top, left = (int(rng.integers(length - size + 1)) for length in image.shape[:2])
    crop = image[top : top + size, left : left + size]
    return crop[:, ::-1] if flip and rng.random() < 0.5 else crop


def centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    """The middle square of an image: [H, W, 3] -> [size, size, 3]."""
    top, left = ((length - size) // 2 for length in image.shape[:2])
    return image[top : top + size, left : left + size]


def centre_crops(pack: Pack, rows: np.ndarray | None = None) -> Tensor:
    """Images as scores and grids see them: [N, 3, S, S] uint8."""
    chosen = range(len(pack)) if rows is None else rows
    return torch.from_numpy(np.stack([centre_crop(pack.image(i), pack.image_size) for i in chosen])).permute(0, 3, 1, 2)
