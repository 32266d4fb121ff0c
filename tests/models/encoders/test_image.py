"""The small image encoder."""

import pytest
import torch
from torch import nn

from t2i.models.encoders.image import Pool4x4


@pytest.mark.parametrize("side", [1, 2, 4, 8, 16])
def test_pooling_is_that_of_torch(side: int) -> None:
    torch.manual_seed(0)
    ours = torch.randn(2, 3, side, side, dtype=torch.float64).requires_grad_()
    torchs = ours.detach().clone().requires_grad_()
    weights = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    pooled, expected = Pool4x4()(ours), nn.AdaptiveAvgPool2d(4)(torchs)
    torch.testing.assert_close(pooled, expected)
    for result in (pooled, expected):
        (result * weights).sum().backward()
    torch.testing.assert_close(ours.grad, torchs.grad)
