"""What the programs of single stages do beside calling the package."""

import runpy

import pytest

from stages.train_gan import _final_losses
from t2i.pipeline import run as runner
from tests.conftest import ROOT


def test_final_losses_are_means_over_the_last_tenth_with_those_that_not_every_window_has() -> None:
    history = [{"step": 25.0 * k, "d": float(k), **({"r1": 10.0 * k} if k % 2 else {})} for k in range(1, 21)]
    assert _final_losses(history) == {"d": 19.5, "r1": 190.0}
    assert _final_losses(history[:2]) == {"d": 2.0}


def test_what_can_be_resumed_is_not_interrupted_by_a_second_watcher_of_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = []
    monkeypatch.setattr(runner, "run", lambda _, *, end_with_dvc=True: watched.append(end_with_dvc))
    for stage in ("pretrain_damsm", "train_judge", "train_gan"):
        runpy.run_path(str(ROOT / "stages" / f"{stage}.py"), run_name="__main__")
    assert watched == [False] * 3
    runpy.run_path(str(ROOT / "stages" / "sample.py"), run_name="__main__")
    assert watched[3:] == [True]
