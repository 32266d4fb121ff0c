"""Packs whose training images are there a second time, in the size of DAMSM pretraining."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from t2i.data.packed import PackedSplit, damsm_folder, digest, splits_in
from t2i.errors import InputError
from t2i.sources.images import load_image
from t2i.sources.missing import MissingItems
from t2i.sources.pack_writer import min_bytes, pack
from t2i.sources.records import Splits
from t2i.sources.resizing import Resizing
from tests.conftest import stripes
from tests.sources.small_pack import SETTINGS, SIDE, contents, data_set, everything, failing, record, refused

DAMSM: dict[str, Any] = {"damsm_image_size": 24}
DAMSM_SIDE = 30


def test_nothing_is_new_in_a_pack_of_one_size(tmp_path: Path) -> None:
    splits = {"train": stripes("train", 5, SIDE), "test": stripes("test", 3, SIDE)}
    for size in (None, 16):
        pack(splits, tmp_path / "pack", **SETTINGS, damsm_image_size=size)
        assert damsm_folder(tmp_path / "pack") == tmp_path / "pack"
        # as before there was a choice: models that were trained on such packs still know them
        assert digest(tmp_path / "pack") == "6e0a59d657c2318438c7281a68bd790c3da53e5ea4d09f48b1ccc14ca2668a56"


@pytest.mark.parametrize("resizing", [Resizing(), Resizing("bilinear", "truncated")])
def test_training_images_are_packed_in_the_size_of_damsm_pretraining_too(tmp_path: Path, resizing: Resizing) -> None:
    splits, loads = data_set(), []

    def counted(load: Callable[[], Image.Image], name: str) -> Image.Image:
        loads.append(name)
        return load()

    counting = {
        split: [replace(record, load=partial(counted, record.load, record.name)) for record in records]
        for split, records in splits.items()
    }
    report = pack(counting, tmp_path / "pack", **SETTINGS, **DAMSM, resizing=resizing)
    assert loads == ["a", "b", "c", "d"]  # each decoded once
    folder = damsm_folder(tmp_path / "pack")
    assert folder == tmp_path / "pack" / "damsm" and splits_in(folder) == ["train"]
    assert splits_in(tmp_path / "pack") == ["train", "test"]
    first, second = PackedSplit(tmp_path / "pack", "train"), PackedSplit(folder, "train")
    assert (second.image_size, second.side, second.attributes) == (24, DAMSM_SIDE, first.attributes)
    for i, source in enumerate(splits["train"]):
        image = source.load().convert("RGB")
        for opened in (first, second):
            np.testing.assert_array_equal(opened.image(i), np.asarray(resizing.resize(image, opened.side)))
            assert min(opened.image(i).shape[:2]) == opened.side
    own = ["shard", "offset", "height", "width"]
    pd.testing.assert_frame_equal(first.images.drop(columns=own), second.images.drop(columns=own))
    pd.testing.assert_frame_equal(first.captions, second.captions)
    assert report["damsm"] == {
        "image_size": 24, "side": DAMSM_SIDE, "bytes": (folder / "train.000.pixels").stat().st_size,
        "digest": second.digest,
    }  # fmt: skip

    pack(splits, tmp_path / "one", **SETTINGS, resizing=resizing)
    one, both = contents(tmp_path / "one"), contents(tmp_path / "pack")
    assert {name for name in both if both[name] != one.get(name)} == {"meta.json"} | {
        f"damsm/{name}" for name in ("meta.json", "train.000.pixels", "train.images.csv", "train.captions.csv")
    }


def test_no_second_pack_survives_the_next_run(tmp_path: Path) -> None:
    digests = set()
    for size in (24, 28, None):
        pack(data_set(), tmp_path / "pack", **SETTINGS, damsm_image_size=size)
        digests.add(digest(tmp_path / "pack"))
        assert PackedSplit(damsm_folder(tmp_path / "pack"), "train").image_size == (size or 16)
    assert len(digests) == 3  # the digest of a pack covers both sizes
    assert contents(tmp_path / "pack").keys() == {
        "meta.json", *(f"{split}.{rest}" for split in ("train", "test") for rest in
                       ("000.pixels", "images.csv", "captions.csv")),
    }  # fmt: skip


def test_a_second_pack_that_was_taken_away_is_missed(tmp_path: Path) -> None:
    pack(data_set(), tmp_path / "pack", **SETTINGS, **DAMSM)
    shutil.rmtree(tmp_path / "pack" / "damsm")
    PackedSplit(tmp_path / "pack", "test")
    with pytest.raises(InputError, match=r"pack/damsm holds no packed data set.*: run `dvc repro preprocess`"):
        PackedSplit(damsm_folder(tmp_path / "pack"), "train")


def test_unreadable_images_are_in_neither_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2i.sources.shard_writer._MAX_PIXELS", 2 * DAMSM_SIDE**2)
    (tmp_path / "torn.png").write_bytes(b"no image")
    too_long = partial(Image.new, "RGB", (40, 100))  # in the larger size alone
    records = [record("a"), record("b", load=partial(load_image, tmp_path / "torn.png")), record("c", load=too_long)]
    assert "'c' has an unusable shape" in refused({"train": records[::2]}, tmp_path / "pack", **DAMSM)
    missing = MissingItems("skip")
    splits = {"train": [*records, record("d")], "test": [record("e")]}
    pack(splits, tmp_path / "pack", **SETTINGS, **DAMSM, missing_items=missing)
    for folder in (tmp_path / "pack", damsm_folder(tmp_path / "pack")):
        assert PackedSplit(folder, "train").images["name"].tolist() == ["a", "d"]
    assert missing.report() == {"of the train split that cannot be read": {"count": 2, "first": ["b", "c"]}}
    pack(
        {"train": records[:1], "test": records[2:]}, tmp_path / "one", **SETTINGS, **DAMSM
    )  # a test image has one size


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("a defect")])
def test_interruption_leaves_the_old_pack_of_two_sizes(tmp_path: Path, error: BaseException) -> None:
    pack(data_set(), tmp_path / "pack", **SETTINGS, **DAMSM)
    before = everything(tmp_path)
    bad: Splits = {"train": [record("x"), record("y", load=partial(failing, error))]}
    for size in (24, 28, None):
        with pytest.raises(type(error)):
            pack(bad, tmp_path / "pack", **SETTINGS, damsm_image_size=size)
        assert everything(tmp_path) == before


def test_the_disk_must_hold_both_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = {"train": stripes("train", 5, 40), "test": stripes("test", 3, 40)}
    needed = 3 * (8 * SIDE**2 + 5 * DAMSM_SIDE**2)
    assert min_bytes(splits, SIDE, DAMSM_SIDE) == needed
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed - 1))
    assert "free some space or lower image_size" in refused(splits, tmp_path / "pack", **DAMSM)
    pack(splits, tmp_path / "one", **SETTINGS)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed))
    meta = pack(splits, tmp_path / "pack", **SETTINGS, **DAMSM)
    assert sum(sum(counts["shards"]) for counts in meta["splits"].values()) + meta["damsm"]["bytes"] == needed
