"""The study on made-up experiments in the shape that `dvc exp show --json` has."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from t2i import ablation
from t2i.errors import InputError
from t2i.scores.effects import Estimate
from t2i.scores.study import COLOURS, compare, flat, read_runs, studies, verdict


def data(lambda_: float, seed: int, model: str = "attngan", **changed: Any) -> dict[str, Any]:
    noise = [0.0, 7.0, -4.0, 11.0][seed]
    effect = {0: 0.0, 0.2: -30.0, 1: 1.5 * (seed - 1.5)}[lambda_]
    params = {
        "data": "toy_birds", "model": model, "budget": "study", "seed": seed, "loss": {"lambda": lambda_, "gamma": 4.0},
        "budgets": {"study": {"steps": 9}, "smoke": {"steps": changed.get("smoke", 1)}}, "models": {model: {"z": 5}},
        "runtime": {"precision": changed.get("precision", "auto"), "processes": changed.get("processes", 2)},
    }  # fmt: skip
    metrics = {
        "fidelity": {"judge_fid": {"fakes": 600 + noise + effect + seed % 2, "noise": 5000.0}},
        "r_precision": {"judge": {"fakes": 0.6}, "damsm": {"fakes": 0.8 + 0.01 * noise}},
        "caption_consistency": {"distance_same_image": 0.5 - 0.1 * lambda_ + 0.001 * noise},
        "attribute_accuracy": {colour: {"fakes": 0.9} for colour in COLOURS},
    }
    return {
        "params": {"params.yaml": {"data": params}}, "metrics": {"metrics/evaluate.json": {"data": metrics}},
    }  # fmt: skip


def shown(*experiments: dict[str, Any]) -> list[dict[str, Any]]:
    listed = [{"name": f"e{i}", "revs": [{"rev": str(i), "data": found}]} for i, found in enumerate(experiments)]
    return [
        {"rev": "workspace", "data": data(0.2, 0), "experiments": None},
        {"rev": "1234567890", "name": "main", "data": {"params": {}, "metrics": {}}, "experiments": listed},
        {"rev": "abcdefabcd", "name": None, "data": data(0.2, 0), "experiments": [{"name": "running", "revs": None}]},
    ]


SWEEP = [data(lambda_, seed) for lambda_ in (0, 0.2, 1) for seed in range(4)]


def test_runs_are_put_side_by_side_by_seed() -> None:
    (study,) = studies(read_runs(shown(*SWEEP)), "loss.lambda")
    assert study.title == "attngan, toy_birds, budget study, at 1234567"
    assert {value: sorted(runs) for value, runs in study.values.items()} == dict.fromkeys((0, 0.2, 1), [0, 1, 2, 3])
    table = compare(study, 0).set_index(["score", "value"])
    fid = table.loc[("FID (judge)", 0.2)]
    assert fid["difference"] == pytest.approx(-30) and fid["pairs"] == 4 and fid["verdict"] == "better"
    assert table.loc[("FID (judge)", 1), "verdict"] == "no detectable difference"
    assert table.loc[("FID (judge)", 0), "mean"] == pytest.approx(600 + 3.5 + 0.5)
    assert table.loc[("distance, two captions of one image", 1), "difference"] == pytest.approx(-0.1)
    assert table.loc[("R-precision (judge)", 0.2), "verdict"] == "no detectable difference"
    assert table.loc[("colours as said (mean of five)", 1), "mean"] == pytest.approx(0.9)
    assert "FID (Inception)" not in table.index.get_level_values(0)


def test_what_a_run_did_not_use_does_not_part_a_study_and_other_settings_do() -> None:
    same = [data(0, 0), data(0.2, 0, smoke=7, processes=1)]
    assert len(studies(read_runs(shown(*same)), "loss.lambda")) == 1
    models = [*SWEEP, *(data(lambda_, seed, "dmgan") for lambda_ in (0, 0.2) for seed in range(2))]
    first, second = studies(read_runs(shown(*models)), "loss.lambda")
    assert first.title.startswith("attngan") and second.title.startswith("dmgan")  # the one with more runs first


def test_what_cannot_be_compared_is_said() -> None:
    runs = read_runs(shown(data(0.2, 0), data(0.2, 1)))
    with pytest.raises(
        InputError, match="differ in loss.lambda alone; queue some: dvc exp run --queue -S 'loss.lambda=0,0.2'"
    ):
        studies(runs, "loss.lambda")
    with pytest.raises(InputError, match="no finished experiment has a parameter 'loss.lamda'"):
        studies(runs, "loss.lamda")
    (study,) = studies(read_runs(shown(*SWEEP)), "loss.lambda")
    with pytest.raises(InputError, match="no run has the baseline value 3; there are 0, 0.2, 1"):
        compare(study, 3)


@pytest.mark.parametrize(
    ("mean", "width", "count", "better", "words"),
    [
        (-2.0, 1.0, 4, "lower", "better"), (-2.0, 1.0, 4, "higher", "worse"), (2.0, 1.0, 4, "higher", "better"),
        (2.0, 1.0, 4, "", "differs"), (2.0, 3.0, 4, "lower", "no detectable difference"),
        (2.0, float("nan"), 1, "lower", "too few seeds to say"),
    ],
)  # fmt: skip
def test_verdicts(mean: float, width: float, count: int, better: str, words: str) -> None:
    assert verdict(Estimate(mean, width, count), better) == words


def test_flat() -> None:
    assert flat({"a": {"b": 1, "c": {"d": 2}}, "e": [1]}) == {"a.b": 1, "a.c.d": 2, "e": [1]}


def test_the_command_writes_table_and_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [*SWEEP, *(data(lambda_, seed, "dmgan") for lambda_ in (0, 0.2) for seed in range(2))]
    monkeypatch.setattr(ablation, "_shown", lambda: json.loads(json.dumps(shown(*models))))
    where = ["--metrics", str(tmp_path / "metrics"), "--plots", str(tmp_path / "plots")]
    ablation.main(["loss.lambda", "--baseline", "0", *where])
    text = (tmp_path / "metrics" / "ablation-loss.lambda.md").read_text()
    assert capsys.readouterr().out.strip() == text.strip()
    assert "-30.0 ± 0.0: better" in text and "no detectable difference" in text and "dmgan, toy_birds" in text
    table = pd.read_csv(tmp_path / "metrics" / "ablation-loss.lambda.csv")
    assert set(table["study"]) == {f"{m}, toy_birds, budget study, at 1234567" for m in ("attngan", "dmgan")}
    with Image.open(tmp_path / "plots" / "ablation-loss.lambda.png") as figure:
        assert figure.width > 1000 and len(figure.convert("RGB").getcolors(2**24) or []) > 50
    assert not list(tmp_path.rglob("*.part"))
    with pytest.raises(SystemExit, match="^ablation: no finished experiment has a parameter 'x'"):
        ablation.main(["x", *where])


def test_values_may_be_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [data(0, seed, precision=precision) for seed in range(3) for precision in ("fp32", "bf16")]
    monkeypatch.setattr(ablation, "_shown", lambda: shown(*runs))
    where = ["--metrics", str(tmp_path), "--plots", str(tmp_path)]
    ablation.main(["runtime.precision", "--baseline", "fp32", *where])
    text = (tmp_path / "ablation-runtime.precision.md").read_text()
    assert "| score | better | runtime.precision = bf16 | runtime.precision = fp32 |" in text
    assert "| difference |  | 0.000 ± 0.000: no detectable difference |  |" in text
    with pytest.raises(SystemExit, match="no run has the baseline value 0; there are bf16, fp32"):
        ablation.main(["runtime.precision", *where])
