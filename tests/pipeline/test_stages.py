"""What the programs of single stages do beside calling the package."""

import ast

import pytest

from stages.train_gan import _final_losses
from tests.conftest import ROOT


def test_final_losses_are_means_over_the_last_tenth_with_those_that_not_every_window_has() -> None:
    history = [{"step": 25.0 * k, "d": float(k), **({"r1": 10.0 * k} if k % 2 else {})} for k in range(1, 21)]
    assert _final_losses(history) == {"d": 19.5, "r1": 190.0}
    assert _final_losses(history[:2]) == {"d": 2.0}


@pytest.mark.parametrize("stage", ["pretrain_damsm", "train_judge", "train_gan"])
def test_what_can_be_resumed_is_not_interrupted_by_a_second_watcher_of_dvc(stage: str) -> None:
    text = (ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8")
    assert "resumable(" in text
    call = ast.unparse(ast.parse(text).body[-1])
    launched = "from t2i.pipeline.launch import run" in text  # which sees to it
    assert launched or "run(main, end_with_dvc=False)" in call
