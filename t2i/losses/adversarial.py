"""What discriminators and generators want of each other's logits."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from t2i import distributed

Kind = Literal["bce", "hinge"]


def says_real(logits: Tensor, kind: Kind) -> Tensor:
    """Mean loss of a discriminator that should call all of ``logits`` real."""
    return distributed.mean(softplus(-logits) if kind == "bce" else relu(1 - logits))


def says_fake(logits: Tensor, kind: Kind) -> Tensor:
    """Mean loss of a discriminator that should call all of ``logits`` fake."""
    return distributed.mean(softplus(logits) if kind == "bce" else relu(1 + logits))


def fools(logits: Tensor, kind: Kind) -> Tensor:
    """Mean loss of a generator that wants all of ``logits`` called real; non-saturating, or linear for hinge."""
    return distributed.mean(softplus(-logits) if kind == "bce" else -logits)


def discriminator_loss(
    real_u: Tensor, real_c: Tensor, fake_u: Tensor, fake_c: Tensor, mismatched_c: Tensor, kind: Kind
) -> Tensor:
    """Loss of one discriminator on one caption an image: (real_u + real_c) / 2 + (fake_u + fake_c + mismatched_c) / 3.

    Args:
        real_u, fake_u: unconditional logits of real and generated images.
        real_c, fake_c: logits given the images' own sentences.
        mismatched_c: logits of real images given other images' sentences.
        kind: "bce" is the paper's.
    """
    real = says_real(real_u, kind) + says_real(real_c, kind)
    fake = says_fake(fake_u, kind) + says_fake(fake_c, kind) + says_fake(mismatched_c, kind)
    return real / 2 + fake / 3


def gradient_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """R1: squared gradient norm of the conditional logit at real images with their sentences, without its weight.

    Mescheder et al., "Which Training Methods for GANs do actually Converge?", ICML 2018, equation 9 without the 1 / 2.
    DF-GAN (Tao et al., CVPR 2022) smooths the logit along the sentence as well; sentences that differ in one small part
    lie close together, and a discriminator that is smooth there does not tell them apart.

    Args:
        logits: [N], computed from ``images``, which require gradients.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return distributed.total(gradient.float().square().sum()) / (distributed.size() * len(logits))
