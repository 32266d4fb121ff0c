"""Backbones: what timm's networks compute, frozen, whatever weights they have."""

import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from t2i.errors import InputError
from t2i.models.backbone import Backbone, fold_batch_norms

timm = pytest.importorskip("timm")


def network(name: str) -> Any:
    """A network of timm in eval mode, whose batch norms have statistics and weights that matter."""
    torch.manual_seed(0)
    made = timm.create_model(name).eval()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            nn.init.normal_(module.running_mean, 0.0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.0, 0.2)
    return made


def images(side: int, count: int = 2) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1


# in the second not every batch norm follows a convolution, the third's pooled features pass another convolution
@pytest.mark.parametrize(
    ("name", "known", "norms_left"),
    [
        ("efficientnet_lite0", "tf_efficientnet_lite0", 0),
        ("timm/resnetv2_18", "resnetv2_18", 9),
        ("timm/mobilenetv3_small_050", "mobilenetv3_small_050", 0),
    ],
)
@torch.no_grad()
def test_it_computes_what_timm_does_on_normalised_images(name: str, known: str, norms_left: int) -> None:
    whole = network(known)
    backbone = Backbone(name, 64, whole.state_dict()).train()
    given = images(64)
    mean, std = (torch.tensor(whole.default_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    normalised = ((given + 1) / 2 - mean) / std
    last, all_maps = whole.forward_intermediates(normalised)
    maps, own_last = backbone(given)
    assert [64 // level.shape[-1] for level in maps] == [4, 8, 16, 32]
    assert [level.shape[1] for level in maps] == backbone.channels and own_last.shape[1] == backbone.width
    for own, expected in zip([*maps, own_last], [*all_maps[-4:], last], strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())
    assert all(map(torch.equal, backbone.levels(given), maps))
    assert sum(isinstance(module, nn.BatchNorm2d) for module in backbone.modules()) == norms_left


class Shortcut(nn.Module):
    """A convolution whose output a batch norm reads, and a shortcut beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.pool = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1)

    def forward(self, given: Tensor) -> Tensor:
        hidden = self.conv(given)
        return self.pool(self.norm(hidden) + hidden).flatten(1)


def test_what_a_shortcut_reads_too_is_not_folded() -> None:
    torch.manual_seed(0)
    network = Shortcut().eval()
    nn.init.constant_(network.norm.weight, 3.0)
    given = images(16)
    expected = network(given)
    torch.testing.assert_close(fold_batch_norms(network, 16)(given), expected)
    plain = nn.Sequential(network.conv, network.norm, network.pool).eval()
    expected = plain(given)
    folded = fold_batch_norms(plain, 16)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    torch.testing.assert_close(folded(given), expected)


def test_images_of_other_sizes_are_resized_and_get_gradients_that_weights_do_not() -> None:
    backbone = Backbone("efficientnet_lite0", 64).train()
    for side in (32, 128):
        given = images(side).requires_grad_()
        maps, last = backbone(given)
        assert last.shape[2:] == (2, 2)
        (maps[0].square().sum() + last.square().sum()).backward()
        assert given.grad is not None and given.grad.abs().amax(dim=(1, 2, 3)).min() > 0
    assert not any(weight.requires_grad for weight in backbone.parameters())
    assert not any(module.training for module in backbone.body.modules())


def test_images_in_bf16_are_made_smaller() -> None:
    backbone = Backbone("efficientnet_lite0", 64)
    given = images(128).bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        _, last = backbone(given)
    last.float().square().sum().backward()
    assert given.grad is not None and given.grad.float().abs().amax(dim=(1, 2, 3)).min() > 0


def test_images_are_made_smaller_by_what_repeats_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = Backbone("efficientnet_lite0", 64)
    given = [images(128).requires_grad_() for _ in range(2)]
    expected = backbone(given[0])[1]
    monkeypatch.setattr(torch, "are_deterministic_algorithms_enabled", lambda: True)
    interpolate = nn.functional.interpolate

    def refuses(tensor: Tensor, *arguments: Any, **options: Any) -> Tensor:
        assert not (options.get("antialias") and tensor.requires_grad)
        return interpolate(tensor, *arguments, **options)

    monkeypatch.setattr("t2i.models.backbone.interpolate", refuses)
    found = backbone(given[1])[1]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    for maps in (expected, found):
        maps.square().sum().backward()
    torch.testing.assert_close(given[1].grad, given[0].grad, rtol=1e-3, atol=1e-4)


def test_seeds_of_others_are_not_moved() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    Backbone("efficientnet_lite0", 32)
    assert torch.equal(torch.rand(1), expected)


def test_weights_of_another_network_are_refused() -> None:
    weights = timm.create_model("tf_efficientnet_lite1").state_dict()
    for wrong in (weights, dict(list(weights.items())[:3])):
        with pytest.raises(InputError, match=r"weights of efficientnet_lite0 do not fit timm's: install both anew"):
            Backbone("efficientnet_lite0", 32, wrong)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm/no_such_network", r"^timm .* knows no network 'no_such_network'; `timm.list_models\(\)` lists them$"),
        ("timm/test_vit", r"^timm/test_vit has maps of 1/16 of the side; needed are 1/4 to 1/32$"),
        ("timm/swin_s3_tiny_224", r"^timm/swin_s3_tiny_224 cannot read images of 64 pixels: Input height .*$"),
    ],
)
def test_networks_that_do_not_serve(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Backbone(name, 64)


def test_without_timm_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"^efficientnet_lite0 needs timm: pip install -e '.\[pretrained\]'$"):
        Backbone("efficientnet_lite0", 64)
