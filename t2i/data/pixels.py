"""Conversion between uint8 pixels and the value range of the networks."""

import torch
from torch import Tensor


def to_float(images: Tensor) -> Tensor:
    """uint8 pixels -> float32 in [-1, 1], channels last."""
    return images.float().contiguous(memory_format=torch.channels_last).div_(127.5).sub_(1.0)


def to_pixels(images: Tensor) -> Tensor:
    """Images in [-1, 1] -> uint8 pixels."""
    return images.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
