"""DAMSM pretraining reads images of its own size, and what it makes still belongs to the rest."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages import preprocess, pretrain_damsm
from t2i.check import cost
from t2i.check.data import check_data
from t2i.check.trial import Trial
from t2i.checkpoints import model_file
from t2i.checkpoints.provenance import check_inputs
from t2i.data.packed import PackedSplit, damsm_folder, digest
from t2i.data.text.tokenizer import tokenize
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.models.encoders.damsm import Damsm, build_image_encoder
from t2i.models.encoders.text import TextEncoder
from t2i.params import Params
from t2i.params.reader import load
from t2i.pipeline.run import DAMSM, PREPARED, VOCABULARY
from tests.conftest import ROOT

BIRDS = {"train": 12, "test": 6, "reference": 4}
SMOKE = [
    "budget=smoke", "runtime.preprocess_workers=1", "budgets.smoke.pretrain_damsm.image_encoder={kind: inception_v3}",
    *(f"datasets.toy_birds.source.{split}_images={count}" for split, count in BIRDS.items()),
]  # fmt: skip
OWN = "budgets.smoke.preprocess.damsm_image_size=48"

Make = Callable[..., Params]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Runs preprocess on a few drawn birds in a folder of its own."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "toy_birds").symlink_to(ROOT / "data" / "toy_birds")
    monkeypatch.chdir(tmp_path)

    def run(*changes: str) -> Params:
        params = load(ROOT / "params.yaml", [*SMOKE, *changes])
        preprocess.main(params)
        return params

    return run


def metrics() -> dict[str, Any]:
    return dict(json.loads(Path("metrics/preprocess.json").read_text()))


def test_preprocess_packs_the_training_images_twice_when_asked_to(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "stages.preprocess"):
        make()
        assert not (PREPARED / "damsm").exists() and "damsm" not in metrics()
        make(OWN, "recipe=paper", "datasets.toy_birds.resize_ratio=1.1875")
    side, sizes = 57, metrics()  # int(48 * 76 / 64)
    assert sizes["resizing"] == {"filter": "bilinear", "sides": "truncated"}
    assert sizes["damsm"] == {"image_size": 48, "side": side, "bytes": 12 * side**2 * 3}
    needed = f"packing 22 images: {(22 * 38**2 + 12 * side**2) * 3 / 1e6:.0f} MB or more"
    assert needed in caplog.text
    train, own = PackedSplit(PREPARED, "train"), PackedSplit(damsm_folder(PREPARED), "train")
    assert (train.side, own.side) == (38, side) and own.images["name"].equals(train.images["name"])
    assert own.image(0).std() > 10 and own.image(0).shape == (side, side, 3)

    make(OWN.replace("48", "32"))  # no other size: nothing is packed twice, and the old images are gone
    assert not (PREPARED / "damsm").exists() and "damsm" not in metrics()
    assert metrics()["resizing"] == {"filter": "bicubic", "sides": "rounded"}


def test_drawn_birds_are_the_same_bytes_under_both_recipes(make: Make) -> None:
    digests = set()
    for recipe in ("quick", "paper"):
        make(f"recipe={recipe}")
        digests.add(digest(PREPARED))
    assert len(digests) == 1  # so that a run of the other recipe keeps its judge


def test_drawn_birds_are_drawn_in_the_larger_size(make: Make) -> None:
    make("budgets.smoke.preprocess.image_size=64")
    drawn = PackedSplit(PREPARED, "train").image(3)
    make("budgets.smoke.preprocess.damsm_image_size=64")
    np.testing.assert_array_equal(PackedSplit(damsm_folder(PREPARED), "train").image(3), drawn)


def test_the_encoders_are_trained_on_them_and_belong_to_the_pack(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int, int]] = []

    def train(pack: PackedSplit, vocabulary: Vocabulary, **_: Any) -> tuple[Damsm, list[dict[str, float]]]:
        seen.append((len(pack), pack.image_size, pack.side))
        image = build_image_encoder("small", embedding_dim=4, width=2)  # instead of the large one
        return Damsm(TextEncoder(vocabulary, embedding_dim=4, word_dim=2), image), [{"step": 1, "words": 1.0}]

    monkeypatch.setattr(pretrain_damsm, "train_damsm", train)
    monkeypatch.setattr(pretrain_damsm, "image_encoder_weights", lambda *_: {})
    record: dict[str, Any] | None = None
    for own in (True, False):
        params = make(*[OWN] * own)
        test = PackedSplit(PREPARED, "test")
        if record:  # the same images for all else, others for DAMSM pretraining
            with pytest.raises(InputError, match=r"models/damsm.pt was made with another prepared .*; run `dvc repro`"):
                check_inputs(DAMSM, record, {PREPARED: test.digest})
        Vocabulary.build(tokenize(text) for text in test.captions["text"]).save(VOCABULARY)
        pretrain_damsm.main(params)
        record = model_file.load(DAMSM, "damsm")["provenance"]
        check_inputs(DAMSM, record, {PREPARED: test.digest})  # as later stages ask
        assert record is not None and record["inputs"]["prepared"] == digest(PREPARED) == test.digest
    assert seen == [(12, 48, 48), (12, 32, 32)]


def test_check_counts_both_sizes_and_tries_the_size_that_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    tried: dict[str, tuple[int, int]] = {}

    def run_trial(stage: str, folder: Path, batch_size: int) -> Trial:
        prepared = folder / "prepared"
        pack = PackedSplit(damsm_folder(prepared) if stage == "pretrain_damsm" else prepared, "train")
        tried[stage] = (pack.image_size, batch_size)
        return Trial(early=0.1, late=0.1, start=0, peak=0, state=0)

    monkeypatch.setattr(cost, "_run_trial", run_trial)
    monkeypatch.setattr(cost, "gib", lambda count: f"{count:.0f} bytes")
    disk = []
    for size in ("null", "256"):
        changes = [*SMOKE, f"budgets.smoke.preprocess.damsm_image_size={size}", "evaluate.candidates=2"]
        params = load(ROOT / "params.yaml", [*changes, "evaluate.folds=1"] + [
            f"budgets.smoke.{stage}.batch_size=8" for stage in cost.TRAININGS
        ])  # fmt: skip
        found, splits = check_data(params)
        assert splits is not None, found.problems
        lines = dict(cost.check_cost(params, splits).lines)
        disk.append(int(lines["in all"].split(", ")[1].split()[0]))
    assert tried == {"pretrain_damsm": (256, 3), "train_judge": (32, 8), "train_gan": (32, 8)}
    assert disk[1] - disk[0] == 2 * 12 * 256**2 * 3  # DVC keeps a second copy
