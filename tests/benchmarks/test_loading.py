"""Batches from files are those from the pack, to the byte."""

from pathlib import Path

import pytest
import torch

from benchmarks.loading import Files, pairs
from t2i.data.packed import PackedSplit
from t2i.sources import cub
from t2i.sources.pack_writer import pack
from tests.conftest import ROOT, stripes

SLICE = ROOT.parent / "shared" / "data" / "cub-slice"


def test_drawn_pictures(tmp_path: Path) -> None:
    same(tmp_path, stripes("train", 12, 40))


def test_files_of_the_cub_slice(tmp_path: Path) -> None:
    if not SLICE.is_dir():
        pytest.skip(f"no slice of CUB-200-2011 at {SLICE}")
    same(tmp_path, cub.read(SLICE, captions_per_image=5)["train"][:8])


def same(folder: Path, records: list) -> None:  # type: ignore[type-arg]
    folder = folder / "prepared"
    pack({"train": records}, folder, image_size=32, resize_ratio=1.1875, processes=1)
    ours, plain = (pairs(split, 4) for split in (PackedSplit(folder, "train"), Files(folder, records)))
    for step in range(4):
        a, b = ours[step], plain[step]
        assert all(torch.equal(getattr(a, name), getattr(b, name)) for name in ("images", "ids", "classes", "rows"))
