"""The averaged weights follow the closed form."""

import torch
from torch import nn

from t2i.training.ema import Ema


def test_average_is_a_geometric_mean_of_the_past() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    ema, start = Ema(network, 0.75), network[0].weight.detach().clone()
    for _ in range(3):
        with torch.no_grad():
            network[0].weight.fill_(2.0)
            network[1].running_mean.fill_(5.0)  # type: ignore[union-attr,operator]
        ema.update()
    kept = 0.75**3
    torch.testing.assert_close(ema.network[0].weight, kept * start + (1 - kept) * 2.0)  # type: ignore[index]
    assert ema.network[1].running_mean.tolist() == [5.0, 5.0]  # type: ignore[index]
    assert not any(parameter.requires_grad for parameter in ema.network.parameters())
