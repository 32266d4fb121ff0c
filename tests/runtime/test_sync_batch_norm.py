"""Which synchronised batch norm a network gets; what it computes is tested with the processes of test_distributed."""

import pytest
import torch
from torch import nn

from t2i.runtime import sync_batch_norm
from t2i.runtime.sync_batch_norm import SyncBatchNorm, convert_sync_batchnorm


@pytest.mark.parametrize(
    ("device", "discriminates", "kind"),
    [
        ("cpu", False, SyncBatchNorm),
        ("cpu", True, SyncBatchNorm),
        ("cuda", False, nn.SyncBatchNorm),
        ("cuda", True, SyncBatchNorm),
    ],
)
def test_torchs_own_is_used_on_gpus_where_it_has_all_that_is_needed(
    monkeypatch: pytest.MonkeyPatch, device: str, discriminates: bool, kind: type
) -> None:
    monkeypatch.setattr(sync_batch_norm, "world_size", lambda: 2)
    monkeypatch.setattr(sync_batch_norm, "current_device", lambda: torch.device(device))
    inner = nn.Sequential(nn.BatchNorm2d(4, eps=1e-3, momentum=0.3))
    network = nn.Sequential(nn.Conv2d(3, 4, 1), inner)
    before = {name: value.data_ptr() for name, value in network.state_dict().items()}
    convert_sync_batchnorm(network, discriminates=discriminates)
    norm = inner[0]
    assert type(norm) is kind and norm.eps == 1e-3 and norm.momentum == 0.3 and norm.training
    assert {name: value.data_ptr() for name, value in network.state_dict().items()} == before


def test_batch_norms_of_frozen_networks_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_batch_norm, "world_size", lambda: 2)
    network = nn.Sequential(nn.BatchNorm2d(4).eval(), nn.BatchNorm2d(4))
    convert_sync_batchnorm(network)
    assert [type(norm) for norm in network] == [nn.BatchNorm2d, SyncBatchNorm]


def test_one_process_keeps_its_batch_norms() -> None:
    network = nn.Sequential(nn.BatchNorm2d(4))
    convert_sync_batchnorm(network)
    assert type(network[0]) is nn.BatchNorm2d
