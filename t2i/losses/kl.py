"""Divergence of the conditioning augmentation from the standard normal."""

from torch import Tensor

from t2i.runtime import distributed


def kl_to_standard_normal(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, 1)), mean over all elements (StackGAN, equation 2; the published code's mean).

    Args:
        mu, logvar: [N, C].
    """
    (mean,) = distributed.means(1 + logvar - mu.square() - logvar.exp())
    return -0.5 * mean
