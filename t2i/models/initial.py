"""What networks start with, where their own constructors do not decide it."""

from typing import Literal

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

InitialWeights = Literal["orthogonal", "own"]
"""The published models' orthogonal weights, or what each module of ours chose for trainings of few steps."""


def start(network: nn.Module, weights: InitialWeights) -> None:
    """Fill a network with its initial weights.

    "orthogonal" is what AttnGAN and DM-GAN start with: orthogonal matrices for convolutions and linear layers, biases
    of linear layers 0, batch norm weights N(1, 0.02). "own" leaves the network as it was constructed.
    """
    if weights == "own":
        return
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            # under spectral norm the weight is computed from an original one
            original = "parametrizations.weight.original" if is_parametrized(module) else "weight"
            nn.init.orthogonal_(module.get_parameter(original))
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
