"""Mode seeking: different noise should give a different image (Mao et al., CVPR 2019)."""

from torch import Tensor

from t2i.runtime.distributed import means

EPSILON = 1e-2
"""Added to the ratio, which bounds the loss and its gradient where images are all but equal."""


def mode_seeking(first: Tensor, second: Tensor, first_noise: Tensor, second_noise: Tensor) -> Tensor:
    """Difference of the noise / difference of the images, mean over the pairs: equation 2, as a loss to minimise.

    The published code takes the ratio of the means over a batch, so a few pairs of images that differ much lower its
    loss for all of them. Here each pair has its own ratio, and the most similar images have the largest loss.

    Args:
        first, second: [N, 3, S, S], images of the same captions; this process's part of the batch.
        first_noise, second_noise: [N, Z], the noise they were generated from. A pair of equal noise has no loss.

    Returns:
        scalar in [0, 100].
    """
    images = (first.float() - second.float()).abs().flatten(1).mean(dim=1)
    noise = (first_noise - second_noise).abs().mean(dim=1)
    (loss,) = means(noise / (images + EPSILON * noise).clamp(min=1e-12))
    return loss
