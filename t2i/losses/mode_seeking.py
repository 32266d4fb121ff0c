"""Mode seeking: different noise should give a different image (Mao et al., CVPR 2019)."""

from torch import Tensor

from t2i.runtime.distributed import means

EPSILON = 1e-2
"""Added to the ratio, which bounds the loss and its gradient where images are all but equal."""


def mode_seeking(first: Tensor, second: Tensor, first_noise: Tensor, second_noise: Tensor) -> Tensor:
    """1 / (difference of images / difference of their noise): equation 2, as a loss to minimise.

    Args:
        first, second: [N, 3, S, S], images of the same captions.
        first_noise, second_noise: [N, Z], the noise they were generated from; of the whole batch in each process.

    Returns:
        scalar in (0, 100]; mean absolute differences over the batch are compared.
    """
    (difference,) = means((first.float() - second.float()).abs())
    return 1 / (difference / (first_noise - second_noise).abs().mean() + EPSILON)
