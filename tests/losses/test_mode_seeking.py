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
