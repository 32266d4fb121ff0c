"""What discriminators and generators want of each other's logits."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

Kind = Literal["bce", "hinge"]


def says_real(logits: Tensor, kind: Kind) -> Tensor:
    """Mean loss of a discriminator that should call all of ``logits`` real."""
    return (softplus(-logits) if kind == "bce" else relu(1 - logits)).mean()


def says_fake(logits: Tensor, kind: Kind) -> Tensor:
    """Mean loss of a discriminator that should call all of ``logits`` fake."""
    return (softplus(logits) if kind == "bce" else relu(1 + logits)).mean()


def fools(logits: Tensor, kind: Kind) -> Tensor:
    """Mean loss of a generator that wants all of ``logits`` called real; non-saturating, or linear for hinge."""
    return (softplus(-logits) if kind == "bce" else -logits).mean()


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


def matching_aware_penalty(logits: Tensor, images: Tensor, sentences: Tensor) -> Tensor:
    """Matching-aware gradient penalty (after DF-GAN, Tao et al., CVPR 2022, equation 2), without its weight.

    Smooths the discriminator around real images with their own sentences, where generated ones should arrive:
    E[|gradient by image|^2 + |gradient by sentence|^2]. (DF-GAN raises the sum of both norms to the power of 6 at every
    step; taken every few steps with a larger weight, as here, that grows into rare enormous gradients.)

    Args:
        logits: [N], computed from ``images`` and ``sentences``, both of which require gradients.
    """
    gradients = torch.autograd.grad(logits.sum(), (images, sentences), create_graph=True)
    return torch.stack([gradient.float().square().sum() for gradient in gradients]).sum() / len(logits)
