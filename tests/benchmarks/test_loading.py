"""Batches from files equal those from the pack, to the byte."""

from pathlib import Path

import pytest
import torch

from benchmarks.loading import UnpackedSplit, make_batches
from t2i.data.packed import PackedSplit
from t2i.sources import cub
from t2i.sources.pack_writer import pack
from t2i.sources.records import Record
from tests.conftest import ROOT, stripes

SLICE = ROOT.parent / "shared" / "data" / "cub-slice"


def test_drawn_images(tmp_path: Path) -> None:
    check_batches(tmp_path / "prepared", stripes("train", 12, 40))


def test_files_of_the_cub_slice(tmp_path: Path) -> None:
    if not SLICE.is_dir():
        pytest.skip(f"no slice of CUB-200-2011 at {SLICE}")
    check_batches(tmp_path / "prepared", cub.read(SLICE, captions_per_image=5)["train"][:8])


def check_batches(folder: Path, records: list[Record]) -> None:
    pack({"train": records}, folder, image_size=32, resize_ratio=1.1875, processes=1)
    packed, files = (make_batches(split, 4) for split in (PackedSplit(folder, "train"), UnpackedSplit(folder, records)))
    for step in range(4):
        a, b = packed[step], files[step]
        assert all(torch.equal(getattr(a, name), getattr(b, name)) for name in ("images", "ids", "classes", "rows"))
