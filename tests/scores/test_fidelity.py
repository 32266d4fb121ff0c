"""FID and Inception Score with judges small enough to know the answer, and against torch-fidelity's own entry point."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from t2i.errors import InputError
from t2i.scores import fidelity
from t2i.scores.fidelity import FeatureExtractor, extract_features, frechet_distance, inception_score


class _Corner(nn.Module):
    """Reads the top left pixel, times a factor; has no parameters at all."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        corner = images[:, :, 0, 0].float() * self.factor
        return corner, -corner


class _Small(nn.Module):
    """A network whose result depends on the mode it is in."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 4, 4), nn.BatchNorm2d(6), nn.Dropout(0.5), nn.ReLU())
        self.head = nn.Linear(6, 4)

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images.float() / 127.5 - 1).mean(dim=(2, 3))
        return features, self.head(features)


class _ImageDataset(Dataset[Tensor]):
    """What torch-fidelity's entry point takes images as."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def _fid(real: Tensor, fake: Tensor, judge: FeatureExtractor) -> float:
    """FID of two sets of images, real ones first."""
    return frechet_distance(extract_features(real, judge).features, extract_features(fake, judge).features)


def _images(count: int, seed: int, side: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def test_features_come_in_order_whatever_the_batch() -> None:
    images = _images(37, 0)
    result = extract_features(images, _Corner(), batch_size=8)
    assert torch.equal(result.features, images[:, :, 0, 0].float())
    assert torch.equal(result.logits, -images[:, :, 0, 0].float())
    assert torch.equal(extract_features(images, _Corner(), batch_size=100).features, result.features)


def test_the_judge_runs_in_eval_mode_and_is_left_as_it_was() -> None:
    torch.manual_seed(0)
    judge = _Small().train()
    judge.body[1].eval()
    before = {name: value.clone() for name, value in judge.state_dict().items()}
    images = _images(16, 0)
    result = extract_features(images, judge)
    assert torch.equal(result.features, extract_features(images, judge).features)
    assert judge.training and judge.body[2].training and not judge.body[1].training
    assert all(parameter.requires_grad for parameter in judge.parameters())
    assert all(torch.equal(value, before[name]) for name, value in judge.state_dict().items())
    with torch.no_grad():
        torch.testing.assert_close(result.logits, judge.eval().features_and_logits(images)[1])


def test_another_judge_in_the_same_process() -> None:
    images = _images(5, 0)
    assert torch.equal(
        extract_features(images, _Corner(2.0)).features, 2 * extract_features(images, _Corner(1.0)).features
    )


def test_identical_sets_are_at_distance_0_and_order_does_not_matter() -> None:
    torch.manual_seed(0)
    judge = _Small()
    real, fake = _images(50, 0), _images(40, 1) // 2
    assert _fid(real, real, judge) == pytest.approx(0, abs=1e-5)
    assert _fid(real, fake, judge) == pytest.approx(_fid(fake, real, judge), rel=1e-6)
    assert _fid(real, fake, judge) > 1e-3


def test_closed_form_of_gaussians() -> None:
    """Features rotated into a common basis have |difference of means|^2 + sum (s_1 - s_2)^2."""
    rng = np.random.default_rng(0)
    raw = rng.standard_normal((500, 4))
    raw -= raw.mean(axis=0)
    white = raw @ np.linalg.inv(np.linalg.cholesky(np.cov(raw, rowvar=False))).T
    basis = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    s1, s2, shift = np.array([1, 2, 3, 4]), np.array([2, 2, 1, 5]), np.array([1, 0, -2, 0.5])
    real = torch.from_numpy(white * s1 @ basis).float()
    fake = torch.from_numpy((white[::-1] * s2 + shift) @ basis).float()
    expected = np.sum(shift**2) + np.sum((s1 - s2) ** 2)
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-4)


def test_fewer_images_than_features() -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(3, 64), torch.randn(2, 64)
    assert np.isfinite(frechet_distance(real, fake))
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-3)


def test_inception_score_of_sure_and_unsure_judges() -> None:
    classes = torch.arange(200) % 5
    sure = 100.0 * nn.functional.one_hot(classes, 5)
    assert inception_score(sure, splits=1, seed=0) == pytest.approx((5, 0))
    mean, std = inception_score(sure, splits=10, seed=0)
    assert 4 < mean < 5 and std > 0
    assert inception_score(sure, splits=10, seed=0) == (mean, std)
    assert inception_score(sure, splits=10, seed=1) != (mean, std)
    assert inception_score(torch.zeros(20, 5), seed=0) == pytest.approx((1, 0))


def test_inception_score_agrees_with_a_slow_loop() -> None:
    logits = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    p = logits.double().softmax(1).numpy()
    q = p.mean(axis=0)
    divergences = [sum(row[k] * np.log(row[k] / q[k]) for k in range(4)) for row in p]
    assert inception_score(logits, splits=1, seed=0)[0] == pytest.approx(np.exp(np.mean(divergences)))


def test_same_numbers_as_the_entry_point_of_the_library_and_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch_fidelity = pytest.importorskip("torch_fidelity")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.manual_seed(0)
    judge, real, fake = _Small(), _images(60, 0), _images(50, 1) // 3
    fid = _fid(real, fake, judge)
    mean, std = inception_score(extract_features(fake, judge).logits, splits=5, seed=7)
    expected = torch_fidelity.calculate_metrics(
        input1=_ImageDataset(fake), input2=_ImageDataset(real), feature_extractor=fidelity.JUDGE, judge=judge,
        fid=True, isc=True, isc_splits=5, rng_seed=7, cuda=False, cache=False, save_cpu_ram=True, verbose=False,
    )  # fmt: skip
    assert fid == pytest.approx(expected["frechet_inception_distance"], rel=1e-6)
    assert (mean, std) == (expected["inception_score_mean"], expected["inception_score_std"])
    assert not list(tmp_path.iterdir())


def test_bad_arguments() -> None:
    good = torch.randn(4, 3)
    for real, fake, message in (
        (good[:1], good, r"real has features of shape \(1, 3\)"),
        (good, good[:1], "fake has features"),
        (good[:, :1], good[:, :1], r"\[2, 2\]"),
        (good, good[:, :2], "real has 3 features, fake 2"),
        (good, good * float("nan"), "fake has features that are not finite"),
    ):
        with pytest.raises(ValueError, match=message):
            frechet_distance(real, fake)
    with pytest.raises(ValueError, match="at least"):
        _fid(_images(1, 0), _images(5, 0), _Corner())
    with pytest.raises(ValueError, match="0 images"):
        extract_features(_images(0, 0), _Corner())
    with pytest.raises(ValueError, match="torch.float32"):
        extract_features(_images(2, 0).float(), _Corner())
    with pytest.raises(ValueError, match=r"\[N, 3, H, W\]"):
        extract_features(_images(2, 0)[:, :1], _Corner())
    with pytest.raises(ValueError, match="splits is 10; legal are 1 to 4"):
        inception_score(good, seed=0)
    with pytest.raises(ValueError, match="not finite"):
        inception_score(good / 0, splits=1, seed=0)


@pytest.mark.parametrize(
    "source", ['raise RuntimeError("operator torchvision::nms does not exist")', "import torchvision_is_missing"]
)
def test_a_broken_torchvision_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torch_fidelity"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "torch_fidelity").mkdir()
    (tmp_path / "torch_fidelity" / "__init__.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="install torch and torchvision from the same build") as caught:
        extract_features(_images(2, 0), _Corner())
    assert "\n" not in str(caught.value) and "torchvision" in str(caught.value)


def test_inception_takes_its_weights_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    torch.manual_seed(0)
    with monkeypatch.context() as patch:  # a network of the right shape with random weights, which nobody publishes
        patch.setattr(torch, "load", lambda *_, **__: {})
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_, **__: None)
        network = FeatureExtractorInceptionV3(fidelity.INCEPTION, ["2048"], feature_extractor_weights_path="none")
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    images = _images(3, 0)
    result = extract_features(images, tmp_path / "weights.pth", batch_size=2)
    assert result.features.shape == (3, 2048) and result.logits.shape == (3, 1008)
    torch.testing.assert_close(result.features[2:], network(images[2:])[0])
