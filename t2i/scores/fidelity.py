"""FID and Inception Score by torch-fidelity, on the features of a network.

Either that of a network trained in the pipeline, the judge, whose numbers compare only with numbers of the same judge,
or Inception with the weights that published figures use. Features are extracted once a set of images (`extract`) and
compared as often as needed; the numbers are exactly those that `torch_fidelity.calculate_metrics` gives.
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
FEATURES = "judge"
LOGITS = "judge_logits"
INCEPTION = "inception-v3-compat"


class ImageJudge(Protocol):
    """A classifier of images, an `nn.Module`, whose last hidden layer serves as features."""

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: uint8 [N, 3, H, W] -> features float32 [N, F], logits float32 [N, K]."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """As in `nn.Module`; their device is where the images go."""


@dataclass(frozen=True)
class Judged:
    """What a network sees in N images.

    Attributes:
        features: [N, F] float32 on the CPU, for FID.
        logits: [N, K] float32 on the CPU, for the Inception Score.
    """

    features: Tensor
    logits: Tensor


def extract(images: Tensor | Dataset[Tensor], extractor: ImageJudge | Path, *, batch_size: int = 64) -> Judged:
    """Run a network, in eval mode and without gradients, on every image, in order.

    Args:
        images: uint8 [N, 3, H, W], or a data set of N images uint8 [3, H, W] where they do not fit into memory.
        extractor: a judge, which is left as it was, or the file of torch-fidelity's Inception weights: features are
            then its layer "2048", logits "logits_unbiased".
        batch_size: images at a time.

    Raises:
        ValueError: no uint8 RGB images, or none at all.
        InputError: torch-fidelity or torchvision cannot be imported.
    """
    dataset = _Images(images) if isinstance(images, Tensor) else images
    if len(dataset) == 0:  # type: ignore[arg-type]
        raise ValueError("there are 0 images; at least 1 is needed")
    first = dataset[0]
    if first.dtype != torch.uint8 or first.ndim != 3 or first.shape[0] != 3:
        raise ValueError(f"an image is {first.dtype} of shape {tuple(first.shape)}; legal is torch.uint8 [3, H, W]")
    _register()
    from torch_fidelity.utils import create_feature_extractor, get_featuresdict_from_dataset

    # `save_cpu_ram` loads in this process: worker processes for tensors that are there cost more than they save.
    if isinstance(extractor, Path):
        cuda, layers = torch.cuda.is_available(), ["2048", "logits_unbiased"]
        network = create_feature_extractor(
            INCEPTION, layers, cuda=cuda, feature_extractor_weights_path=str(extractor), verbose=False
        )
    else:  # the judge's images are moved to the device that it is on
        cuda, layers = False, [FEATURES, LOGITS]
        network = create_feature_extractor(JUDGE, layers, cuda=cuda, judge=extractor, verbose=False)
    found = get_featuresdict_from_dataset(dataset, network, batch_size, cuda=cuda, save_cpu_ram=True, verbose=False)
    return Judged(found[layers[0]].cpu(), found[layers[1]].cpu())


def frechet_distance_of_features(real: Tensor, fake: Tensor) -> float:
    """Fréchet distance of two Gaussians fitted to features, real ones first (the order does not change the value).

    |mu_r - mu_f|^2 + tr(S_r + S_f - 2 (S_r S_f)^(1/2)), equation 6 of Heusel et al., "GANs Trained by a Two Time-Scale
    Update Rule", 2017. Fewer images than features give a singular S, and a value that is biased upwards but defined.

    Args:
        real: [N, F] float32.
        fake: [M, F] float32.

    Returns:
        0 or more, up to rounding.

    Raises:
        ValueError: fewer than 2 images on a side, fewer than 2 features, different F, or values that are not finite.
    """
    for name, features in (("real", real), ("fake", fake)):
        if features.ndim != 2 or features.shape[0] < 2 or features.shape[1] < 2:
            raise ValueError(f"{name} has features of shape {tuple(features.shape)}; at least [2, 2] is needed")
        if not features.isfinite().all():
            raise ValueError(f"{name} has features that are not finite")
    if real.shape[1] != fake.shape[1]:
        raise ValueError(f"real has {real.shape[1]} features, fake {fake.shape[1]}; they must come from one judge")
    _register()
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(features.detach().cpu()) for features in (real, fake)]
    return float(fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID])


def frechet_distance(
    real: Tensor | Dataset[Tensor], fake: Tensor | Dataset[Tensor], judge: ImageJudge, *, batch_size: int = 64
) -> float:
    """FID of two sets of images, real ones first; see `extract` and `frechet_distance_of_features`."""
    return frechet_distance_of_features(
        extract(real, judge, batch_size=batch_size).features, extract(fake, judge, batch_size=batch_size).features
    )


def inception_score_of_logits(logits: Tensor, *, splits: int = 10, seed: int) -> tuple[float, float]:
    """exp of the mean KL divergence of p(class | image) from p(class), on each of `splits` random parts.

    Salimans et al., "Improved Techniques for Training GANs", 2016, section 4.

    Args:
        logits: [N, K].
        splits: 1 to N.
        seed: of the order in which images are dealt to parts.

    Returns:
        Mean and standard deviation over the parts; a score lies between 1 and K.

    Raises:
        ValueError: `splits` out of range, logits of another shape or not finite.
    """
    if logits.ndim != 2 or not logits.isfinite().all():
        raise ValueError(f"logits have shape {tuple(logits.shape)} or are not finite; legal are finite [N, K]")
    if not 1 <= splits <= len(logits):
        raise ValueError(f"splits is {splits}; legal are 1 to {len(logits)}, the number of images")
    _register()
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

    score = isc_features_to_metric(logits.detach().cpu(), splits=splits, shuffle=True, rng_seed=seed)
    return float(score[KEY_METRIC_ISC_MEAN]), float(score[KEY_METRIC_ISC_STD])


def inception_score(
    fake: Tensor | Dataset[Tensor], judge: ImageJudge, *, splits: int = 10, seed: int, batch_size: int = 64
) -> tuple[float, float]:
    """Inception Score of a set of images; see `extract` and `inception_score_of_logits`."""
    return inception_score_of_logits(extract(fake, judge, batch_size=batch_size).logits, splits=splits, seed=seed)


class _Images(Dataset[Tensor]):
    """The rows of a tensor; torch's own TensorDataset yields tuples, torch-fidelity wants tensors."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def _register() -> None:
    """Make the judge known to torch-fidelity, once a process; the module itself travels with each call.

    Import and class are in here because torch-fidelity imports torchvision, which dies where its operators do not fit
    the torch beside it: training and sampling must not, and evaluation should say it in one line.
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

    class JudgeExtractor(FeatureExtractorBase):  # type: ignore[misc]
        """The judge in the clothes of torch-fidelity, which constructs it from name, layers and keyword arguments."""

        def __init__(self, name: str, features_list: list[str], judge: nn.Module, **_: Any) -> None:
            super().__init__(name, features_list)
            self.judge = copy.deepcopy(judge)  # torch-fidelity freezes what it is given; the caller's stays as it was

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
            found = {FEATURES: features.float(), LOGITS: logits.float()}
            return tuple(found[name] for name in self.features_list)

    register_feature_extractor(JUDGE, JudgeExtractor)
