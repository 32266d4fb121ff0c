"""Reading packed data sets: views of the pixels, digests, and damaged packs."""

import json
import pickle
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from t2i.data.packed import FORMAT, PackedSplit, digest, splits_in
from t2i.errors import InputError
from t2i.sources.pack_writer import pack
from t2i.sources.records import Caption, Record, Splits

SETTINGS: dict[str, Any] = {"image_size": 16, "resize_ratio": 1.25, "processes": 1}


def noise(seed: int, width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def data_set() -> Splits:
    train = [
        Record(name, "wren", (Caption("a bird"), Caption("it sings")), partial(noise, seed, 50, 40 + seed))
        for seed, name in enumerate("abc")
    ]
    return {"train": train, "test": [Record("d", "auk", (Caption("a bird"),), partial(noise, 9, 33, 20))]}


def test_the_digest_changes_with_every_pixel_and_word(tmp_path: Path) -> None:
    def digest_of(**changes: Any) -> str:
        first = data_set()["train"][0]
        pack({"train": [replace(first, **changes)]}, tmp_path / "pack", **SETTINGS)
        of_pack = PackedSplit(tmp_path / "pack", "train").digest
        assert of_pack == digest(tmp_path / "pack")
        return of_pack

    one_word, one_pixel = (Caption("a big bird"), Caption("it sings")), partial(noise, 5, 50, 40)
    assert digest_of() == digest_of()
    different = {digest_of(), digest_of(captions=one_word), digest_of(load=one_pixel), digest_of(class_name="auk")}
    assert len(different) == 4


def test_images_are_read_only_views_also_after_pickling(tmp_path: Path) -> None:
    pack(data_set(), tmp_path / "pack", **SETTINGS)
    opened = PackedSplit(tmp_path / "pack", "train")
    image = opened.image(2)
    assert image.dtype == np.uint8 and not image.flags.writeable and not image.flags.owndata
    assert np.shares_memory(image, opened.image(2))
    content = pickle.dumps(opened)
    np.testing.assert_array_equal(pickle.loads(content).image(2), image)
    assert len(content) < 20_000  # no pixels
    with pytest.raises(IndexError):
        opened.image(3)


def test_captions_of_an_image_are_consecutive_rows(tmp_path: Path) -> None:
    pack(data_set(), tmp_path / "pack", **SETTINGS)
    opened = PackedSplit(tmp_path / "pack", "train")
    assert [opened.captions_of(i).tolist() for i in range(3)] == [[0, 1], [2, 3], [4, 5]]
    assert len(opened) == 3 and splits_in(tmp_path / "pack") == ["train", "test"]


def test_missing_or_incomplete_packs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="dvc repro preprocess"):
        splits_in(tmp_path / "none")
    for name in ("meta.json", "train.000.pixels", "train.images.csv", "train.captions.csv"):
        for damaged in (None, b"", b"[]", b"a,b\n1,2\n"):
            pack(data_set(), tmp_path / "pack", **SETTINGS)
            path = tmp_path / "pack" / name
            path.unlink() if damaged is None else path.write_bytes(damaged)
            with pytest.raises(InputError, match="dvc repro preprocess"):
                PackedSplit(tmp_path / "pack", "train")
            shutil.rmtree(tmp_path / "pack")
    pack(data_set(), tmp_path / "pack", **SETTINGS)
    with pytest.raises(InputError, match="no split 'reference', only train, test"):
        PackedSplit(tmp_path / "pack", "reference")


def test_packs_of_an_older_format_are_outdated(tmp_path: Path) -> None:
    pack(data_set(), tmp_path / "pack", **SETTINGS)
    path = tmp_path / "pack" / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": FORMAT - 1}))
    with pytest.raises(InputError, match="outdated one: run `dvc repro preprocess`"):
        PackedSplit(tmp_path / "pack", "train")


def test_released_pixels_are_read_again_and_leave_images_alone(tmp_path: Path) -> None:
    pack(data_set(), tmp_path / "pack", **SETTINGS)
    opened = PackedSplit(tmp_path / "pack", "train")
    before = opened.image(0)
    copy = before.copy()
    opened.release()
    assert np.array_equal(before, copy) and np.array_equal(opened.image(0), copy)
