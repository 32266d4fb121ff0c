"""Adversarial losses: non-saturating BCE and hinge, and the R1 penalty."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from t2i.runtime import distributed

AdversarialLoss = Literal["bce", "hinge"]


def real_loss(logits: Tensor, kind: AdversarialLoss) -> Tensor:
    """Discriminator loss of each logit that should say real."""
    return softplus(-logits) if kind == "bce" else relu(1 - logits)


def fake_loss(logits: Tensor, kind: AdversarialLoss) -> Tensor:
    """Discriminator loss of each logit that should say fake."""
    return softplus(logits) if kind == "bce" else relu(1 + logits)


def generator_loss(*logits: Tensor, kind: AdversarialLoss) -> Tensor:
    """Generator loss of the logits of its images: non-saturating BCE, or the linear loss of hinge.

    The sum of the means of each set of logits, unconditional and conditional.
    """
    return torch.stack(distributed.means(*(softplus(-each) if kind == "bce" else -each for each in logits))).sum()


def discriminator_loss(
    real_u: Tensor, real_c: Tensor, fake_u: Tensor, fake_c: Tensor, mismatched_c: Tensor, kind: AdversarialLoss
) -> Tensor:
    """Matching-aware loss of one discriminator: (real_u + real_c) / 2 + (fake_u + fake_c + mismatched_c) / 3.

    Args:
        real_u, fake_u: unconditional logits of real and generated images.
        real_c, fake_c: logits given the images' own sentences.
        mismatched_c: logits of real images given other images' sentences.
        kind: "bce" is the paper's.
    """
    real = [real_loss(logits, kind) for logits in (real_u, real_c)]
    fake = [fake_loss(logits, kind) for logits in (fake_u, fake_c, mismatched_c)]
    first, second, *others = distributed.means(*real, *fake)
    return (first + second) / 2 + (others[0] + others[1] + others[2]) / 3


def r1_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """R1: squared gradient norm of the conditional logit at real images with their sentences, without its weight.

    Mescheder et al., "Which Training Methods for GANs do actually Converge?", ICML 2018, equation 9 without the 1 / 2.
    DF-GAN (Tao et al., CVPR 2022) smooths the logit along the sentence as well; sentences that differ in one small part
    lie close together, and a discriminator that is smooth there does not distinguish them.

    Args:
        logits: [N], computed from ``images``, which require gradients.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    (penalty,) = distributed.means_of_sums([gradient.float().square().sum()], [len(logits)])
    return penalty
