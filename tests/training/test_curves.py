"""Windows of losses and their table."""

from pathlib import Path

import torch

from t2i.training.curves import Curves, write_csv


def test_rows_are_means_of_windows_also_of_losses_that_come_at_some_steps_only(tmp_path: Path) -> None:
    curves = Curves(every=2)
    full = []
    for step in range(5):
        losses = {"d": torch.tensor(float(step))}
        if step == 1:
            losses["penalty"] = torch.tensor(7.0)
        full.append(curves.add(step, **losses))
    assert full == [False, True, False, True, False]
    assert curves.rows == [{"step": 2, "d": 0.5, "penalty": 7.0}, {"step": 4, "d": 2.5}]
    assert curves.summary() == "d 2.5"
    write_csv(tmp_path / "plots" / "curves.csv", curves.rows)
    assert (tmp_path / "plots" / "curves.csv").read_text() == "step,d,penalty\n2,0.5,7\n4,2.5,\n"
    assert list((tmp_path / "plots").iterdir()) == [tmp_path / "plots" / "curves.csv"]
