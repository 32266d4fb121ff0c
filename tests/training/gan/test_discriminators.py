"""Images and mismatched sentences of the multi-scale discriminator."""

import pytest
import torch

from t2i.training.gan.discriminators import MultiScaleDiscriminator


def make(**changes: object) -> MultiScaleDiscriminator:
    torch.manual_seed(0)
    arguments = {"ndf": 4, "embedding_dim": 6, "norm": "none", "projection_dim": 0, "negative_captions": "next"}
    return MultiScaleDiscriminator([8, 16], **(arguments | changes))  # type: ignore[arg-type]


def test_the_hardest_negative_is_of_another_class_and_the_most_similar() -> None:
    both = make(projection_dim=5, negative_captions="hardest")
    features, sentences, classes = torch.randn(6, 8, 4, 4), torch.randn(6, 6), torch.tensor([0, 0, 1, 1, 2, 3])
    chosen = both.negative_sentences(1, features, sentences, classes)
    similarity = both[1].similarity(features, sentences)
    for i in range(6):
        others = [j for j in range(6) if classes[j] != classes[i]]
        best = max(others, key=lambda j: similarity[i, j].item())
        assert torch.equal(chosen[i], sentences[best])


def test_in_a_batch_of_one_class_the_negative_is_that_of_the_next_image() -> None:
    both = make(projection_dim=5, negative_captions="hardest")
    sentences = torch.randn(4, 6)
    chosen = both.negative_sentences(1, torch.randn(4, 8, 4, 4), sentences, torch.zeros(4, dtype=torch.long))
    assert torch.equal(chosen, sentences.roll(-1, dims=0))


def test_the_next_negative_is_that_of_the_next_image_as_published() -> None:
    sentences = torch.randn(4, 6)
    chosen = make().negative_sentences(0, torch.randn(4, 4, 4, 4), sentences, torch.arange(4))
    assert torch.equal(chosen, sentences[1:])


def test_hardest_negatives_need_a_projection() -> None:
    with pytest.raises(ValueError, match="hardest negative_captions need a projection_dim of 1 or more, it is 0"):
        make(negative_captions="hardest")


def test_pyramid_shrinks_real_images() -> None:
    images = torch.full((2, 3, 16, 16), 0.25)
    small, large = make().pyramid(images)
    assert small.shape == (2, 3, 8, 8) and large is images
    torch.testing.assert_close(small, torch.full_like(small, 0.25))
