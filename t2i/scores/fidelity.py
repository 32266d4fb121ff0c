"""FID and Inception Score by torch-fidelity, on the features of a network.

The network is either the judge, trained in the pipeline, whose scores are comparable only with its own scores, or
Inception with the weights that published scores use. Features are extracted once for each set of images
(`extract_features`) and compared as often as needed; the scores equal those of `torch_fidelity.calculate_metrics`.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from t2i.errors import InputError

JUDGE = "t2i-judge"
"""Name of the judge in torch-fidelity's registry of feature extractors."""
FEATURES, LOGITS = "judge", "judge_logits"
"""Names of its two outputs there."""
INCEPTION = "inception-v3-compat"
"""Name of torch-fidelity's own Inception."""
INCEPTION_FEATURES, INCEPTION_LOGITS = "2048", "logits_unbiased"


class FeatureExtractor(Protocol):
    """An image classifier (`nn.Module`) whose last hidden layer serves as features.

    Not to be confused with torch-fidelity's `FeatureExtractorBase`, to which `extract_features` adapts it.
    """

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: uint8 [N, 3, H, W] -> features float32 [N, F], logits float32 [N, K]."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """As in `nn.Module`; images are moved to their device."""


@dataclass(frozen=True)
class Features:
    """Outputs of a network for N images.

    Attributes:
        features: [N, F] float32 on the CPU, for FID.
        logits: [N, K] float32 on the CPU, for the Inception Score.
    """

    features: Tensor
    logits: Tensor


def extract_features(images: Tensor, extractor: FeatureExtractor | Path, *, batch_size: int = 64) -> Features:
    """Run a network on all images in order, in eval mode and without gradients.

    Args:
        images: uint8 [N, 3, H, W].
        extractor: a judge, which is not changed, or the file of torch-fidelity's Inception weights.
        batch_size: number of images at a time.

    Raises:
        ValueError: the images are not uint8 RGB, or there are none.
        InputError: torch-fidelity or torchvision cannot be imported.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images are {images.dtype} {list(images.shape)}; legal is torch.uint8 [N, 3, H, W]")
    if len(images) == 0:
        raise ValueError("there are 0 images; at least 1 is needed")
    _register_judge()
    from torch_fidelity.utils import create_feature_extractor, get_featuresdict_from_dataset

    if isinstance(extractor, Path):
        cuda, features, logits = torch.cuda.is_available(), INCEPTION_FEATURES, INCEPTION_LOGITS
        network = create_feature_extractor(
            INCEPTION, [features, logits], cuda=cuda, feature_extractor_weights_path=str(extractor), verbose=False
        )
    else:
        cuda, features, logits = False, FEATURES, LOGITS  # the adapter moves images to the device of the judge
        network = create_feature_extractor(JUDGE, [features, logits], cuda=cuda, judge=extractor, verbose=False)
    # `save_cpu_ram` loads in this process: worker processes cost more than they save for images in memory.
    outputs = get_featuresdict_from_dataset(
        _ImageDataset(images), network, batch_size, cuda=cuda, save_cpu_ram=True, verbose=False
    )
    return Features(outputs[features].cpu(), outputs[logits].cpu())


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Fréchet distance of two Gaussians fitted to features (FID); symmetric.

    |mu_r - mu_f|^2 + tr(S_r + S_f - 2 (S_r S_f)^(1/2)), equation 6 of Heusel et al., "GANs Trained by a Two Time-Scale
    Update Rule", 2017. With fewer images than features S is singular and the value biased upwards, but defined.

    Args:
        real: features [N, F] float32.
        fake: features [M, F] float32.

    Returns:
        0 or more, up to rounding.

    Raises:
        ValueError: fewer than 2 images or features, different F, or values that are not finite.
    """
    for name, features in (("real", real), ("fake", fake)):
        if features.ndim != 2 or features.shape[0] < 2 or features.shape[1] < 2:
            raise ValueError(f"{name} has features of shape {tuple(features.shape)}; at least [2, 2] is needed")
        if not features.isfinite().all():
            raise ValueError(f"{name} has features that are not finite")
    if real.shape[1] != fake.shape[1]:
        raise ValueError(f"real has {real.shape[1]} features, fake {fake.shape[1]}; they must come from one network")
    _register_judge()
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(features.detach().cpu()) for features in (real, fake)]
    return float(fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID])


def inception_score(logits: Tensor, *, splits: int = 10, seed: int) -> tuple[float, float]:
    """exp of the mean KL divergence of p(class | image) from p(class), on each of `splits` random parts.

    Salimans et al., "Improved Techniques for Training GANs", 2016, section 4.

    Args:
        logits: [N, K].
        splits: number of parts, 1 to N.
        seed: of the random assignment of images to parts.

    Returns:
        Mean and standard deviation over the parts; a score lies between 1 and K.

    Raises:
        ValueError: `splits` is out of range, or the logits have another shape or are not finite.
    """
    if logits.ndim != 2 or not logits.isfinite().all():
        raise ValueError(f"logits have shape {tuple(logits.shape)} or are not finite; legal are finite [N, K]")
    if not 1 <= splits <= len(logits):
        raise ValueError(f"splits is {splits}; legal are 1 to {len(logits)}, the number of images")
    _register_judge()
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

    score = isc_features_to_metric(logits.detach().cpu(), splits=splits, shuffle=True, rng_seed=seed)
    return float(score[KEY_METRIC_ISC_MEAN]), float(score[KEY_METRIC_ISC_STD])


class _ImageDataset(Dataset[Tensor]):
    """The rows of a tensor; torch's TensorDataset yields tuples, torch-fidelity expects tensors."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def _register_judge() -> None:
    """Register an adapter for judges with torch-fidelity, once a process; the judge itself is passed with each call.

    The imports are local because torch-fidelity imports torchvision, which fails if its build does not match torch.
    Training and sampling must work all the same, and evaluation must report it in one line.

    Raises:
        InputError: torch-fidelity or torchvision cannot be imported.
    """
    try:
        from torch_fidelity.feature_extractor_base import FeatureExtractorBase
        from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY, register_feature_extractor
    except (ImportError, RuntimeError, AttributeError, OSError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"FID and Inception Score need torch-fidelity and torchvision, whose import fails ({type(error).__name__}: "
            f"{reason}): install torch and torchvision from the same build (both for CPU, or both for one CUDA), then "
            "torch-fidelity"
        ) from error
    if JUDGE in FEATURE_EXTRACTORS_REGISTRY:
        return

    class JudgeAdapter(FeatureExtractorBase):  # type: ignore[misc]
        """torch-fidelity adapter for the judge; constructed by the library from name, layers and keyword arguments."""

        def __init__(self, name: str, features_list: list[str], judge: nn.Module, **_: Any) -> None:
            super().__init__(name, features_list)
            self.judge = copy.deepcopy(judge)  # a copy, since torch-fidelity freezes it

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return FEATURES, LOGITS

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return LOGITS if metric == "isc" else FEATURES

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        def forward(self, images: Tensor) -> tuple[Tensor, ...]:
            device = next(self.judge.parameters(), torch.empty(0)).device
            features, logits = self.judge.features_and_logits(images.to(device))  # type: ignore[operator]
            outputs = {FEATURES: features.float(), LOGITS: logits.float()}
            return tuple(outputs[name] for name in self.features_list)

    register_feature_extractor(JUDGE, JudgeAdapter)
