"""A run on one web page that opens without a network: scores with their protocol, curves, grids, ablations."""

import base64
import contextlib
import html
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pandas.api.types import is_numeric_dtype

from t2i.ablation.metrics import flatten
from t2i.ablation.tables import compared_in
from t2i.errors import InputError
from t2i.files import replacing
from t2i.scores.summary import summary

_GRIDS = {
    "samples.png": "Captions, the real images they describe, and images generated from them",
    "noises.png": "Several noise vectors for each caption",
    "pairs.png": "Two captions of an image, with the same noise vectors",
    "attention.png": "Attention of each word in the last refinement",
    "nearest.png": "The training images nearest to generated ones",
    "train_gan.png": "Six captions (rows) as training went on (columns: 1/16, 1/8, 1/4, 1/2 and all of the steps)",
}
_CURVES = {"pretrain_damsm.csv": "DAMSM", "train_judge.csv": "Judge", "train_gan.csv": "GAN"}
_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 75rem; padding: 1.5rem; font: 16px/1.5 system-ui; }
img { max-width: 100%; background: #fff; border-radius: 6px; } pre { overflow-x: auto; font-size: .85rem; }
table { border-collapse: collapse; font-size: .85rem; } td, th { padding: .2rem .7rem; border-bottom: 1px solid #8884;
text-align: left; } details { margin: .5rem 0; } h2 { margin-top: 2.5rem; }
"""


def write_report(path: Path, metrics: Path, plots: Path) -> None:
    """Write the page.

    Args:
        path: HTML to write, replaced at once.
        metrics, plots: folders that the pipeline writes; grids, curves and ablations that are missing are left out.

    Raises:
        InputError: there are no scores yet, or they are damaged or of another version.
    """
    scores = _read(metrics / "evaluate.json")
    try:
        text = summary(scores)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{metrics / 'evaluate.json'} is of another version: `dvc repro` makes it again") from error
    parts = ["<h1>A run of t2i</h1>", f"<pre>{html.escape(text)}</pre>", _protocols(scores)]
    for name, title in _GRIDS.items():
        if (plots / name).is_file():
            parts.append(f"<h2>{html.escape(title)}</h2>{_picture(plots / name, title)}")
    curves = [_curves(plots / name, title) for name, title in _CURVES.items() if (plots / name).is_file()]
    parts += ["<h2>Losses</h2>", *curves] if curves else []
    if (snapshots := plots / "snapshots.csv").is_file():
        parts.append(f"<h2>Scores of snapshots of the generator</h2>{_curves(snapshots, 'Snapshots')}")
    for table in sorted(metrics.glob("ablation-*.csv")):
        compared = compared_in(table.stem)
        parts.append(f"<h2>Effect of {html.escape(compared)}</h2>")
        figure = plots / f"{table.stem}.png"
        if figure.is_file():
            parts.append(_picture(figure, f"scores against {compared}"))
        numbers = _table(table, keep_default_na=False).to_html(index=False, border=0)
        parts.append(f"<details><summary>All numbers</summary>{numbers}</details>")
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>A run of t2i</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )
    with replacing(path) as part:
        part.write_text(page, encoding="utf-8")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Says in one line that a file cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path} is not there yet: `dvc repro` makes it") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        with _reading(path):
            return dict(json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: `dvc repro` makes it again") from error


def _table(path: Path, **options: Any) -> pd.DataFrame:
    try:
        with _reading(path):
            return pd.read_csv(path, **options)
    except ValueError as error:
        raise InputError(f"{path} is damaged: make it again") from error


def _picture(path: Path, text: str) -> str:
    with _reading(path):
        return _image(path.read_bytes(), text)


def _protocols(scores: dict[str, Any]) -> str:
    """A table of what each score was computed with."""
    rows = []
    for path, value in flatten(scores).items():
        *where, key = path.split(".")
        if "protocol" in where:
            score = " ".join(part for part in where if part != "protocol") or "protocol"
            rows.append([score.replace("_", " "), key.replace("_", " "), str(value)])
    table = pd.DataFrame(rows, columns=["score", "", "computed with"]).to_html(index=False, border=0)
    return f"<details><summary>How they were computed</summary>{table}</details>"


def _curves(path: Path, title: str) -> str:
    """A panel for each column against the steps of a training."""
    table = _table(path)
    names = [name for name in table if name != "step"]
    if "step" not in table or not names:
        raise InputError(f"{path} is damaged: it has no column step, or no other: make it again")
    if table.empty:  # a training of no steps
        return ""
    if texts := [name for name in table if not is_numeric_dtype(table[name])]:
        raise InputError(f"{path} is damaged: its column {texts[0]} has more than numbers: make it again")
    with style.context("default"):
        figure = Figure(figsize=(2.6 * len(names), 2.3), layout="constrained")
        FigureCanvasAgg(figure)
        for axis, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            known = table[["step", name]].dropna()
            axis.plot(known["step"], known[name], linewidth=1)
            axis.set_title(f"{title}: {name}", fontsize=9)
            axis.tick_params(labelsize=7)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return _image(buffer.getvalue(), f"{title} by step")


def _image(content: bytes, text: str) -> str:
    encoded = base64.b64encode(content).decode("ascii")
    return f'<img alt="{html.escape(text)}" src="data:image/png;base64,{encoded}">'
