"""The numbers of metrics/evaluate.json and metrics/score_snapshots.json that are compared."""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

COLOURS = ("body", "belly", "wing", "crown", "beak")


class Metric(NamedTuple):
    """A number that is compared.

    Attributes:
        order: place in a table.
        name: what it is, and in brackets the network that it was computed with.
        better: "lower", "higher", or "" where neither is.
    """

    order: int
    name: str
    better: str


_READ = (
    ("FID", "lower", r"fidelity\.([^.]+)\.fid\.fakes"),
    ("KID", "lower", r"fidelity\.([^.]+)\.kid\.fakes"),
    ("precision", "higher", r"fidelity\.([^.]+)\.precision\.fakes"),
    ("recall", "higher", r"fidelity\.([^.]+)\.recall\.fakes"),
    ("precision, cosine", "higher", r"fidelity\.([^.]+)\.precision_cosine\.fakes"),
    ("recall, cosine", "higher", r"fidelity\.([^.]+)\.recall_cosine\.fakes"),
    ("IS", "higher", r"fidelity\.([^.]+)\.is\.fakes"),
    ("R-precision", "higher", r"r_precision\.([^.]+)\.fakes"),
)
"""Name, better and flat path of numbers that are taken as they are, for each network that has them."""

_RATIO = Metric(len(_READ), "distance ratio, same image / other image", "lower")
_SAME_IMAGE = Metric(len(_READ) + 1, "distance, two captions of one image", "")
_OTHER_IMAGE = Metric(len(_READ) + 2, "distance, captions of two images", "")
_PIXELS = Metric(len(_READ) + 3, "pixel difference ratio, same image / other image", "lower")
_VARIETY = Metric(len(_READ) + 4, "feature distance, two noises of one caption", "")
_AGREEMENT = {
    kind: Metric(len(_READ) + 5 + number, f"same attribute, mentioned by {kind} of two captions", "")
    for number, kind in enumerate(("both", "one", "none"))
}
_ATTRIBUTES = Metric(len(_READ) + 8, "attribute accuracy (mean of all)", "higher")
_COLOURS = Metric(len(_READ) + 9, "colour accuracy (mean of five)", "higher")


def read_scores(evaluate: Mapping[str, Any]) -> dict[Metric, float]:
    """The compared numbers of a metrics/evaluate.json, of whatever networks it has; missing ones are left out.

    The distance between images of two captions of one image falls with any loss of variety, so neither of the two
    distances is better by itself: their ratio tells consistency from collapse. The agreement of attributes rises with
    it, and none is better by itself either.
    """
    flat = numbers(evaluate)
    scores = {}
    for order, (name, better, pattern) in enumerate(_READ):
        for path, value in flat.items():
            if found := re.fullmatch(pattern, path):
                scores[Metric(order, f"{name} ({found[1]})", better)] = value
    same, other = (flat.get(f"caption_consistency.distance_{which}_image") for which in ("same", "other"))
    pixels = [flat.get(f"caption_consistency.pixels_{which}_image") for which in ("same", "other")]
    derived = {_RATIO: _share(same, other), _SAME_IMAGE: same, _OTHER_IMAGE: other, _PIXELS: _share(*pixels)}
    derived[_VARIETY] = flat.get("variety.fakes")
    derived |= {_AGREEMENT[kind]: flat.get(f"caption_consistency.attribute_agreement.{kind}") for kind in _AGREEMENT}
    attributes = {
        found[1]: value
        for path, value in flat.items()
        if (found := re.fullmatch(r"attribute_accuracy\.(.+)\.fakes", path))
    }
    derived[_ATTRIBUTES] = _mean(list(attributes.values()))
    derived[_COLOURS] = _mean([attributes[colour] for colour in COLOURS]) if attributes.keys() >= set(COLOURS) else None
    scores |= {metric: value for metric, value in derived.items() if value is not None}
    return dict(sorted(scores.items()))


_OF_SNAPSHOTS = (
    ("FID", "lower", "fid"),
    ("KID", "lower", "kid"),
    ("R-precision", "higher", "r_precision"),
    (_RATIO.name, _RATIO.better, "consistency"),
)
"""Name, better and key of the scores of a snapshot."""


def read_snapshot_scores(score_snapshots: Mapping[str, Any]) -> dict[Metric, float]:
    """The compared numbers of a metrics/score_snapshots.json: each score after each number of steps."""
    scores = {}
    for path, value in numbers(score_snapshots).items():
        for order, (name, better, key) in enumerate(_OF_SNAPSHOTS):
            if found := re.fullmatch(rf"snapshots\.(\d+)\.{key}", path):
                steps = int(found[1])
                scores[Metric(order * 10**9 + steps, f"{name} (judge) after {steps:,} steps", better)] = value
    return dict(sorted(scores.items()))


def split_steps(name: str) -> tuple[str, int]:
    """A score and its steps, of the name of a snapshot's: "FID (judge)", 50 of "FID (judge) after 50 steps"."""
    score, _, steps = name.rpartition(" after ")
    return score, int(steps.removesuffix(" steps").replace(",", ""))


def _share(value: float | None, of: float | None) -> float | None:
    return value / of if value is not None and of else None


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """``{"a": {"b": 1}}`` -> ``{"a.b": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def numbers(nested: Mapping[str, Any]) -> dict[str, float]:
    """The finite numbers, flat."""
    return {path: float(value) for path, value in flatten(nested).items() if _is_number(value)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
