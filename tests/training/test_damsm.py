"""Pretraining on striped images: it learns, and the same seed gives the same weights."""

from pathlib import Path

import pytest
import torch

from t2i.data.batches import EncodedCaptions, centre_crops
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.scores.features import encode_images, encode_sentences
from tests.helpers import same_weights, small_damsm

CPU = torch.device("cpu")


def test_damsm_learns_to_match_stripes_with_their_captions(striped: Path, vocabulary: Vocabulary) -> None:
    damsm, history = small_damsm(striped, vocabulary)
    assert history[-1]["words"] + history[-1]["sentence"] < 0.7 * (history[0]["words"] + history[0]["sentence"])
    pack = PackedSplit(striped, "test")
    codes = encode_images(damsm.image, centre_crops(pack), CPU)
    captions = EncodedCaptions(pack, vocabulary, 18)
    sentences = encode_sentences(damsm.text, captions, CPU, 0)
    assert codes.shape == (24, 16) and sentences.shape == (72, 16)
    # the caption that names both colours (the second of each image) fits its image better than others on average
    cosine = torch.nn.functional.cosine_similarity(codes[:, None], sentences[1::3][None], dim=2)
    assert cosine.diagonal().mean() > cosine.mean() + 0.1


def test_damsm_learns_from_more_captions_of_the_batch(striped: Path, vocabulary: Vocabulary) -> None:
    first = {}
    for captions, negatives in ((2, "view"), (2, "batch"), (3, "batch")):
        changes = {"captions_per_image": captions, "losses": {"negatives": negatives}}
        _, history = small_damsm(striped, vocabulary, **changes)
        assert history[-1]["sentence"] < 0.8 * history[0]["sentence"]
        first[captions, negatives] = small_damsm(striped, vocabulary, **changes, steps=1)[1][0]
    # the first step begins with the same weights: the more negatives, the harder it is
    assert first[2, "view"]["sentence"] + 0.3 < first[2, "batch"]["sentence"]
    assert first[2, "batch"]["sentence"] + 0.3 < first[3, "batch"]["sentence"]
    assert first[2, "view"]["words"] == first[2, "batch"]["words"]


def test_damsm_repeats_to_the_bit_and_follows_its_seed(striped: Path, vocabulary: Vocabulary) -> None:
    one, two, other = (
        small_damsm(striped, vocabulary, steps=4, seed=seed, text_encoder={"dropout": 0.3})[0] for seed in (0, 0, 1)
    )
    assert same_weights(one, two) and not same_weights(one, other)


@pytest.mark.parametrize("group", ["text_encoder", "image_encoder", "losses", "optimizer"])
def test_a_misspelt_argument_of_a_group_is_a_type_error(striped: Path, vocabulary: Vocabulary, group: str) -> None:
    with pytest.raises(TypeError, match="misspelt"):
        small_damsm(striped, vocabulary, **{group: {"misspelt": 1}})
