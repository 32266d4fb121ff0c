"""Options of the benchmarks that read raw data: which data set, where it is, and the size it is brought to."""

import argparse
from collections.abc import Callable
from pathlib import Path

from t2i.sources import coco, cub
from t2i.sources.records import Splits

READERS: dict[str, Callable[..., Splits]] = {"cub": cub.read, "coco": coco.read}


def add_raw_data(parser: argparse.ArgumentParser) -> None:
    """Add --data, --folder, --image-size and --resize-ratio."""
    parser.add_argument("--data", choices=list(READERS), default="cub", help="data set")
    parser.add_argument("--folder", type=Path, help="of the raw data; None: data/<data>")
    parser.add_argument("--image-size", type=int, default=256, help="side of the training images")
    parser.add_argument("--resize-ratio", type=float, default=76 / 64, help="short side as packed / image size")


def read_splits(given: argparse.Namespace) -> Splits:
    """Records of all splits, with five captions each."""
    return READERS[given.data](given.folder or Path("data") / given.data, captions_per_image=5)
