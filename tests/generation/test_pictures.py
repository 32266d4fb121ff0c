"""The files of samples/: what is read is what was written, and damage is named."""

import json
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from t2i.errors import InputError
from t2i.generation.pictures import PAIRED, PUBLISHED, Sample, load_sample, save_sample
from tests.conftest import ROOT

PLAN = pd.DataFrame({"image": [0, 0, 1, 1], "caption": [2, 1, 4, 3], "noise": [0, 0, 1, 1]})
IMAGES = torch.arange(4 * 3 * 4 * 4).to(torch.uint8).view(4, 3, 4, 4)
CAPTIONS = ["a bird", "null", "наша птица", "nan", "NA na"]  # pandas would take some of them for missing values
PAIRS = {PAIRED: (PLAN, IMAGES)}
BOTH = {PUBLISHED: (PLAN.iloc[:3], IMAGES[:3] + 1), **PAIRS}


def save(folder: Path, sets: dict[str, tuple[pd.DataFrame, Tensor]]) -> Sample:
    """Write a sample whose images come two at a time, and read it."""
    batches = {name: (plan, iter(images.split(2))) for name, (plan, images) in sets.items()}
    save_sample(folder, batches, CAPTIONS, 18, {"inputs": {"a": "b"}})
    return load_sample(folder)[0]


@pytest.mark.parametrize(("sets", "files"), [(PAIRS, 4), (BOTH, 6)])
def test_a_sample_is_read_as_written(tmp_path: Path, sets: dict[str, tuple[pd.DataFrame, Tensor]], files: int) -> None:
    folder = tmp_path / "samples"
    for given in (BOTH, PAIRS, sets):  # the last in place of the others
        sample = save(folder, given)
    assert list(sample.sets) == list(sets) and sample.protocol == next(iter(sets))
    for name, (plan, images) in sets.items():
        pictures = sample.sets[name]
        assert pictures.plan.equals(plan) and pictures.image_size == 4
        batches = list(pictures.batches(3))
        assert torch.equal(torch.cat(batches), images) and [len(batch) for batch in batches][0] == 3
        assert np.array_equal(np.load(folder / f"{name}.npy"), images)
    assert (sample.captions, sample.max_words) == (CAPTIONS, 18)
    assert load_sample(folder)[1]["inputs"] == {"a": "b"}
    assert [path.name for path in tmp_path.iterdir()] == ["samples"]
    assert len(list(folder.iterdir())) == files


def test_the_bytes_are_those_of_numpy_whatever_the_layout_of_a_batch(tmp_path: Path) -> None:
    save(tmp_path / "samples", {PAIRED: (PLAN, IMAGES.contiguous(memory_format=torch.channels_last))})
    np.save(tmp_path / "expected.npy", IMAGES.numpy())
    assert (tmp_path / "samples" / "paired.npy").read_bytes() == (tmp_path / "expected.npy").read_bytes()


def test_the_scored_set_is_that_of_the_protocol(tmp_path: Path) -> None:
    pairs, both = save(tmp_path / "pairs", PAIRS), save(tmp_path / "both", BOTH)
    assert pairs.protocol == "paired" and pairs.scored is pairs.paired is pairs.sets["paired"]
    assert both.protocol == "published" and both.scored is both.sets["published"]
    assert both.paired is both.sets["paired"]


def test_a_failure_keeps_the_old_folder(tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    save(folder, PAIRS)

    def fail() -> Iterator[Tensor]:
        yield IMAGES[:2]
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        save_sample(folder, {**BOTH, PAIRED: (PLAN, fail())}, CAPTIONS, 18, {})
    assert list(load_sample(folder)[0].sets) == [PAIRED] and [path.name for path in tmp_path.iterdir()] == ["samples"]


def test_images_are_written_and_read_one_batch_at_a_time(tmp_path: Path) -> None:
    alive: list[int] = []  # batches that are not yet freed, whenever one is asked for
    made: list[weakref.ref[Tensor]] = []

    def generate() -> Iterator[Tensor]:
        for start in range(50):
            alive.append(sum(batch() is not None for batch in made))
            batch = IMAGES[:2] + start
            made.append(weakref.ref(batch))
            yield batch

    plan = pd.concat([PLAN] * 25, ignore_index=True)
    save_sample(tmp_path / "samples", {PAIRED: (plan, generate())}, CAPTIONS, 18, {})
    assert len(alive) == 50 and max(alive) <= 2
    made.clear()
    for batch in load_sample(tmp_path / "samples")[0].paired.batches(2):
        made.append(weakref.ref(batch))
        assert sum(each() is not None for each in made) <= 2
    assert len(made) == 50


def cut_plan(folder: Path) -> None:
    PLAN.iloc[:3].to_csv(folder / "paired.csv", index=False)


def other_columns(folder: Path) -> None:
    PLAN.rename(columns={"noise": "z"}).to_csv(folder / "paired.csv", index=False)


def half_pictures(folder: Path) -> None:
    (folder / "published.npy").write_bytes((folder / "published.npy").read_bytes()[:-9])


def no_plan(folder: Path) -> None:
    (folder / "published.csv").unlink()


def half_captions(folder: Path) -> None:
    (folder / "captions.txt").write_text("a bird\nnull\n")


def no_captions(folder: Path) -> None:
    (folder / "captions.txt").unlink()


def no_text(folder: Path) -> None:
    (folder / "captions.txt").write_bytes(b"\xff\n")


def half_provenance(folder: Path) -> None:
    (folder / "provenance.json").write_bytes(b"half")


def old_provenance(folder: Path) -> None:
    (folder / "provenance.json").write_text(json.dumps({"inputs": {}}))


def other_protocol(folder: Path) -> None:
    (folder / "provenance.json").write_text(json.dumps({"sample": {"protocol": "../x", "max_words": 3}}))


def list_as_provenance(folder: Path) -> None:
    (folder / "provenance.json").write_text("[]")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_plan, "paired.csv does not fit its 4 pictures"),
        (other_columns, "paired.csv does not fit its 4 pictures"),
        (half_pictures, "no published pictures, or damaged ones"),
        (no_plan, "no published pictures, or damaged ones"),
        (half_captions, "captions.txt has 2 lines, too few for published.csv"),
        (no_captions, "no captions.txt, or a damaged one"),
        (no_text, "no captions.txt, or a damaged one"),
        (half_provenance, "no provenance.json, or a damaged one"),
        (old_provenance, "no provenance.json, or a damaged one"),
        (other_protocol, "no provenance.json, or a damaged one"),
        (list_as_provenance, "no provenance.json, or a damaged one"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    folder = tmp_path / "samples"
    save(folder, BOTH)
    damage(folder)
    with pytest.raises(InputError) as caught:
        load_sample(folder)
    assert str(caught.value) == f"{folder}: {message}; run `dvc repro sample`"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="samples: no provenance.json, .* run `dvc repro sample`"):
        load_sample(tmp_path / "samples")


def test_reading_pictures_needs_no_network() -> None:
    code = "import sys, t2i.generation.pictures; print(*(name for name in sys.modules if name.startswith('t2i.')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"t2i.errors", "t2i.files", "t2i.generation", "t2i.generation.pictures"}
