"""Initial weights, where the constructors of networks do not decide them."""

from typing import Literal

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

InitScheme = Literal["orthogonal", "default"]
"""The published models' orthogonal weights, or the default of each module here, chosen for short trainings."""


def init_weights(network: nn.Module, scheme: InitScheme) -> None:
    """Initialise a network.

    "orthogonal" is the initialisation of AttnGAN and DM-GAN: orthogonal matrices for convolutions and linear layers,
    biases of linear layers 0, batch norm weights N(1, 0.02). "default" leaves the network as it was constructed.
    """
    if scheme == "default":
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
