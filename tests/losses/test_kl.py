"""The KL term against torch's own divergence, and its minimum."""

import torch
from torch.distributions import Normal, kl_divergence

from t2i.losses.kl import kl_to_standard_normal


def test_agrees_with_the_library_and_is_zero_at_the_standard_normal() -> None:
    torch.manual_seed(0)
    mu, logvar = torch.randn(3, 5), torch.randn(3, 5)
    expected = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(kl_to_standard_normal(mu, logvar), expected)
    assert kl_to_standard_normal(torch.zeros(2, 2), torch.zeros(2, 2)).item() == 0.0
