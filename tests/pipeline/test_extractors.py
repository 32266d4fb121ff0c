"""Several networks score one run, with weights that were put into weights/ by hand."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stages import evaluate, preprocess, pretrain_damsm, sample, train_gan, train_judge, vocab
from t2i.checkpoints.pretrained import CLIP, DINOV2, INCEPTION_V3
from t2i.pipeline.run import run
from tests.conftest import ROOT
from tests.helpers import SMALL_DINOV2, random_dinov2
from tests.pipeline.clones import change_params

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a small run has generated images."""

    def refuse(*_: str) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    steps = {f"budgets.smoke.{stage}.steps": 2 for stage in ("pretrain_damsm", "train_judge", "train_gan")}
    sizes = {f"budgets.smoke.{stage}.batch_size": 4 for stage in ("pretrain_damsm", "train_judge", "train_gan")}
    change_params(
        tmp_path, data="custom", budget="smoke", **{"runtime.preprocess_workers": 1, "evaluate.candidates": 5},
        **{"evaluate.folds": 2, "budgets.smoke.sample.images": 4}, **steps, **sizes,
    )  # fmt: skip
    (tmp_path / "data" / "custom").mkdir(parents=True)
    lines = ["image,caption,split"]
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / "custom" / f"{number}.png")
        split = "train" if number < 6 else "test"
        lines += [f"{number}.png,{words} bird {number},{split}" for words in ("a", "one")]
    (tmp_path / "data" / "custom" / "captions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for stage in (preprocess, vocab, pretrain_damsm, train_judge, train_gan, sample):
        run(stage.main)
    return tmp_path


def stopped(folder: Path, *extractors: str) -> str:
    change_params(folder, **{"evaluate.extractors": list(extractors)})
    with pytest.raises(SystemExit) as caught:
        run(evaluate.main)
    line = str(caught.value)
    assert line.startswith("evaluate: ") and "\n" not in line
    assert not (folder / "metrics" / "evaluate.json").exists()
    return line


def test_networks_with_published_weights(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = stopped(folder, "inception-v3-torchvision", "judge", "dinov2-vit-b-14", "clip-vit-b-32")
    for weights in (INCEPTION_V3, DINOV2, CLIP):
        assert f"{weights.what} is needed and cannot be downloaded (no network); get {weights.url}" in line
        assert f"and put it at weights/{weights.name}" in line
    (folder / "weights" / INCEPTION_V3.name).write_bytes(b"something else")
    line = stopped(folder, "inception-v3-torchvision", "judge")
    assert f"{INCEPTION_V3.name} is not torchvision's Inception-v3 (ImageNet): its SHA-256 begins with" in line

    names = ["dinov2-vit-b-14", "judge"]
    monkeypatch.setattr("t2i.scores.networks.DINOV2_SIZES", SMALL_DINOV2)
    torch.save(random_dinov2(32, 2), folder / "weights" / DINOV2.name)
    change_params(folder, **{"evaluate.extractors": names})
    capsys.readouterr()
    run(evaluate.main)
    fidelity = json.loads((folder / "metrics" / "evaluate.json").read_text())["fidelity"]
    assert list(fidelity) == names
    assert [fidelity[name]["protocol"]["features"] for name in names] == [32, 128]
    assert not [name for name in names if "is" in fidelity[name]]  # each image is a class: the judge has none
    assert fidelity[names[0]]["protocol"]["extractor"] == f"{names[0]}: {DINOV2.name}"
    table = (folder / "summary.txt").read_text()
    assert all(f"{score} ({name})" in table for score in ("FID", "KID", "precision", "recall") for name in names)
    assert table in capsys.readouterr().out
