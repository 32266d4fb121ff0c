"""Embeddings of images and captions, each computed once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from t2i.data.batches import EncodedCaptions, centre_crops
from t2i.data.packed import PackedSplit
from t2i.data.pixels import to_float
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.image import SmallImageEncoder
from t2i.models.encoders.text import TextEncoder
from t2i.models.judge import Judge
from t2i.scores.extractors import extract_features, load_network
from t2i.scores.features import encode_images, encode_sentences, judge_attributes, judge_codes

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
    codes = encode_images(encoder, images.split(5), CPU)
    assert codes.shape == (24, 16)
    with torch.no_grad():
        torch.testing.assert_close(codes, encoder(to_float(images))[1])


def test_codes_and_attributes_from_features_are_those_from_images(striped: Path, vocabulary: Vocabulary) -> None:
    torch.manual_seed(0)
    attributes = {"top": ["red", "blue", "green"], "bottom": ["red", "blue"]}
    judge = Judge(
        vocabulary, classes=[0, 1], attributes=attributes, embedding_dim=16, image_encoder={"kind": "small", "width": 8}
    ).eval()
    images = centre_crops(PackedSplit(striped, "test"))
    features = extract_features(images.split(10), load_network(judge)).features
    with torch.no_grad():  # else an untrained head predicts one value of all images
        for head in judge.attribute_heads.values():
            assert isinstance(head, nn.Linear)
            head.bias.copy_(-(head.weight @ features.mean(dim=0)))
    torch.testing.assert_close(judge_codes(judge, features, CPU), encode_images(judge.image, [images], CPU))
    with torch.no_grad():
        heads = judge.forward_all(to_float(images))[3]
    predicted = judge_attributes(judge, features, CPU)
    assert {name: [values.index(value) for value in predicted[name]] for name, values in attributes.items()} == {
        name: logits.argmax(dim=1).tolist() for name, logits in heads.items()
    }
    assert len(set(predicted["top"])) > 1
