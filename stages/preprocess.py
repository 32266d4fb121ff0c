"""Read a data set once and pack it: the only stage that sees raw data."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from t2i.files import evenly_spaced
from t2i.params import Params
from t2i.pipeline.run import PREPARED, run, write_metrics
from t2i.sources import coco, cub, custom, toy_birds
from t2i.sources.missing import MissingItems
from t2i.sources.pack_writer import min_bytes, pack
from t2i.sources.records import Splits

log = logging.getLogger(__name__)


def main(params: Params) -> None:
    """data/<data> -> prepared/."""
    dataset, stage = params.dataset, params.stage("preprocess")
    side = round(stage["image_size"] * dataset.resize_ratio)
    missing = MissingItems(dataset.on_missing)
    readers: dict[str, Callable[..., Splits]] = {
        "toy_birds": partial(toy_birds.read, image_size=side),
        "cub": partial(cub.read, missing_items=missing),
        "coco": partial(coco.read, missing_items=missing),
        "custom": partial(custom.read, missing_items=missing),
    }
    splits = readers[params.data](Path("data") / params.data, **dict(dataset.source))
    if stage["max_images"] is not None:
        splits = {
            name: [records[i] for i in evenly_spaced(len(records), stage["max_images"])]
            for name, records in splits.items()
        }
    images, megabytes = sum(map(len, splits.values())), min_bytes(splits, side) / 1e6
    log.info("packing %s images: %s MB or more in %s/", f"{images:,}", f"{megabytes:,.0f}", PREPARED)
    report = pack(
        splits,
        PREPARED,
        image_size=stage["image_size"],
        resize_ratio=dataset.resize_ratio,
        processes=params.runtime.preprocess_workers,
        missing_items=missing,
    )
    for line in missing.lines():
        log.warning(line)
    counts = {
        name: {"images": split["images"], "captions": split["captions"], "bytes": sum(split["shards"])}
        for name, split in report["splits"].items()
    }
    facts = {key: report[key] for key in ("image_size", "resize_ratio", "side", "classes", "attributes")}
    write_metrics("preprocess", {"data": params.data, **facts, "splits": counts, "left_out": missing.report()})


if __name__ == "__main__":
    run(main)
