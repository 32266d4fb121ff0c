"""One step of every paper budget at its real sizes: 256 pixels, Inception-v3, published widths."""

from typing import Any

import pytest
import torch

from t2i.data.captions import Vocabulary, tokenize
from t2i.data.pack import Pack
from t2i.data.packing import pack
from t2i.models.damsm import Damsm
from t2i.models.inception import InceptionImageEncoder
from t2i.models.text_encoder import TextEncoder
from t2i.params_file import load
from t2i.training.damsm import train_damsm
from t2i.training.gan import train_gan
from tests.conftest import ROOT, stripes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Four striped pictures of 304 pixels, of which training crops 256."""
    folder = tmp_path_factory.mktemp("large") / "prepared"
    pack({"train": stripes("train", 4, 304)}, folder, image_size=256, resize_ratio=1.1875, processes=1)
    return Pack.open(folder, "train")


@pytest.fixture(scope="module")
def words(large: Pack) -> Vocabulary:
    return Vocabulary.build(tokenize(text) for text in large.captions["text"])


def settings(data: str, model: str, stage: str) -> dict[str, Any]:
    params = load(ROOT / "params.yaml", data=data, model=model, budget="paper")
    loss = params.loss
    return dict(getattr(params.budgets["paper"], stage)) | {
        "steps": 1, "epochs": None, "batch_size": 2, "max_words": getattr(params.datasets, data).max_words,
        "flip": True, "temperature": loss.temperature, "gamma1": loss.gamma1, "gamma2": loss.gamma2,
        "gamma3": loss.gamma3, "precision": "fp32", "seed": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("data", "model"), [(d, m) for d in ("cub", "coco") for m in ("attngan", "dmgan")])
def test_a_gan_step(large: Pack, words: Vocabulary, data: str, model: str) -> None:
    torch.manual_seed(0)
    damsm = Damsm(TextEncoder(words, embedding_dim=256, word_dim=300), InceptionImageEncoder(256))
    generator, curves = train_gan(
        large, damsm, model=model, **settings(data, model, "train_gan"), noise_dim=100, condition_dim=100,
        contrastive_weight=0.2, shared_noise=True,
    )  # fmt: skip
    assert generator.config["image_size"] == 256 and len(generator.refinements) == 2
    assert all(torch.isfinite(parameter).all() for parameter in generator.parameters())
    assert set(curves[0]) == {"step", "d", "g", "damsm", "kl", "contrastive"}


def test_a_damsm_step_trains_the_heads_and_not_the_body(large: Pack, words: Vocabulary) -> None:
    body = InceptionImageEncoder(4).body.state_dict()
    damsm, _ = train_damsm(
        large, words, **settings("cub", "attngan", "pretrain_damsm"), inception_body=body, contrastive_weight=1.0
    )
    after = damsm.image.body.state_dict()  # type: ignore[union-attr]
    assert all(torch.equal(after[name], value) for name, value in body.items() if name.endswith("conv.weight"))
    # batch norm follows the statistics of the batches, as published
    assert not torch.equal(after["Conv2d_1a_3x3.bn.running_mean"], body["Conv2d_1a_3x3.bn.running_mean"])
    assert damsm.image.region_head.weight.abs().max() > 0.1  # started in [-0.1, 0.1], moved by Adam's first step
