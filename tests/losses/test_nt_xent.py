"""NT-Xent against the equation written out, closed forms and bad arguments."""

import numpy as np
import pytest
import torch

from t2i.losses.nt_xent import nt_xent


def test_follows_the_equation_pair_by_pair() -> None:
    torch.manual_seed(0)
    a, b, tau = torch.randn(4, 6), torch.randn(4, 6), 0.3
    z = [v / v.norm() for v in (*a, *b)]
    total = 0.0
    for i in range(8):
        positive = torch.exp(z[i] @ z[(i + 4) % 8] / tau)
        everything = sum(torch.exp(z[i] @ z[k] / tau) for k in range(8) if k != i)
        total += -torch.log(positive / everything).item()
    assert nt_xent(a, b, tau).item() == pytest.approx(total / 8, rel=1e-5)


def test_closed_forms_and_symmetry() -> None:
    equal = torch.ones(3, 4)
    assert nt_xent(equal, equal, 0.5).item() == pytest.approx(np.log(5))  # one positive among 2N - 1 equals
    axes = torch.eye(3)
    expected = np.log(np.exp(2.0) + 4) - 2.0  # the partner at cosine 1, the four others at 0
    assert nt_xent(axes, axes, 0.5).item() == pytest.approx(expected)
    torch.manual_seed(0)
    a, b = torch.randn(5, 3), torch.randn(5, 3)
    assert nt_xent(a, b, 0.5).item() == pytest.approx(nt_xent(b, 7 * a, 0.5).item())  # order and length do not count


@pytest.mark.parametrize(
    ("first", "second", "temperature", "message"),
    [
        (torch.zeros(3, 2), torch.zeros(4, 2), 0.5, r"\(3, 2\) and \(4, 2\)"),
        (torch.zeros(1, 2), torch.zeros(1, 2), 0.5, "at least 2"),
        (torch.zeros(3, 2), torch.zeros(3, 2), 0.0, "temperature is 0.0; legal are numbers above 0"),
    ],
)
def test_bad_arguments_are_refused(first: torch.Tensor, second: torch.Tensor, temperature: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nt_xent(first, second, temperature)
