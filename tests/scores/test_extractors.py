"""Features of images, with judges small enough to know the answer."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from t2i.errors import InputError
from t2i.scores.extractors import FeatureExtractor, Features, extract_features, load_network


class _Corner(nn.Module):
    """Reads the top left pixel, times a factor; has no parameters at all."""

    description = "trained in this pipeline, not Inception"

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        corner = images[:, :, 0, 0].float() * self.factor
        return corner, -corner


class _Small(nn.Module):
    """A network whose result depends on the mode it is in."""

    description = "trained in this pipeline, not Inception"

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 4, 4), nn.BatchNorm2d(6), nn.Dropout(0.5), nn.ReLU())
        self.head = nn.Linear(6, 4)

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images.float() / 127.5 - 1).mean(dim=(2, 3))
        return features, self.head(features)


def features_of(images: Tensor, judge: FeatureExtractor, batch_size: int = 64) -> Features:
    return extract_features(images.split(batch_size), load_network(judge))


def random_images(count: int, seed: int, side: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def test_features_come_in_order_whatever_the_batch() -> None:
    images = random_images(37, 0)
    result = features_of(images, _Corner(), batch_size=8)
    assert torch.equal(result.features, images[:, :, 0, 0].float())
    assert result.logits is not None and torch.equal(result.logits, -images[:, :, 0, 0].float())
    assert torch.equal(features_of(images, _Corner(), batch_size=100).features, result.features)


def test_the_judge_runs_in_eval_mode_and_is_left_as_it_was() -> None:
    torch.manual_seed(0)
    judge = _Small().train()
    judge.body[1].eval()
    before = {name: value.clone() for name, value in judge.state_dict().items()}
    images = random_images(16, 0)
    result = features_of(images, judge)
    assert torch.equal(result.features, features_of(images, judge).features)
    assert judge.training and judge.body[2].training and not judge.body[1].training
    assert all(parameter.requires_grad for parameter in judge.parameters())
    assert all(torch.equal(value, before[name]) for name, value in judge.state_dict().items())
    with torch.no_grad():
        torch.testing.assert_close(result.logits, judge.eval().features_and_logits(images)[1])


def test_another_judge_in_the_same_process() -> None:
    images = random_images(5, 0)
    assert torch.equal(features_of(images, _Corner(2.0)).features, 2 * features_of(images, _Corner(1.0)).features)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="0 images"):
        extract_features([], load_network(_Corner()))
    with pytest.raises(ValueError, match="torch.float32"):
        features_of(random_images(2, 0).float(), _Corner())
    with pytest.raises(ValueError, match=r"\[N, 3, H, W\]"):
        features_of(random_images(2, 0)[:, :1], _Corner())


@pytest.mark.parametrize(
    "source", ['raise RuntimeError("operator torchvision::nms does not exist")', "import torchvision_is_missing"]
)
def test_a_broken_torchvision_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torch_fidelity"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "t2i.scores.networks", raising=False)
    (tmp_path / "torch_fidelity").mkdir()
    (tmp_path / "torch_fidelity" / "__init__.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="install torch and torchvision from the same build") as caught:
        features_of(random_images(2, 0), _Corner())
    assert "\n" not in str(caught.value) and "torchvision" in str(caught.value)
