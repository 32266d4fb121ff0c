"""What the benchmark of sampling and scoring runs, and that these stages hold few images at a time."""

import json
import shutil
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks import evaluate
from t2i.pipeline.run import GAN, SNAPSHOTS
from tests.conftest import ROOT

SMALL = [
    "--data=coco", "--images=300", "--reals=300", "--set", "budgets.smoke.preprocess.image_size=32",
    "budgets.smoke.train_judge.image_encoder.width=8", "budgets.smoke.pretrain_damsm.image_encoder.width=8",
    "budgets.smoke.sample.pairs=150", "budgets.smoke.score_snapshots.images=150",
]  # fmt: skip


class PixelMeter(TorchDispatchMode):
    """Counts the bytes of all uint8 tensors that are alive, whenever torch computes something.

    Attributes:
        peak: the most that there were.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._seen: list[weakref.ref[Tensor]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        leaves = tree_leaves((args, result))
        self._seen += [weakref.ref(x) for x in leaves if isinstance(x, Tensor) and x.dtype == torch.uint8]
        self._seen = [seen for seen in self._seen if seen() is not None]
        alive = [tensor.untyped_storage() for seen in self._seen if (tensor := seen()) is not None]
        self.peak = max(self.peak, sum({storage.data_ptr(): storage.nbytes() for storage in alive}.values()))
        return result


def test_sampling_and_scoring_hold_few_images_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("stages.sample.draw_gallery", lambda *_, **__: None)  # a few images, whatever the sample
    given = evaluate.parser().parse_args(SMALL)
    params = evaluate.params_of(given, 300)
    evaluate.prepare(params, tmp_path, images=300, reals=300)
    (tmp_path / SNAPSHOTS).mkdir()
    shutil.copy(tmp_path / GAN, tmp_path / SNAPSHOTS / "000001.pt")
    for stage in ("sample", "evaluate", "score_snapshots"):
        with PixelMeter() as meter:
            evaluate.measure(stage, params, tmp_path)
        images = meter.peak / (3 * 32**2)
        assert 60 <= images <= 250, stage  # batches have 64 and 100, a set at least 300
    scores = json.loads((tmp_path / "metrics" / "evaluate.json").read_text())
    assert scores["protocol"]["pictures"] == 300 and scores["protocol"]["sample"] == "published"
    assert scores["fidelity"]["judge"]["protocol"]["real_images"] == 300


def test_every_number_of_images_is_measured_in_processes_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[tuple[int, str]] = []

    def run_module(module: str, *arguments: str) -> dict[str, float]:
        assert module == "benchmarks.evaluate"
        own = evaluate.parser().parse_args(list(arguments))
        ran.append((*own.images, own.stage))
        return {"seconds": 2.0, "peak_gib": 1.5, "start_gib": 1.0}

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(evaluate, "run_module", run_module)
    monkeypatch.setattr(evaluate, "prepare", lambda *_, **__: None)
    monkeypatch.setattr("sys.argv", ["evaluate", *SMALL, "--images", "6", "10"])
    evaluate.main()
    assert ran == [(6, "sample"), (6, "evaluate"), (10, "sample"), (10, "evaluate")]
    assert "| 10       | 2 s      | 1.50 GiB           |" in capsys.readouterr().out


def test_a_disk_that_is_too_small_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10**6}))
    monkeypatch.setattr("sys.argv", ["evaluate", *SMALL, "--folder", str(tmp_path / "made")])
    with pytest.raises(SystemExit, match=r"^evaluate: 0 GiB are needed in .* and 0 free: make room$"):
        evaluate.main()
