"""Batches of images with captions, and crops."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data._utils.pin_memory import pin_memory

from t2i.data.batches import (
    CaptionBatches,
    EncodedCaptions,
    centre_crop,
    centre_crops,
    random_crop,
    sample_captions,
)
from t2i.data.packed import PackedSplit
from t2i.data.text.tokenizer import Tokens, tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.pipeline.run import lack_of_memory


def batches(
    folder: Path, vocabulary: Vocabulary, seed: int = 0, batch_size: int = 8, rows: slice = slice(None)
) -> CaptionBatches:
    return CaptionBatches(
        PackedSplit(folder, "train"), vocabulary, batch_size=batch_size, max_words=18, flip=False, seed=seed, rows=rows
    )


def test_captions_belong_to_their_images_and_are_distinct(striped: Path, vocabulary: Vocabulary) -> None:
    data = batches(striped, vocabulary)
    pack = data.pack
    for step in range(6):
        batch = data[step]
        assert batch.images.shape == (8, 3, 32, 32) and batch.ids.shape[:2] == (2, 8)
        for n, row in enumerate(batch.rows.tolist()):
            assert np.array_equal(batch.images[n].permute(1, 2, 0).numpy(), pack.image(row))
            of_image = [vocabulary.encode(text.split()) for text in pack.captions["text"].iloc[pack.captions_of(row)]]
            captions = [[i for i in ids.tolist() if i] for ids in batch.ids[:, n]]
            assert all(ids in of_image for ids in captions) and captions[0] != captions[1]
            assert batch.classes[n] == pack.images["class_id"].iloc[row]


def test_an_epoch_shows_every_image_once_and_epochs_differ(striped: Path, vocabulary: Vocabulary) -> None:
    data = batches(striped, vocabulary)
    epochs = [torch.cat([data[step].rows for step in range(e * 4, e * 4 + 4)]).tolist() for e in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(32))
    assert epochs[0] != epochs[1]


def test_a_batch_depends_on_seed_and_step_alone(striped: Path, vocabulary: Vocabulary) -> None:
    one, again, other = batches(striped, vocabulary), batches(striped, vocabulary), batches(striped, vocabulary, seed=1)
    _ = one[3]  # what was read before does not matter
    for name in ("images", "ids", "rows"):
        assert torch.equal(getattr(one[5], name), getattr(again[5], name))
    assert not torch.equal(one[5].rows, other[5].rows)
    through_loader = list(one.batches(4, 6))
    assert len(through_loader) == 2 and torch.equal(through_loader[1].rows, again[5].rows)


def test_a_loader_pins_batches_and_prepares_the_same_ones_aside(
    striped: Path, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = batches(striped, vocabulary)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor + 1)  # needs a GPU
    pinned = pin_memory(data[5])
    for name in ("images", "ids", "classes", "rows"):
        assert torch.equal(getattr(pinned, name), getattr(data[5], name) + 1)
    aside = list(data.batches(4, 6, workers=1))
    assert torch.equal(aside[1].images, data[5].images) and torch.equal(aside[1].ids, data[5].ids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_outlives_signals_and_ends_with_its_loader(
    striped: Path, vocabulary: Vocabulary, number: signal.Signals
) -> None:
    iterator: Any = iter(batches(striped, vocabulary).batches(0, 12, workers=1))
    next(iterator)
    (worker,) = iterator._workers
    subprocess.run(["kill", f"-{number}", str(worker.pid)], check=True)  # not from the training itself
    for _ in range(8):
        next(iterator)
    assert worker.is_alive()
    del iterator
    worker.join(30)
    assert worker.exitcode == 0


def test_a_worker_ends_when_the_training_ends_it(striped: Path, vocabulary: Vocabulary) -> None:
    iterator: Any = iter(batches(striped, vocabulary).batches(0, 12, workers=1))
    next(iterator)
    (worker,) = iterator._workers
    worker.terminate()  # as at the end of a program
    worker.join(30)
    assert worker.exitcode == 0


def test_a_lack_of_shared_memory_reaches_the_training(
    striped: Path, vocabulary: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: torch.Tensor) -> None:
        raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)")

    data = batches(striped, vocabulary)
    assert data[0].share_memory().images.is_shared()
    monkeypatch.setattr(torch.Tensor, "share_memory_", fails)
    assert len(list(data.batches(0, 2))) == 2  # nothing is shared without workers
    with pytest.raises(RuntimeError) as caught:
        list(data.batches(0, 2, workers=1))
    assert "out of shared memory" in (lack_of_memory(caught.value) or "")


def test_too_few_images_for_a_batch_are_an_input_error(striped: Path, vocabulary: Vocabulary) -> None:
    with pytest.raises(InputError, match="batch of 33 images needs as many, the split has 32"):
        batches(striped, vocabulary, batch_size=33)


def test_a_caption_without_a_known_word_is_named(striped: Path) -> None:
    with pytest.raises(InputError, match="'the top is red' of image 'train/0' has no word of the vocabulary"):
        batches(striped, Vocabulary(["<end>", "above"]))


def test_crops_are_squares_of_the_image() -> None:
    image = np.arange(10 * 14 * 3, dtype=np.uint8).reshape(10, 14, 3)
    assert np.array_equal(centre_crop(image, 8), image[1:9, 3:11])
    rng = np.random.default_rng(0)
    views = [image[top : top + 8, left : left + 8] for top in range(3) for left in range(7)]
    for _ in range(50):
        crop = random_crop(image, 8, True, rng)
        assert any(np.array_equal(crop, view) or np.array_equal(crop[:, ::-1], view) for view in views)


def test_centre_crops_are_all_images_or_the_chosen_ones(striped: Path) -> None:
    pack = PackedSplit(striped, "test")
    images = centre_crops(pack)
    assert images.shape == (24, 3, 32, 32) and np.array_equal(images[5].permute(1, 2, 0).numpy(), pack.image(5))
    for chosen in ([5, 2], np.array([5, 2])):
        assert torch.equal(centre_crops(pack, chosen), images[[5, 2]])


def test_a_process_loads_only_its_images_of_the_same_batch(striped: Path, vocabulary: Vocabulary) -> None:
    whole, part = batches(striped, vocabulary)[2], batches(striped, vocabulary, rows=slice(2, 5))[2]
    assert torch.equal(part.images, whole.images[2:5])
    assert torch.equal(part.ids, whole.ids) and torch.equal(part.rows, whole.rows)


def test_more_views_than_captions_repeat_some(striped: Path) -> None:
    pack = PackedSplit(striped, "train")
    three = sample_captions(pack, 1, 3, np.random.default_rng(0))
    assert sorted(three) == pack.captions_of(1).tolist()
    for seed in range(9):  # the first two are a pair, and no caption is left out
        five = sample_captions(pack, 1, 5, np.random.default_rng(seed)).tolist()
        assert len(five) == 5 and sorted(five[:3]) == pack.captions_of(1).tolist() and five[3:] == five[:2]


def test_the_length_of_a_training_is_given_in_steps_or_epochs(striped: Path, vocabulary: Vocabulary) -> None:
    data = batches(striped, vocabulary, batch_size=10)
    assert data.steps_per_epoch == 3  # of 32 images
    assert (data.num_steps(7, None), data.num_steps(None, 4)) == (7, 12)
    for steps, epochs in ((None, None), (7, 4)):
        with pytest.raises(ValueError, match="legal is one of both"):
            data.num_steps(steps, epochs)


@pytest.fixture
def captioned(striped: Path) -> PackedSplit:
    """A split with captions of other scripts, unknown words and words that look like missing values."""
    pack = PackedSplit(striped, "test")
    texts = ["A red, red bird!", "zebra NULL nan", "наша птица", "un oiseau nai\u0308f", "红鸟 bird", "the bird's wing"]
    pack.captions["text"] = (texts * 12)[: len(pack.captions)]
    return pack


@pytest.mark.parametrize("tokens", ["ascii", "unicode"])
@pytest.mark.parametrize("max_words", [1, 2, 18])
def test_texts_of_captions_are_read_as_the_same_words(captioned: PackedSplit, tokens: Tokens, max_words: int) -> None:
    if tokens == "ascii":
        captioned.captions["text"] = captioned.captions["text"].replace("наша птица", "a bird")
    words = [word for text in captioned.captions["text"] for word in tokenize(text, tokens) if word != "zebra"]
    vocabulary = Vocabulary.build([words], tokens=tokens)
    captions = EncodedCaptions(captioned, vocabulary, max_words).cut(np.random.default_rng(0))
    again = EncodedCaptions(captioned, vocabulary, texts=captions.texts())
    assert np.array_equal(again.ids, captions.ids) and np.array_equal(again.offsets, captions.offsets)
    assert captions.texts()[1] == "null nan" or max_words == 1  # without the word that is unknown


def test_a_cut_is_made_once_and_shortening_anew_each_time(striped: Path, vocabulary: Vocabulary) -> None:
    pack = PackedSplit(striped, "test")
    captions = EncodedCaptions(pack, vocabulary, 2)
    rows, rng = np.repeat(np.arange(72), 5), np.random.default_rng(0)
    anew = captions.padded(rows, rng).view(72, 5, 2)
    assert not (anew == anew[:, :1]).all()
    cut = captions.cut(np.random.default_rng(0))
    once = cut.padded(rows).view(72, 5, 2)
    assert (once == once[:, :1]).all() and torch.equal(cut.padded(rows, rng).view(72, 5, 2), once)
    assert captions.padded(rows).shape[1] == 5  # of the longest caption: the captions themselves are not changed


def test_words_in_place_of_captions_are_checked_like_captions(striped: Path, vocabulary: Vocabulary) -> None:
    texts = ["red"] * 71 + ["zebra"]
    with pytest.raises(InputError, match="caption 'zebra' of image 'test/.*' has no word of the vocabulary; remove it"):
        EncodedCaptions(PackedSplit(striped, "test"), vocabulary, texts=texts)
