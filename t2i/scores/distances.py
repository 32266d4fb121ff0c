"""FID, KID, precision, recall and Inception Score of features, equal to those of `torch_fidelity.calculate_metrics`.

Features are extracted once for each set of images (:func:`t2i.scores.extractors.extract_features`) and compared as
often as needed.
"""

import numpy as np
import torch
from torch import Tensor

from t2i.scores.extractors import import_networks


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Fréchet distance of two Gaussians fitted to features (FID); symmetric.

    |mu_r - mu_f|^2 + tr(S_r + S_f - 2 (S_r S_f)^(1/2)), equation 6 of Heusel et al., "GANs Trained by a Two Time-Scale
    Update Rule", 2017. With fewer images than features S is singular and the value biased upwards, but defined.

    Args:
        real: features [N, F] float32.
        fake: features [M, F] float32.

    Returns:
        0 or more, up to rounding.

    Raises:
        ValueError: fewer than 2 images or features, different F, or values that are not finite.
    """
    _check(real, fake)
    if real.shape[1] < 2:
        raise ValueError(f"real has features of shape {tuple(real.shape)}; at least [2, 2] is needed")
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(features.detach().cpu()) for features in (real, fake)]
    return float(fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID])


def kernel_distance(
    real: Tensor, fake: Tensor, *, subsets: int = 100, subset_size: int, seed: int
) -> tuple[float, float]:
    """Kernel inception distance: unbiased squared maximum mean discrepancy on random subsets; symmetric on average.

    With the kernel (x y / F + 1)^3, section 4 of Bińkowski et al., "Demystifying MMD GANs", 2018.

    Args:
        real: features [N, F] float32.
        fake: features [M, F] float32.
        subsets: how many pairs of subsets are drawn.
        subset_size: images of each, 2 to the smaller of N and M, without replacement.
        seed: of the draws.

    Returns:
        Mean and standard deviation over the subsets; the mean is about 0, maybe less, for sets of one distribution.

    Raises:
        ValueError: ``subset_size`` is out of range, or see :func:`frechet_distance`.
    """
    _check(real, fake)
    largest = min(len(real), len(fake))
    if not 2 <= subset_size <= largest:
        raise ValueError(f"subset_size is {subset_size}; legal are 2 to {largest}, the number of images")
    rng = np.random.RandomState(seed)  # draws in the order of torch-fidelity's loop
    of_fake, of_real = (torch.zeros(subsets, len(features), dtype=torch.float64) for features in (fake, real))
    for i in range(subsets):
        for drawn in (of_fake[i], of_real[i]):
            drawn[rng.choice(len(drawn), subset_size, replace=False)] = 1
    fake, real = fake.detach().cpu(), real.detach().cpu()
    within = sum(
        _kernel_sums(x, x, of_x, of_x) - of_x @ _kernel_of_itself(x) for x, of_x in ((fake, of_fake), (real, of_real))
    )
    across = _kernel_sums(fake, real, of_fake, of_real)
    distances = within / (subset_size * (subset_size - 1)) - 2 * across / subset_size**2
    return float(distances.mean()), float(distances.std(correction=0))


def _kernel_sums(x: Tensor, y: Tensor, of_x: Tensor, of_y: Tensor) -> Tensor:
    """Sum of the kernel over all pairs of each of S pairs of subsets.

    Matrix products over whole sets; a loop over subsets takes tens of times as long for a few thousand images, but less
    if most pairs of images are in no subset.

    Args:
        x: features [N, F].
        y: features [M, F].
        of_x: [S, N], 1 where an image belongs to the subset, else 0.
        of_y: [S, M].

    Returns:
        [S].
    """
    if of_x.sum() * of_y[0].sum() < len(x) * len(y):
        subsets = zip(of_x.bool(), of_y.bool(), strict=True)
        return torch.stack([_kernel(x[in_x].double(), y[in_y].double()).sum() for in_x, in_y in subsets])
    y = y.double()
    total = torch.zeros(len(of_x), dtype=y.dtype)
    for part, of_part in zip(x.split(1000), of_x.split(1000, dim=1), strict=True):
        total += ((of_part @ _kernel(part.double(), y)) * of_y).sum(dim=1)
    return total


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / y.shape[1] + 1) ** 3


def _kernel_of_itself(x: Tensor) -> Tensor:
    squares = [part.double().square().mean(dim=1) for part in x.split(1000)]
    return (torch.cat(squares) + 1) ** 3


def precision_recall(real: Tensor, fake: Tensor, *, neighbours: int = 3) -> tuple[float, float]:
    """Fraction of fakes among reals (fidelity), and of reals among fakes (variety).

    A point lies among a set if it is no farther from a point of the set than that one's k-th nearest neighbour in the
    set. Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", 2019.

    Args:
        real: features [N, F] float32.
        fake: features [M, F] float32.
        neighbours: k, 1 to the smaller of N and M less 1.

    Returns:
        Precision and recall, 0 to 1; they change places if the sets do.

    Raises:
        ValueError: ``neighbours`` is out of range, or see :func:`frechet_distance`.
    """
    _check(real, fake)
    largest = min(len(real), len(fake)) - 1
    if not 1 <= neighbours <= largest:
        raise ValueError(f"neighbours is {neighbours}; legal are 1 to {largest}, the number of other images")
    from torch_fidelity.metric_prc import KEY_METRIC_PRECISION, KEY_METRIC_RECALL, prc_features_to_metric

    # `save_cpu_ram` computes distances for so many images at a time instead of all at once.
    score = prc_features_to_metric(
        fake.detach(), real.detach(), prc_neighborhood=neighbours, prc_batch_size=1000, save_cpu_ram=True, verbose=False
    )
    return float(score[KEY_METRIC_PRECISION]), float(score[KEY_METRIC_RECALL])


def inception_score(logits: Tensor, *, splits: int = 10, seed: int) -> tuple[float, float]:
    """exp of the mean KL divergence of p(class | image) from p(class), on each of `splits` random parts.

    Salimans et al., "Improved Techniques for Training GANs", 2016, section 4.

    Args:
        logits: [N, K].
        splits: number of parts, 1 to N.
        seed: of the random assignment of images to parts.

    Returns:
        Mean and standard deviation over the parts; a score lies between 1 and K.

    Raises:
        ValueError: `splits` is out of range, or the logits have another shape or are not finite.
    """
    if logits.ndim != 2 or not logits.isfinite().all():
        raise ValueError(f"logits have shape {tuple(logits.shape)} or are not finite; legal are finite [N, K]")
    if not 1 <= splits <= len(logits):
        raise ValueError(f"splits is {splits}; legal are 1 to {len(logits)}, the number of images")
    import_networks()
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, KEY_METRIC_ISC_STD, isc_features_to_metric

    score = isc_features_to_metric(logits.detach().cpu(), splits=splits, shuffle=True, rng_seed=seed)
    return float(score[KEY_METRIC_ISC_MEAN]), float(score[KEY_METRIC_ISC_STD])


def _check(real: Tensor, fake: Tensor) -> None:
    for name, features in (("real", real), ("fake", fake)):
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"{name} has features of shape {tuple(features.shape)}; at least [2, 2] is needed")
        if not features.isfinite().all():
            raise ValueError(f"{name} has features that are not finite")
    if real.shape[1] != fake.shape[1]:
        raise ValueError(f"real has {real.shape[1]} features, fake {fake.shape[1]}; they must come from one network")
    import_networks()
