"""The plain code generates the same images."""

from pathlib import Path
from typing import get_args

import pytest
import torch

from benchmarks.sample import PlainTextToImage, images_of, largest_difference
from t2i.data.batches import EncodedCaptions
from t2i.data.packed import PackedSplit
from t2i.data.text.vocabulary import Vocabulary
from t2i.generation.plan import paired_plan
from t2i.generation.text_to_image import TextToImage
from t2i.models.blocks import NormAct
from t2i.models.encoders.text import TextEncoder
from t2i.models.generators.generator import Generator
from tests.helpers import make_generator


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
@pytest.mark.parametrize("norm_act", get_args(NormAct))
def test_both_generate_the_same(striped: Path, vocabulary: Vocabulary, model: str, norm_act: str) -> None:
    made = make_generator(norm_act=norm_act, model=model)
    for head in made.heads:
        head[0].weight.data.mul_(2)  # type: ignore[index, operator, union-attr]  # untrained images are nearly grey
    generator = Generator.from_checkpoint(made.to_checkpoint())
    text_to_image = TextToImage(generator, TextEncoder(vocabulary, embedding_dim=6, word_dim=5), "fp32")
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    split = PackedSplit(striped, "test")
    captions, plan = EncodedCaptions(split, vocabulary, 18), paired_plan(split, images=6, noises=1, seed=0)
    images = images_of(text_to_image, captions, plan, seed=0)
    plain = PlainTextToImage(text_to_image, batch_size=5).sample(captions, plan, seed=0)
    assert images.shape == plain.shape == (12, 3, 32, 32)
    assert largest_difference(images, plain) <= 1 and images.float().std() > 1
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert torch.equal(images_of(text_to_image, captions, plan, seed=0), images)  # the plain networks are copies
