"""Mode seeking: other noise shall make another picture (Mao et al., CVPR 2019)."""

from torch import Tensor

from t2i.distributed import mean

EPSILON = 1e-2
"""Of the ratio: below it, where pictures are all but equal, the gradient grows no more."""


def mode_seeking(one: Tensor, two: Tensor, noise_one: Tensor, noise_two: Tensor) -> Tensor:
    """1 / (difference of pictures / difference of their noise): equation 2, as the loss that is to be small.

    Args:
        one, two: [N, 3, S, S], pictures of the same captions.
        noise_one, noise_two: [N, Z], what they were made from.

    Returns:
        scalar in (0, 100]; mean absolute differences over the batch are compared.
    """
    pictures = mean((one.float() - two.float()).abs())
    return 1 / (pictures / mean((noise_one - noise_two).abs()) + EPSILON)
