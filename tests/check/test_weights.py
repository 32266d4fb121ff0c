"""Which pretrained weights a run needs, and whether they are there."""

from pathlib import Path

import pytest
import torch

from t2i.check.weights import check_weights
from t2i.checkpoints.pretrained import CLIP, DINOV2, FID_INCEPTION, INCEPTION_V3
from t2i.params.reader import load
from tests.conftest import ROOT

PAPER = ("recipe=paper", "budget=paper", "data=cub")


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)


def lines(*changes: str) -> list[tuple[str, str]]:
    found = check_weights(load(ROOT / "params.yaml", changes))
    assert found.problems == []  # missing ones are downloaded
    return found.lines


def test_the_default_run_needs_none() -> None:
    assert lines() == []


def test_each_network_s_weights_with_address_and_folder() -> None:
    every = "[clip-vit-b-32, judge, dinov2-vit-b-14, inception-v3-compat, inception-v3-torchvision]"
    assert lines(f"evaluate.extractors={every}") == [
        (
            "missing",
            f"{weights.what}: will be downloaded from {weights.url}; without a network, put the file into weights/",
        )
        for weights in (CLIP, DINOV2, FID_INCEPTION, INCEPTION_V3)
    ]


def test_a_file_that_two_networks_need_is_listed_once() -> None:
    Path("weights").mkdir()
    (Path("weights") / INCEPTION_V3.name).touch()
    expected = [("found", f"torchvision's Inception-v3 (ImageNet): weights/{INCEPTION_V3.name}")]
    assert lines(*PAPER) == lines(*PAPER, "evaluate.extractors=[judge, inception-v3-torchvision]") == expected
    assert lines("evaluate.extractors=[inception-v3-torchvision]") == expected
