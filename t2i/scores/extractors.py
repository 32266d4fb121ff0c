"""Features of images by one of several networks, which torch-fidelity runs.

The network is either the judge, trained in the pipeline, whose scores are comparable only with its own scores, or one
with published weights:

- ``inception-v3-torchvision``: torchvision's Inception-v3. The FIDs of the paper are on this scale, since it was scored
  with DM-GAN's script;
- ``inception-v3-compat``: TensorFlow's Inception weights, as most papers on image generation score, on which FIDs of
  the same pictures are lower;
- ``dinov2-vit-b-14`` and ``clip-vit-b-32``, which were not trained on ImageNet's classes.
"""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from t2i.checkpoints.pretrained import EXTRACTORS, read_weights
from t2i.errors import InputError
from t2i.scores.rows import Rows

JUDGE = "t2i-judge"
"""Name of the judge for torch-fidelity."""


class FeatureExtractor(Protocol):
    """An image classifier (`nn.Module`) whose last hidden layer serves as features.

    Not to be confused with torch-fidelity's `FeatureExtractorBase`, to which `extract_features` adapts it.

    Attributes:
        description: which network it is, for the protocol of scores.
    """

    @property
    def description(self) -> str:
        """See above."""

    def features_and_logits(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Shape: uint8 [N, 3, H, W] -> features float32 [N, F], logits float32 [N, K]."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """As in `nn.Module`; images are moved to their device."""


@dataclass(frozen=True)
class Pretrained:
    """A network with published weights.

    Attributes:
        name: a key of `t2i.checkpoints.pretrained.EXTRACTORS`.
        path: the file of its weights, verified (see :func:`t2i.checkpoints.pretrained.find_weights`).
    """

    name: str
    path: Path


@dataclass(frozen=True)
class Features:
    """Outputs of a network for N images.

    Attributes:
        features: [N, F] float32 on the CPU, for FID, KID, precision and recall.
        logits: [N, K] float32 on the CPU, for the Inception Score; None if the network is no classifier.
    """

    features: Tensor
    logits: Tensor | None


@dataclass(frozen=True)
class Network:
    """A network that is ready to run; see :func:`load_network`.

    Attributes:
        name: of the network, as in params.yaml.
        description: for the protocol of scores.
        module: torch-fidelity's form of it.
        features, logits: names of its outputs; the same where there are no logits.
        cuda: whether images have to be moved to the GPU for it.
    """

    name: str
    description: str
    module: Any
    features: str
    logits: str
    cuda: bool


def load_network(extractor: FeatureExtractor | Pretrained) -> Network:
    """Prepare a network for :func:`extract_features`.

    Args:
        extractor: a judge, which is copied, or a pretrained network, which runs on the GPU if there is one.

    Raises:
        InputError: torch-fidelity or torchvision cannot be imported, or the file holds other weights.
    """
    networks = import_networks()
    kind = networks.CLASSES[extractor.name] if isinstance(extractor, Pretrained) else networks.JudgeNetwork
    features, logits = (kind.get_default_feature_layer_for_metric(metric) for metric in ("fid", "isc"))
    layers = list(dict.fromkeys([features, logits]))
    if isinstance(extractor, Pretrained):
        name, description = extractor.name, f"{extractor.name}: {extractor.path.name}"
        module, cuda = _read(kind, layers, extractor), torch.cuda.is_available()
    else:
        name, description = "judge", f"{JUDGE}: {extractor.description}"
        module, cuda = kind(JUDGE, layers, extractor), False  # it moves images to its own device
    module = module.requires_grad_(False).eval()
    return Network(name, description, module.cuda() if cuda else module, features, logits, cuda)


@torch.no_grad()
def extract_features(batches: Iterable[Tensor], network: Network) -> Features:
    """Run a network on all images in order, in eval mode and without gradients; no image is kept.

    Args:
        batches: of images, uint8 [N, 3, H, W].
        network: that runs.

    Raises:
        ValueError: the images are not uint8 RGB, or there are none.
    """
    outputs = {network.features: Rows(), network.logits: Rows()}
    for images in batches:
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images are {images.dtype} {list(images.shape)}; legal is torch.uint8 [N, 3, H, W]")
        results = network.module(images.cuda() if network.cuda else images)
        for name, result in network.module.convert_features_tuple_to_dict(results).items():
            outputs[name].append(result)
    features = outputs[network.features].tensor()
    return Features(features, outputs[network.logits].tensor() if network.logits != network.features else None)


def import_networks() -> ModuleType:
    """The module :mod:`t2i.scores.networks`, and with it torch-fidelity.

    Raises:
        InputError: torch-fidelity or torchvision cannot be imported.
    """
    try:
        import t2i.scores.networks as networks
    except (ImportError, RuntimeError, AttributeError, OSError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"FID and its like need torch-fidelity and torchvision, whose import fails ({type(error).__name__}: "
            f"{reason}): install torch and torchvision from the same build (both for CPU, or both for one CUDA), then "
            "torch-fidelity"
        ) from error
    return networks


def _read(kind: Any, layers: list[str], extractor: Pretrained) -> Any:
    weights = EXTRACTORS[extractor.name]
    try:
        if extractor.name == "inception-v3-compat":
            read_weights(weights, extractor.path)  # torch-fidelity would unpickle whatever is in the file
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="`torch.jit.load` is deprecated")  # CLIP is published as such
            return kind(extractor.name, layers, feature_extractor_weights_path=str(extractor.path), verbose=False)
    except (RuntimeError, KeyError, IndexError, TypeError, AttributeError) as error:  # names or shapes are others
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{extractor.path} does not hold {weights.what} ({type(error).__name__}: {reason}); get it again from "
            f"{weights.url}"
        ) from error
