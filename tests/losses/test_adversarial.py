"""Adversarial losses against the library's cross-entropy, closed forms, and a naive gradient penalty."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from t2i.losses.adversarial import discriminator_loss, fake_loss, generator_loss, r1_penalty, real_loss

LOGITS = torch.tensor([-2.0, 0.0, 0.5, 3.0])


def test_bce_is_the_librarys_cross_entropy() -> None:
    torch.testing.assert_close(real_loss(LOGITS, "bce").mean(), bce(LOGITS, torch.ones(4)))
    torch.testing.assert_close(fake_loss(LOGITS, "bce").mean(), bce(LOGITS, torch.zeros(4)))
    torch.testing.assert_close(generator_loss(LOGITS, kind="bce"), bce(LOGITS, torch.ones(4)))


def test_hinge_is_flat_beyond_its_margin() -> None:
    assert real_loss(LOGITS, "hinge").mean().item() == pytest.approx((3 + 1 + 0.5 + 0) / 4)
    assert fake_loss(LOGITS, "hinge").mean().item() == pytest.approx((0 + 1 + 1.5 + 4) / 4)
    assert generator_loss(LOGITS, LOGITS[:1], kind="hinge").item() == pytest.approx(-1.5 / 4 - LOGITS[0].item())


@pytest.mark.parametrize(("kind", "undecided"), [("bce", math.log(2)), ("hinge", 1.0)])
def test_an_undecided_discriminator_pays_two_units(kind: str, undecided: float) -> None:
    zero = torch.zeros(6)
    assert discriminator_loss(zero, zero, zero, zero, zero, kind).item() == pytest.approx(2 * undecided)  # type: ignore


def test_real_terms_weigh_a_half_and_fake_terms_a_third() -> None:
    sure = torch.full((2,), 5.0)
    for index, expected in enumerate((1 / 2, 1 / 2, 1 / 3, 1 / 3, 1 / 3)):
        logits = [sure, sure, -sure, -sure, -sure]
        logits[index] = torch.zeros(2)
        real_u, real_c, fake_u, fake_c, mismatched_c = logits
        loss = discriminator_loss(real_u, real_c, fake_u, fake_c, mismatched_c, "hinge")
        assert loss.item() == pytest.approx(expected)


def test_penalty_is_the_mean_squared_gradient_norm() -> None:
    torch.manual_seed(0)
    images, w = torch.randn(3, 2, 2, 2, requires_grad=True), torch.randn(8)
    logits = (images.flatten(1) ** 2) @ w
    expected = sum((2 * image.flatten() * w).square().sum() for image in images.detach()) / 3
    torch.testing.assert_close(r1_penalty(logits, images), expected)
