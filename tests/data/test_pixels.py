"""Pixels of files and values of networks."""

from pathlib import Path

import torch

from t2i.data.batches import centre_crops
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_float, to_pixels


def test_pixels_survive_the_way_to_the_network_and_back(striped: Path) -> None:
    images = centre_crops(PackedSplit(striped, "test"))
    values = to_float(images)
    assert values.min() >= -1 and values.max() <= 1
    assert torch.equal(to_pixels(values), images)
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(to_pixels(to_float(every)), every)
    assert to_float(every).is_contiguous(memory_format=torch.channels_last)


def test_values_out_of_range_are_clamped() -> None:
    assert to_pixels(torch.tensor([-3.0, -1.0, 0.0, 1.0, 9.0])).tolist() == [0, 0, 128, 255, 255]
