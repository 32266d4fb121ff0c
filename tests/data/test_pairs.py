"""Batches of images with pairs of captions."""

from pathlib import Path

import numpy as np
import pytest
import torch

from t2i.data.captions import Vocabulary
from t2i.data.pack import Pack
from t2i.data.pairs import CaptionPairs, centre_crop, centre_crops, random_crop
from t2i.data.pixels import to_pixels, to_unit
from t2i.errors import InputError


def pairs(folder: Path, vocabulary: Vocabulary, seed: int = 0, batch_size: int = 8) -> CaptionPairs:
    return CaptionPairs(
        Pack.open(folder, "train"), vocabulary, batch_size=batch_size, max_words=18, flip=False, seed=seed
    )


def test_captions_belong_to_their_images_and_are_distinct(striped: Path, vocabulary: Vocabulary) -> None:
    data = pairs(striped, vocabulary)
    pack = data.pack
    for step in range(6):
        batch = data[step]
        assert batch.images.shape == (8, 3, 32, 32) and batch.ids.shape[:2] == (2, 8)
        for n, row in enumerate(batch.rows.tolist()):
            assert np.array_equal(batch.images[n].permute(1, 2, 0).numpy(), pack.image(row))
            own = [vocabulary.encode(text.split()) for text in pack.captions["text"].iloc[pack.captions_of(row)]]
            said = [[i for i in ids.tolist() if i] for ids in batch.ids[:, n]]
            assert all(ids in own for ids in said) and said[0] != said[1]
            assert batch.classes[n] == pack.images["class_id"].iloc[row]


def test_an_epoch_shows_every_image_once_and_epochs_differ(striped: Path, vocabulary: Vocabulary) -> None:
    data = pairs(striped, vocabulary)
    epochs = [torch.cat([data[step].rows for step in range(e * 4, e * 4 + 4)]).tolist() for e in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(32))
    assert epochs[0] != epochs[1]


def test_a_batch_depends_on_seed_and_step_alone(striped: Path, vocabulary: Vocabulary) -> None:
    one, again, other = pairs(striped, vocabulary), pairs(striped, vocabulary), pairs(striped, vocabulary, seed=1)
    _ = one[3]  # what was read before does not matter
    for name in ("images", "ids", "rows"):
        assert torch.equal(getattr(one[5], name), getattr(again[5], name))
    assert not torch.equal(one[5].rows, other[5].rows)
    through_loader = list(one.batches(4, 6))
    assert len(through_loader) == 2 and torch.equal(through_loader[1].rows, again[5].rows)


def test_too_few_images_for_a_batch_are_an_input_error(striped: Path, vocabulary: Vocabulary) -> None:
    with pytest.raises(InputError, match="batch of 33 images needs as many, the split has 32"):
        pairs(striped, vocabulary, batch_size=33)


def test_a_caption_without_a_known_word_is_named(striped: Path) -> None:
    with pytest.raises(InputError, match="'the top is red' of image 'train/0' has no word of the vocabulary"):
        pairs(striped, Vocabulary(["<end>", "above"]))


def test_crops_are_squares_of_the_image() -> None:
    image = np.arange(10 * 14 * 3, dtype=np.uint8).reshape(10, 14, 3)
    assert np.array_equal(centre_crop(image, 8), image[1:9, 3:11])
    rng = np.random.default_rng(0)
    views = [image[top : top + 8, left : left + 8] for top in range(3) for left in range(7)]
    for _ in range(50):
        crop = random_crop(image, 8, True, rng)
        assert any(np.array_equal(crop, view) or np.array_equal(crop[:, ::-1], view) for view in views)


def test_pixels_survive_the_way_to_the_network_and_back(striped: Path) -> None:
    images = centre_crops(Pack.open(striped, "test"))
    unit = to_unit(images)
    assert unit.min() >= -1 and unit.max() <= 1
    assert torch.equal(to_pixels(unit), images)
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(to_pixels(to_unit(every)), every)
