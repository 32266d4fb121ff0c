"""The data set that params.yaml chooses, as its reader finds it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from t2i.check.links import refuse_unhashed
from t2i.check.requirements import SplitContents
from t2i.files import evenly_spaced
from t2i.params import Params
from t2i.params.datasets import CustomSource
from t2i.sources import coco, cub, custom, toy_birds
from t2i.sources.missing import MissingItems
from t2i.sources.pack_writer import empty_split, packed_sides
from t2i.sources.records import Splits
from t2i.sources.resizing import Resizing


def read_dataset(params: Params) -> tuple[Splits, MissingItems]:
    """Records of data/<data>, at most ``max_images`` a split, and what was left out."""
    dataset, limit = params.dataset, params.stage("preprocess")["max_images"]
    folder, missing = Path("data") / params.data, MissingItems(dataset.on_missing)
    common: dict[str, Any] = {"tokens": dataset.tokens, "missing_items": missing}
    readers: dict[str, Callable[..., Splits]] = {
        "toy_birds": partial(toy_birds.read, image_size=max(packed_sides(**pack_arguments(params)).values())),
        "cub": partial(cub.read, **common),
        "coco": partial(coco.read, **common),
        "custom": partial(custom.read, **common),
    }
    refuse_unhashed(folder)
    splits = readers[params.data](folder, **dict(dataset.source))
    if limit is not None:
        for name, records in splits.items():
            splits[name] = [records[i] for i in evenly_spaced(len(records), limit)]
            kept = {record.name for record in splits[name]}
            for record in records:
                if record.name not in kept:
                    missing.note(f"images of the {name} split beyond max_images = {limit}", record.name)
    return splits, missing


def empty_problems(splits: Splits, params: Params, missing: MissingItems) -> list[str]:
    """Splits without images, with what was left out of them, and how images get into a split."""
    source = params.dataset.source
    way_out = ""
    if isinstance(source, CustomSource):
        way_out = (
            "; an image is in the split that the table or its folder (train/, test/) names, else it is a test image "
            f"with a probability of datasets.custom.source.test_share = {source.test_share:g}"
        )
    return [empty_split(name, "images", missing) + way_out for name, records in splits.items() if not records]


def pack_arguments(params: Params) -> dict[str, Any]:
    """Arguments of :func:`t2i.sources.pack_writer.pack` that decide which pixels are packed."""
    stage = params.stage("preprocess")
    return {
        "image_size": stage["image_size"],
        "resize_ratio": params.dataset.resize_ratio,
        "resizing": Resizing(stage["filter"], stage["sides"]),
        "damsm_image_size": stage["damsm_image_size"],
    }


def contents_of(splits: Splits) -> dict[str, SplitContents]:
    """What each split holds, apart from pixels."""
    return {
        name: SplitContents(
            [record.name for record in records],
            [record.class_name for record in records],
            [[caption.text for caption in record.captions] for record in records],
        )
        for name, records in splits.items()
    }
