"""Embeddings of images and captions, each computed once."""

from pathlib import Path

import numpy as np
import pytest
import torch

from t2i.data.batches import EncodedCaptions, centre_crops
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_float
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.image import SmallImageEncoder
from t2i.models.encoders.text import TextEncoder
from t2i.scores.features import encode_images, encode_sentences

CPU = torch.device("cpu")


@pytest.mark.parametrize("max_words", [4, 18])  # with 4, two in three captions are cut
def test_each_sentence_is_that_of_its_own_caption_whatever_it_is_encoded_with(
    striped: Path, vocabulary: Vocabulary, max_words: int
) -> None:
    torch.manual_seed(0)
    encoder = TextEncoder(
        vocabulary, embedding_dim=16, word_dim=16, dropout=0.0, word_init_range=1.0, forget_bias=1.0,
        sentence_pooling="max",
    ).eval()  # fmt: skip
    captions = EncodedCaptions(PackedSplit(striped, "test"), vocabulary, max_words).cut(np.random.default_rng(0))
    sentences = encode_sentences(encoder, captions, CPU)
    assert sentences.shape == (72, 16)
    ids = captions.padded(np.arange(len(captions)))
    assert ids.shape[1] <= max_words
    with torch.no_grad():
        torch.testing.assert_close(sentences, encoder(ids).sentence)


def test_images_are_encoded_in_order_whatever_the_batch(striped: Path) -> None:
    torch.manual_seed(0)
    encoder = SmallImageEncoder(16, 8).eval()
    images = centre_crops(PackedSplit(striped, "test"))
    codes = encode_images(encoder, images, CPU, batch_size=5)
    assert codes.shape == (24, 16)
    with torch.no_grad():
        torch.testing.assert_close(codes, encoder(to_float(images))[1])
