"""Read a data set once and pack it: the only stage that sees raw data."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from stages.runner import PREPARED, run, write_metrics
from t2i.data import coco, cub, own, toy_birds
from t2i.data.gaps import Gaps
from t2i.data.packing import least_bytes, pack
from t2i.data.records import Splits
from t2i.params import Params


def main(params: Params) -> None:
    """data/<data> -> prepared/."""
    dataset = getattr(params.datasets, params.data)
    settings = params.budgets[params.budget].preprocess
    side = round(settings.image_size * dataset.resize_ratio)
    gaps = Gaps(dataset.on_missing)
    readers: dict[str, Callable[..., Splits]] = {
        "toy_birds": partial(toy_birds.read, image_size=side), "cub": partial(cub.read, gaps=gaps),
        "coco": partial(coco.read, gaps=gaps), "own": partial(own.read, gaps=gaps),
    }  # fmt: skip
    splits = readers[params.data](Path("data") / params.data, **dict(dataset.source))
    if settings.limit is not None:
        splits = {name: [records[i] for i in _spread(len(records), settings.limit)] for name, records in splits.items()}
    images = sum(map(len, splits.values()))
    print(f"packing {images:,} images: {least_bytes(splits, side) / 1e6:,.0f} MB or more in {PREPARED}/", flush=True)
    report = pack(
        splits,
        PREPARED,
        image_size=settings.image_size,
        resize_ratio=dataset.resize_ratio,
        processes=params.runtime.processes,
        gaps=gaps,
    )
    for line in gaps.lines():
        print(line)
    counts = {
        name: {"images": split["images"], "captions": split["captions"], "bytes": sum(split["shards"])}
        for name, split in report["splits"].items()
    }
    facts = {key: report[key] for key in ("image_size", "resize_ratio", "side", "classes", "attributes")}
    write_metrics("preprocess", {"data": params.data, **facts, "splits": counts, "left_out": gaps.report()})


def _spread(count: int, limit: int) -> list[int]:
    """At most ``limit`` of ``count`` places, evenly spread."""
    return [int(place) for place in np.linspace(0, count - 1, min(count, limit)).round()]


if __name__ == "__main__":
    run(main)
