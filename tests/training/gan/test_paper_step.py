"""One step of the paper's recipe at its real sizes: 256 pixels, Inception-v3, published widths."""

import pytest
import torch

from t2i.data.packed import PackedSplit
from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.damsm import Damsm
from t2i.models.encoders.inception import InceptionImageEncoder
from t2i.models.encoders.text import TextEncoder
from t2i.params import Params
from t2i.params.reader import load
from t2i.pipeline.arguments import damsm_arguments, gan_arguments
from t2i.sources.pack_writer import pack
from t2i.training.damsm import train_damsm
from t2i.training.gan.train import train_gan
from tests.conftest import ROOT, stripes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> PackedSplit:
    """Four striped pictures of 304 pixels, of which training crops 256."""
    folder = tmp_path_factory.mktemp("large") / "prepared"
    pack({"train": stripes("train", 4, 304)}, folder, image_size=256, resize_ratio=1.1875, processes=1)
    return PackedSplit(folder, "train")


@pytest.fixture(scope="module")
def words(large: PackedSplit) -> Vocabulary:
    return Vocabulary.build(tokenize(text) for text in large.captions["text"])


def paper(data: str, model: str) -> Params:
    return load(ROOT / "params.yaml", data=data, model=model, recipe="paper", budget="paper")


@pytest.mark.parametrize(("data", "model"), [("cub", "attngan"), ("coco", "dmgan")])
def test_a_gan_step(large: PackedSplit, words: Vocabulary, data: str, model: str) -> None:
    torch.manual_seed(0)
    damsm = Damsm(TextEncoder(words, embedding_dim=256, word_dim=300), InceptionImageEncoder(256))
    arguments = gan_arguments(paper(data, model)) | {"steps": 1, "epochs": None, "batch_size": 2}
    generator, _, history = train_gan(large, damsm, **arguments | {"precision": "fp32"})
    assert generator.config["image_size"] == 256 and len(generator.refinements) == 2
    assert all(torch.isfinite(parameter).all() for parameter in generator.parameters())
    assert set(history[0]) == {"step", "d", "g", "damsm", "kl", "contrastive"}


def test_a_damsm_step_trains_the_heads_and_not_the_body(large: PackedSplit, words: Vocabulary) -> None:
    body = InceptionImageEncoder(4).body.state_dict()
    arguments = damsm_arguments(paper("cub", "attngan")) | {"steps": 1, "epochs": None, "batch_size": 2}
    damsm, _ = train_damsm(large, words, **arguments | {"precision": "fp32"}, pretrained=body)
    after = damsm.image.body.state_dict()  # type: ignore[union-attr]
    assert all(torch.equal(after[name], value) for name, value in body.items() if name.endswith("conv.weight"))
    # batch norm follows the statistics of the batches, as published
    assert not torch.equal(after["Conv2d_1a_3x3.bn.running_mean"], body["Conv2d_1a_3x3.bn.running_mean"])
    assert damsm.image.region_head.weight.abs().max() > 0.1  # initialised in [-0.1, 0.1], moved by Adam's first step
