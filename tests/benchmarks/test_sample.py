"""The plain way paints the same pictures."""

from pathlib import Path

import pytest
import torch

from benchmarks.sample import PlainPainter, largest_difference
from t2i.data.captions import Vocabulary
from t2i.data.pack import Pack
from t2i.data.pairs import EncodedCaptions
from t2i.models.generator import Generator
from t2i.models.text_encoder import TextEncoder
from t2i.painter import Painter
from t2i.sampling import paint_plan, plan
from tests.models.test_generator import make


@pytest.mark.parametrize("model", ["attngan", "dmgan"])
@pytest.mark.parametrize("layers", ["leaky_groupnorm", "glu_batchnorm"])
def test_both_ways_paint_the_same(striped: Path, vocabulary: Vocabulary, model: str, layers: str) -> None:
    generator = Generator.from_content(make(layers=layers, model=model).content())
    painter = Painter(generator, TextEncoder(vocabulary, embedding_dim=6, word_dim=5), "fp32")
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    pack = Pack.open(striped, "test")
    captions, table = EncodedCaptions(pack, vocabulary, 18), plan(pack, images=6, noises=1, seed=0)
    ours = paint_plan(painter, captions, table, seed=0)
    plain = PlainPainter(painter).paint_plan(captions, table, 5, seed=0)
    assert ours.shape == plain.shape == (12, 3, 32, 32)
    assert largest_difference(ours, plain) <= 1 and ours.float().std() > 1
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert torch.equal(paint_plan(painter, captions, table, seed=0), ours)  # the plain one is a copy
