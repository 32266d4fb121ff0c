"""Windows of losses and their table."""

from pathlib import Path

import pytest
import torch

from t2i.training.loop.loss_history import DivergedError, LossHistory, write_csv


def test_rows_are_means_of_windows_also_of_losses_that_come_at_some_steps_only(tmp_path: Path) -> None:
    curves = LossHistory(every=2)
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


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "nan"), (float("-inf"), "-inf"), (2e6, "2e\\+06")])
@pytest.mark.parametrize("asked", ["window", "state"])
def test_the_step_and_the_loss_that_went_astray_are_named(value: float, word: str, asked: str) -> None:
    curves = LossHistory(every=4)
    curves.add(0, d=torch.tensor(1.0), g=torch.tensor(1.0))
    curves.add(1, d=torch.tensor(1.0), g=torch.tensor(value))
    curves.add(2, d=torch.tensor(value), g=torch.tensor(value))
    with pytest.raises(DivergedError, match=f"the loss 'g' is {word} at step 2"):
        curves.state_dict() if asked == "state" else curves.add(3, d=torch.tensor(0.0))


def test_a_state_goes_on_within_a_window() -> None:
    one, two = LossHistory(every=3), LossHistory(every=3)
    for step in range(6):
        one.add(step, d=torch.tensor(step / 7), **({"p": torch.tensor(step / 3)} if step % 2 else {}))
    for step in range(6):
        state, two = two.state_dict(), LossHistory(every=3)
        two.load_state_dict(state)
        two.add(step, d=torch.tensor(step / 7), **({"p": torch.tensor(step / 3)} if step % 2 else {}))
    assert one.rows == two.rows and len(one.rows) == 2
