"""Shards of pixels: sizes, and what happens to images that cannot be used."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i.sources.records import Caption, Record
from t2i.sources.resizing import DEFAULT
from t2i.sources.shard_writer import Shard, load_resized, write_shards


def record(name: str, load: Callable[[], Image.Image]) -> Record:
    return Record(name, "wren", (Caption("a bird"),), load)


def size(width: int, height: int) -> Callable[[], Image.Image]:
    return partial(Image.new, "RGB", (width, height), (200, 10, 10))


@pytest.mark.parametrize(
    ("original", "resized"), [((40, 30), (27, 20)), ((30, 40), (20, 27)), ((20, 33), (20, 33)), ((5, 5), (20, 20))]
)
def test_the_short_side_is_resized_and_the_shape_kept(original: tuple[int, int], resized: tuple[int, int]) -> None:
    both = load_resized(record("a", size(*original)), [20, 10], DEFAULT)
    assert not isinstance(both, str) and [min(pixels.shape[:2]) for pixels in both] == [20, 10]
    assert both[0].shape == (resized[1], resized[0], 3)
    for pixels in both:
        assert pixels.dtype == np.uint8 and (pixels == (200, 10, 10)).all()


@pytest.mark.parametrize("stop", [True, False])
def test_unusable_images_stop_a_shard_or_are_left_out(tmp_path: Path, stop: bool) -> None:
    thin = record("thin", size(1, 10_000_000))
    files, records = [tmp_path / "pixels", tmp_path / "half"], [record("a", size(20, 30)), thin]
    shard = Shard(files, [20, 10], [*records, record("c", size(20, 20))], DEFAULT, stop)
    ((shapes, digests),) = write_shards([shard], processes=1)
    message = "image 'thin' has an unusable shape (1 x 10000000): take it out"
    assert shapes == [[(30, 20), (15, 10)], message, [(20, 20), (10, 10)]][: 2 if stop else 3]
    for file, side, digest in zip(files, (20, 10), digests, strict=True):
        content = file.read_bytes()
        assert len(content) == 3 * side**2 * (1.5 if stop else 2.5) and digest == sha256(content).hexdigest()
