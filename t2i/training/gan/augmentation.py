"""Differentiable augmentation: what discriminators see, real or generated, is changed at random.

Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020: with few images a
discriminator soon knows them by heart. Gradients pass to the images.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from t2i.runtime.distributed import local_shard

Change = Literal["brightness", "contrast", "translation"]


class Augmentation:
    """Changes each image of a batch by random amounts of its own, in the order given.

    Args:
        changes: "brightness" adds -0.5 to 0.5, "contrast" multiplies what differs from the mean by 0.5 to 1.5, and
            "translation" moves by up to an eighth of the side each way, filling with 0; none: images stay as they are.
    """

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = tuple(changes)

    def __call__(self, images: Tensor, count: int, views: int, rng: np.random.Generator) -> Tensor:
        """Changed images.

        Args:
            images: [V n, 3, S, S] in [-1, 1], this process's part of V images for each of N rows.
            count: N, rows of the whole batch.
            views: V.
            rng: draws the amounts, those of all rows in each process.

        Returns:
            the same shape, maybe out of [-1, 1].
        """
        for change in self.changes:
            amounts = torch.from_numpy(rng.uniform(-1, 1, (views * count, 2)).astype(np.float32))
            amounts = local_shard(amounts, views)
            if change == "translation":
                images = _translated(images, amounts)
            else:
                factor = amounts[:, :1, None, None].to(images.device, images.dtype, non_blocking=True) / 2
                mean = images.mean(dim=(1, 2, 3), keepdim=True)
                images = images + factor if change == "brightness" else mean + (images - mean) * (1 + factor)
        return images


def _translated(images: Tensor, amounts: Tensor) -> Tensor:
    side, most = images.shape[-1], images.shape[-1] // 8
    tops, lefts = ((amounts + 1) / 2 * (2 * most + 1)).int().clamp(max=2 * most).T.tolist()
    padded = pad(images, (most, most, most, most))
    moved = zip(padded.unbind(), tops, lefts, strict=True)
    return torch.stack([image[:, top : top + side, left : left + side] for image, top, left in moved])
