"""Pretrained networks from files of the published shape with random weights, against plain implementations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import conv2d, gelu, interpolate, layer_norm, linear

from t2i.checkpoints.pretrained import EXTRACTORS
from t2i.errors import InputError
from t2i.params import Extractor
from t2i.scores import networks
from t2i.scores.extractors import Features, Pretrained, extract_features, load_network
from tests.helpers import SMALL_DINOV2, random_dinov2

State = dict[str, Tensor]


def random_images(count: int, side: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def features_of(images: Tensor, extractor: Pretrained, batch_size: int = 2) -> Features:
    return extract_features(images.split(batch_size), load_network(extractor))


def saved(state: Any, folder: Path, name: str) -> Pretrained:
    torch.save(state, folder / "weights.pth")
    return Pretrained(name, folder / "weights.pth")


def random_inception(**arguments: bool) -> Any:
    """torchvision's network with the random weights of seed 0."""
    from torchvision.models import inception_v3

    torch.manual_seed(0)
    return inception_v3(weights=None, init_weights=False, **arguments).eval()


def test_every_name_of_params_yaml_is_a_network_and_has_weights() -> None:
    assert list(Extractor.__args__) == ["judge", *EXTRACTORS]  # type: ignore[attr-defined]
    assert networks.CLASSES.keys() == EXTRACTORS.keys()


@pytest.mark.parametrize("side", [64, 256, 355])
def test_torchvision_inception_sees_what_pillow_resizes(side: int) -> None:
    images = random_images(2, side)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    for image, seen in zip(images, networks.TorchvisionInception.prepared(images), strict=True):
        resized = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((299, 299), Image.Resampling.BILINEAR)
        expected = np.asarray(resized) / 255 * (std / 0.5) + (mean - 0.5) / 0.5
        steps = np.abs(seen.permute(1, 2, 0).numpy() - expected) / (std / 0.5) * 255
        assert steps.max() < 1.01 and steps.mean() < 0.01


@pytest.mark.slow
def test_torchvision_inception_is_the_classifier_of_its_file(tmp_path: Path) -> None:
    donor = random_inception(aux_logits=True)
    extractor = saved(donor.state_dict(), tmp_path, "inception-v3-torchvision")
    images = random_images(3, 299)
    result = features_of(images, extractor)
    donor.transform_input = True  # torchvision's name for the formula
    pooled = []
    donor.avgpool.register_forward_hook(lambda _, __, output: pooled.append(output.flatten(1)))
    with torch.no_grad():
        logits = donor(images / 255)
    assert result.features.shape == (3, 2048) and result.logits is not None and result.logits.shape == (3, 1000)
    torch.testing.assert_close(result.logits, logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(result.features, pooled[0], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_tensorflow_s_inception_takes_its_weights_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = networks.CLASSES["inception-v3-compat"]
    torch.manual_seed(0)
    with monkeypatch.context() as patch:  # a network of the right shape with random weights, which nobody publishes
        patch.setattr(torch, "load", lambda *_, **__: {})
        patch.setattr(kind, "load_state_dict", lambda *_, **__: None)
        network = kind("inception-v3-compat", ["2048"], feature_extractor_weights_path="none")
    images = random_images(3, 8)
    result = features_of(images, saved(network.state_dict(), tmp_path, "inception-v3-compat"))
    assert result.features.shape == (3, 2048) and result.logits is not None and result.logits.shape == (3, 1008)
    torch.testing.assert_close(result.features[2:], network(images[2:])[0])


def plain_dinov2(state: State, images: Tensor, heads: int) -> Tensor:
    """The published network, step by step; images [N, 3, 224, 224] normalised."""
    x = conv2d(images, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=14)
    x = x.flatten(2).transpose(1, 2)  # [N, 256, D]
    n, _, width = x.shape
    grid = state["pos_embed"][:, 1:].reshape(1, 37, 37, width).permute(0, 3, 1, 2)
    grid = interpolate(grid, scale_factor=(16.1 / 37, 16.1 / 37), mode="bicubic")
    positions = torch.cat([state["pos_embed"][:, :1], grid.permute(0, 2, 3, 1).reshape(1, 256, width)], dim=1)
    x = torch.cat([state["cls_token"].expand(n, -1, -1), x], dim=1) + positions

    def norm(name: str, x: Tensor) -> Tensor:
        return layer_norm(x, (width,), state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-6)

    def layer(name: str, x: Tensor) -> Tensor:
        return linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    for i in range(sum(name.endswith("ls1.gamma") for name in state)):
        qkv = layer(f"blocks.{i}.attn.qkv", norm(f"blocks.{i}.norm1", x))
        q, k, v = qkv.reshape(n, -1, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        attention = (q @ k.transpose(-2, -1) * (width // heads) ** -0.5).softmax(dim=-1)
        context = (attention @ v).transpose(1, 2).reshape(n, -1, width)
        x = x + state[f"blocks.{i}.ls1.gamma"] * layer(f"blocks.{i}.attn.proj", context)
        hidden = gelu(layer(f"blocks.{i}.mlp.fc1", norm(f"blocks.{i}.norm2", x)))
        x = x + state[f"blocks.{i}.ls2.gamma"] * layer(f"blocks.{i}.mlp.fc2", hidden)
    return norm("norm", x)[:, 0]


def test_dinov2_from_a_file_is_the_published_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "DINOV2_SIZES", SMALL_DINOV2)
    state = random_dinov2(32, 2)
    images = random_images(3, 224)
    result = features_of(images, saved(state, tmp_path, "dinov2-vit-b-14"))
    mean, std = (torch.tensor(x)[:, None, None] for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    expected = plain_dinov2(state, (images / 255 - mean) / std, heads=2)
    torch.testing.assert_close(result.features, expected, rtol=1e-4, atol=1e-5)
    assert result.logits is None
    assert (
        features_of(random_images(2, 32), Pretrained("dinov2-vit-b-14", tmp_path / "weights.pth"))
        .features.isfinite()
        .all()
    )


def test_dinov2_of_the_published_size() -> None:
    with torch.device("meta"):  # names and shapes alone
        state = random_dinov2(768, 12)
        model = networks.dinov2(state)
    assert sum(value.numel() for value in state.values()) == 86_580_480  # as published
    assert model.encoder.pos_embedding.shape == (1, 1 + 16 * 16, 768)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (random_dinov2(32, 3), "RuntimeError: .*blocks.2.attn"),
        (random_dinov2(32, 1), "KeyError: 'blocks.1.attn"),
        (random_dinov2(48, 2), "RuntimeError: .*size mismatch"),
        (random_dinov2(32, 2) | {"register_tokens": torch.zeros(1, 4, 32)}, "RuntimeError: .*register_tokens"),
        ({"model": 1}, "KeyError: 'cls_token'"),
        ([1, 2], "holds no weights"),
    ],
)
def test_files_of_another_network_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: Any, message: str
) -> None:
    monkeypatch.setattr(networks, "DINOV2_SIZES", SMALL_DINOV2)
    with pytest.raises(InputError, match=message) as caught:
        features_of(random_images(2, 32), saved(state, tmp_path, "dinov2-vit-b-14"))
    assert str(caught.value).startswith(str(tmp_path)) and "\n" not in str(caught.value)
    assert str(caught.value).endswith(f"get it again from {EXTRACTORS['dinov2-vit-b-14'].url}")


@pytest.mark.parametrize("name", ["inception-v3-compat", "inception-v3-torchvision"])
def test_the_two_inceptions_are_not_mistaken_for_each_other(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="weights.pth does not hold .*RuntimeError: .* get it again from https://"):
        features_of(random_images(2, 32), saved({"fc.weight": torch.zeros(3, 2048)}, tmp_path, name))


class _Planted:
    """Runs a command when it is unpickled by anything but a weights-only load."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", [name for name in EXTRACTORS if name != "clip-vit-b-32"])
def test_nothing_in_a_file_is_executed(tmp_path: Path, name: str) -> None:
    extractor = saved({"a": _Planted(tmp_path / "executed")}, tmp_path, name)
    with pytest.raises(InputError, match="holds no weights"):
        features_of(random_images(2, 32), extractor)
    assert not (tmp_path / "executed").exists()


def test_clip_reads_the_published_form(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """OpenAI publishes TorchScript; here a smaller network in the same names."""
    from torch_fidelity.feature_extractor_clip import CLIPVisual

    class Clip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.visual = CLIPVisual(16, 64, 2, 64, 32).visual
            self.text_projection = nn.Parameter(torch.randn(8, 16))

        def forward(self, images: Tensor) -> Tensor:
            return self.visual(images) + self.text_projection.sum()

    torch.manual_seed(0)
    clip = Clip().eval()
    torch.jit.trace(clip, torch.zeros(1, 3, 64, 64)).save(tmp_path / "clip.pt")
    recwarn.clear()
    images = random_images(3, 64)
    result = features_of(images, Pretrained("clip-vit-b-32", tmp_path / "clip.pt"))
    assert not [warning for warning in recwarn if "torch.jit" in str(warning.message)]
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
    with torch.no_grad():
        expected = clip.visual((images / 255 - mean) / std)
    assert result.logits is None and result.features.shape == (3, 16)
    torch.testing.assert_close(result.features, expected, rtol=2e-2, atol=2e-2)  # through fp16, as published


def test_a_file_that_is_no_torchscript_is_no_clip(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not hold OpenAI's CLIP .*get it again from https://openaipublic"):
        features_of(random_images(2, 32), saved({}, tmp_path, "clip-vit-b-32"))
