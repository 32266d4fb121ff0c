"""Mode seeking: closed form, and which way it pushes."""

import pytest
import torch

from t2i.losses.mode_seeking import mode_seeking


def test_closed_form_and_bound() -> None:
    black, grey = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.5)
    near, far = torch.zeros(2, 5), torch.full((2, 5), 2.0)
    assert mode_seeking(black, grey, near, far).item() == pytest.approx(1 / (0.5 / 2 + 0.01))
    assert mode_seeking(black, black, near, far).item() == pytest.approx(100)
    assert mode_seeking(grey, black, far, near) == mode_seeking(black, grey, near, far)


def test_it_drives_pictures_apart() -> None:
    torch.manual_seed(0)
    one, two = torch.randn(2, 3, 4, 4, requires_grad=True), torch.randn(2, 3, 4, 4)
    mode_seeking(one, two, torch.randn(2, 5), torch.randn(2, 5)).backward()
    assert one.grad is not None
    assert ((one - two).sign() * one.grad < 0).all()  # a step down the gradient makes each difference larger


def test_a_pair_that_differs_much_does_not_make_up_for_one_that_does_not() -> None:
    images = torch.zeros(2, 3, 4, 4, requires_grad=True)
    others = torch.stack((torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), 1.5)))
    near, far = torch.zeros(2, 5), torch.full((2, 5), 2.0)
    loss = mode_seeking(images, others, near, far)
    assert loss.item() == pytest.approx((1 / (0.1 / 2 + 0.01) + 1 / (1.5 / 2 + 0.01)) / 2)
    loss.backward()
    assert images.grad is not None
    alike, different = images.grad.abs().sum(dim=(1, 2, 3))
    assert alike / different == pytest.approx(((1.5 / 2 + 0.01) / (0.1 / 2 + 0.01)) ** 2)


@pytest.mark.parametrize("difference", [0.0, 0.3])
def test_a_pair_of_equal_noise_has_no_loss(difference: float) -> None:
    images, noise = torch.zeros(3, 3, 4, 4, requires_grad=True), torch.ones(3, 5)
    others, other_noise = torch.full((3, 3, 4, 4), 0.5), torch.full((3, 5), 3.0)
    others[0], other_noise[0] = difference, 1.0
    loss = mode_seeking(images, others, noise, other_noise)
    assert loss.item() == pytest.approx(2 / 3 / (0.5 / 2 + 0.01))
    loss.backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()
    assert not images.grad[0].any()
