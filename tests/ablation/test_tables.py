"""Files that an ablation writes."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from t2i.ablation import tables
from t2i.ablation.tables import write_ablation
from t2i.errors import InputError
from tests.ablation.made_up import SWEEP, experiment, shown


def test_tables_and_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dmgan = [experiment(lambda_, seed, model="dmgan") for lambda_ in (0, 0.2) for seed in range(2)]
    without_baseline = [experiment(lambda_, seed, budget="smoke") for lambda_ in (0.2, 1) for seed in range(2)]
    monkeypatch.setattr(tables, "show_experiments", lambda: shown(*SWEEP, *dmgan, *without_baseline))
    metrics, plots = tmp_path / "metrics", tmp_path / "plots"
    text = write_ablation("loss.lambda", "0.0", metrics, plots)
    assert (metrics / "ablation-loss.lambda.md").read_text() == text + "\n"
    assert "-30.0 ± 0.0: better" in text and "no detectable difference" in text and "too few" not in text
    assert text.count("\n## ") == 2 and "budget smoke" not in text
    table = pd.read_csv(metrics / "ablation-loss.lambda.csv")
    titles = {f"{model}, toy_birds, recipe quick, budget study, at 1234567" for model in ("attngan", "dmgan")}
    assert set(table["study"]) == titles and {"mean", "adjusted_p", "verdict"} < set(table)
    with Image.open(plots / "ablation-loss.lambda.png") as figure:
        assert figure.width > 1000 and len(figure.convert("RGB").getcolors(2**24) or []) > 50
    before = (plots / "ablation-loss.lambda.png").read_bytes()
    assert write_ablation("loss.lambda", "0", metrics, plots) == text
    assert (plots / "ablation-loss.lambda.png").read_bytes() == before
    assert sorted(path.suffix for path in tmp_path.rglob("*.*")) == [".csv", ".md", ".png"]


def test_values_may_be_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [experiment(0, seed, runtime={"precision": name}) for seed in range(3) for name in ("fp32", "bf16")]
    monkeypatch.setattr(tables, "show_experiments", lambda: shown(*runs))
    text = write_ablation("runtime.precision", "fp32", tmp_path, tmp_path)
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert cells[0] == ["metric", "better", "runtime.precision = bf16", "runtime.precision = fp32"]
    assert cells[3] == ["difference", "", "0.000 ± 0.000: no detectable difference", ""]
    with pytest.raises(InputError, match="no run has the baseline value 0; there are bf16, fp32"):
        write_ablation("runtime.precision", "0", tmp_path, tmp_path)


def test_figures_of_nothing_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "show_experiments", lambda: shown(*SWEEP))
    with pytest.raises(InputError, match="no finished experiment has a parameter 'x'"):
        write_ablation("x", "0", tmp_path, tmp_path)
    assert not list(tmp_path.iterdir())
