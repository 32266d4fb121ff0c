"""Figures of an ablation: that they are drawn, whatever is missing, and always the same."""

from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from PIL import Image

from t2i.ablation import figure, panels
from t2i.ablation.changes import UNCHANGED, find_changes
from t2i.ablation.effects import DIFFERENCE, INTERACTION, MAIN_EFFECT, MEAN, compare
from t2i.ablation.experiments import read_experiments
from t2i.ablation.figure import ablation_figure, change_figure, grid_figure, snapshot_figure
from t2i.ablation.studies import find_studies
from tests.ablation.made_up import SWEEP, experiment, grid, shown

BOTH = ("loss.damsm_lambda", "loss.lambda")


def tables_of(experiments: list[dict[str, Any]], *parameters: str) -> dict[str, pd.DataFrame]:
    """Of two metrics, which are drawn in less time than all."""
    studies, _ = find_studies(read_experiments(shown(*experiments)).runs, parameters)
    tables = {study.title: compare(study, ("0",) * len(parameters)) for study in studies}
    return {title: table[table["metric"].isin(["FID (judge)", "IS (judge)"])] for title, table in tables.items()}


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as figure:
        assert len(figure.convert("RGB").getcolors(2**24) or []) > 50  # not a blank page
        return figure.size


def test_one_parameter(tmp_path: Path) -> None:
    dmgan = [experiment(lambda_, 0, model="dmgan") for lambda_ in (0, 0.2)]  # one seed: no intervals
    tables = tables_of([*SWEEP, *dmgan], "loss.lambda")
    tables[next(iter(tables))] = next(iter(tables.values())).query("metric != 'IS (judge)'")
    ablation_figure(tmp_path / "a.png", ["loss.lambda"], tables)
    assert size(tmp_path / "a.png")[0] > 600
    ablation_figure(tmp_path / "b.png", ["loss.lambda"], tables)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_changes_stand_below_each_other_and_are_named_once_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []

    def save(drawn: Figure, path: Path) -> None:
        figures.append(drawn)
        panels.save(drawn, path)

    monkeypatch.setattr(figure, "save", save)
    changed = [experiment(0, 0, recipes={"quick": {"lr": 1, "a_parameter_with_a_very_long_name": "and a long value"}})]
    runs = read_experiments(shown(*SWEEP, *changed)).runs
    study, _ = find_changes(runs, "e0")
    table = compare(study, (UNCHANGED,)).query("metric in ['FID (judge)', 'IS (judge)']")
    change_figure(tmp_path / "c.png", ["change"], {"a study": table})
    assert size(tmp_path / "c.png")[0] > 600
    means, others, differences, _ = figures[0].axes
    names = [text.get_text().replace("\n", " ") for text in means.get_yticklabels()]
    assert names == [UNCHANGED, "a_parameter_with_a_very_long_name = and a long value", "lambda = 0.2", "lambda = 1"]
    assert [text.get_text() for text in others.get_yticklabels()] == [""] * 4
    assert len(differences.get_yticklabels()) == 3


def test_long_names_of_changes_do_not_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(figure, "save", lambda drawn, _: figures.append(drawn))
    long = {f"{letter}_parameter": "a value of some length" for letter in "abc"}
    changed = [experiment(0, 0, recipes={"quick": {"lr": lr, **long}}) for lr in range(2, 8)]
    study, _ = find_changes(read_experiments(shown(experiment(0, 0), *changed)).runs, "e0")
    table = compare(study, (UNCHANGED,)).query("metric == 'FID (judge)'")
    change_figure(tmp_path / "x", ["change"], {"a study": table})
    canvas = FigureCanvasAgg(figures[0])
    canvas.draw()
    for axis in figures[0].axes[:2]:
        heights = sorted(text.get_window_extent().intervaly.tolist() for text in axis.get_yticklabels())
        assert len(heights) >= 6 and all(below[1] <= above[0] for below, above in pairwise(heights))


def drawn_points(axis: Axes) -> list[Any]:
    """x, y, half of the interval and whether it is filled, of each point of a panel."""
    points = []
    for bars in axis.containers:
        assert isinstance(bars, ErrorbarContainer)
        marks: Any = bars.lines[0]
        ends: Any = [np.ptp(segment[:, int(bars.has_yerr)]) / 2 for segment in bars.lines[2][0].get_segments()]  # type: ignore
        filled = marks.get_markerfacecolor() != "white"
        points += [(*point, width, filled) for *point, width in zip(*marks.get_data(), ends, strict=True)]
    return points


def expected_points(table: pd.DataFrame, effects: list[str], *, below: bool, places: list[int]) -> list[Any]:
    """The same, of a table: points beside each other, or below each other and filled where told from chance."""
    rows = table[(table["metric"] == "FID (judge)") & table["effect"].isin(effects)].to_dict("records")
    points = []
    for place, row in zip(places, rows, strict=True):
        width = pytest.approx(row["half_width"])
        if below:
            points.append((row["estimate"], place, width, row["q_value"] <= 0.05))
        else:
            points.append((place, row["estimate"], width, True))
    return points


def test_the_points_of_each_figure_are_the_numbers_of_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(figure, "save", lambda drawn, _: figures.append(drawn))
    (one,) = tables_of(SWEEP, "loss.lambda").values()
    (two,) = tables_of(grid(), *BOTH).values()
    study, _ = find_changes(read_experiments(shown(*SWEEP)).runs, "e0")
    changes = compare(study, (UNCHANGED,)).query("metric in ['FID (judge)', 'IS (judge)']")
    ablation_figure(tmp_path / "x", ["loss.lambda"], {"a": one})
    grid_figure(tmp_path / "x", BOTH, {"a": two})
    change_figure(tmp_path / "x", ["change"], {"a": changes})
    beside, grid_of_two, below = (drawn.axes[::2] for drawn in figures)  # the panels of the first metric
    assert drawn_points(beside[0]) == expected_points(one, [MEAN], below=False, places=[0, 1, 2])
    assert drawn_points(beside[1]) == expected_points(one, [DIFFERENCE], below=False, places=[1, 2])
    told = expected_points(two, [MAIN_EFFECT, INTERACTION], below=True, places=[0, 1, 2])
    assert drawn_points(grid_of_two[1]) == told and any(point[-1] for point in told)
    assert drawn_points(below[0]) == expected_points(changes, [MEAN], below=True, places=[0, 1, 2])
    assert drawn_points(below[1]) == expected_points(changes, [DIFFERENCE], below=True, places=[0, 1])


@pytest.mark.slow
def test_studies_of_a_grid_stand_below_each_other_up_to_six(tmp_path: Path) -> None:
    empty = [
        run for run in grid(2) if run["params"]["params.yaml"]["data"]["loss"] in (
            {"lambda": 0, "damsm_lambda": 0, "gamma": 4.0}, {"lambda": 0.2, "damsm_lambda": 1.0, "gamma": 4.0},
        )
    ]  # fmt: skip  # no main effect and no interaction can be had
    heights = []
    for experiments in (grid(2), empty, [run for lr in range(7) for run in grid(1, judge={"lr": lr})]):
        grid_figure(tmp_path / "g.png", BOTH, tables_of(experiments, *BOTH))
        heights.append(size(tmp_path / "g.png")[1])
    assert heights[0] == heights[1] and heights[2] == pytest.approx(6 * heights[0], rel=0.15)


@pytest.mark.slow
def test_the_legend_of_long_names_stays_in_the_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(figure, "save", lambda drawn, _: figures.append(drawn))
    tables = {
        f"{number} {'long ' * 20}": table for number in range(3) for table in tables_of(SWEEP, "loss.lambda").values()
    }
    ablation_figure(tmp_path / "a.png", ["loss.lambda"], tables)
    (drawn,) = figures
    drawn.draw_without_rendering()
    box = drawn.legends[0].get_window_extent()
    assert 0 <= box.x0 and box.x1 <= drawn.bbox.width and len(drawn.legends[0].get_texts()) == 3


@pytest.mark.slow
def test_studies_that_have_nothing_to_draw_take_no_place(tmp_path: Path) -> None:
    tables = tables_of([run for lr in range(8) for run in grid(1, judge={"lr": lr})], *BOTH)
    last = list(tables)[-1]
    drawn = {title: table if title == last else table.iloc[:0] for title, table in tables.items()}
    grid_figure(tmp_path / "g.png", BOTH, drawn)
    grid_figure(tmp_path / "one.png", BOTH, {last: tables[last]})
    assert (tmp_path / "g.png").read_bytes() == (tmp_path / "one.png").read_bytes()


@pytest.mark.slow
def test_a_study_without_the_first_score_has_a_legend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(figure, "save", lambda drawn, _: figures.append(drawn))
    lacking = grid(2, model="dmgan")
    for run in lacking:
        del run["metrics"]["metrics/evaluate.json"]["data"]["fidelity"]["judge"]["fid"]
    grid_figure(tmp_path / "g.png", BOTH, tables_of([*grid(2), *lacking], *BOTH))
    legends = [[text.get_text() for text in part.legends[0].get_texts()] for part in figures[0].subfigs]
    assert legends[0] == legends[1] == ["loss.damsm_lambda = 0", "loss.damsm_lambda = 1"]


@pytest.mark.slow
def test_many_metrics_are_wrapped(tmp_path: Path) -> None:
    studies, _ = find_studies(read_experiments(shown(*SWEEP)).runs, ("loss.lambda",))
    ablation_figure(tmp_path / "a.png", ["loss.lambda"], {"a study": compare(studies[0], ("0",))})
    width, height = size(tmp_path / "a.png")
    assert width < 2000 and height > 1400


@pytest.mark.slow
@pytest.mark.parametrize(("experiments", "parameters", "cells"), [(SWEEP, ["loss.lambda"], 3), (grid(2), BOTH, 4)])
def test_snapshots_are_drawn_against_their_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, experiments: list[dict[str, Any]], parameters: Any, cells: int
) -> None:
    runs = read_experiments(shown(*experiments)).runs
    studies, _ = find_studies(runs, tuple(parameters), attrgetter("snapshot_scores"))
    tables = {study.title: compare(study, ("0",) * len(parameters)) for study in studies}
    figures: list[Figure] = []

    def save(drawn: Figure, path: Path) -> None:
        figures.append(drawn)
        panels.save(drawn, path)

    monkeypatch.setattr(figure, "save", save)
    snapshot_figure(tmp_path / "s.png", parameters, tables)
    assert size(tmp_path / "s.png")[0] > 500
    upper, _, lower, _ = figures[0].axes  # FID and R-precision
    lines = [bars.lines[0] for bars in upper.containers if isinstance(bars, ErrorbarContainer)]
    assert len(lines) == len(lower.containers) == cells
    assert [list(np.asarray(line.get_xdata())) for line in lines] == [[50, 100]] * cells
    assert [-np.diff(np.asarray(line.get_ydata()))[0] for line in lines] == [pytest.approx(50)] * cells
    labels = [text.get_text() for text in figures[0].subfigs[0].legends[0].get_texts()]
    assert len(labels) == cells and labels[0] == ", ".join(f"{name} = 0" for name in parameters)
