"""What benchmarks on people's raw data have in common: where it lies, and the size that it is brought to."""

import argparse
from collections.abc import Callable
from pathlib import Path

from t2i.sources import coco, cub
from t2i.sources.records import Record

READERS: dict[str, Callable[..., dict[str, list[Record]]]] = {"cub": cub.read, "coco": coco.read}


def parser_for(prog: str) -> argparse.ArgumentParser:
    """A parser that knows data set, folder and sizes."""
    parser = argparse.ArgumentParser(prog=prog)
    parser.add_argument("--data", choices=list(READERS), default="cub")
    parser.add_argument("--folder", type=Path, help="of the raw data (data/<data>)")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--resize-ratio", type=float, default=76 / 64)
    return parser


def records_of(given: argparse.Namespace) -> dict[str, list[Record]]:
    """Split -> its records, with five captions each."""
    return READERS[given.data](given.folder or Path("data") / given.data, captions_per_image=5)
