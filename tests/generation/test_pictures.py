"""The files of samples/: what is read is what was written, and damage is named."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from t2i.errors import InputError
from t2i.generation.pictures import PAIRED, PUBLISHED, Pictures, Sample, load_sample, save_sample
from tests.conftest import ROOT

PLAN = pd.DataFrame({"image": [0, 0, 1, 1], "caption": [2, 1, 4, 3], "noise": [0, 0, 1, 1]})
IMAGES = torch.arange(4 * 3 * 4 * 4).to(torch.uint8).view(4, 3, 4, 4)
CAPTIONS = ["a bird", "null", "наша птица", "nan", "NA na"]  # pandas would take some of them for missing values
PAIRS = Sample({PAIRED: Pictures(PLAN, IMAGES)}, CAPTIONS, 18)
BOTH = Sample({PUBLISHED: Pictures(PLAN.iloc[:3], IMAGES[:3] + 1), PAIRED: PAIRS.paired}, CAPTIONS, 25)


@pytest.mark.parametrize(("sample", "files"), [(PAIRS, 4), (BOTH, 6)])
def test_a_sample_is_read_as_written(tmp_path: Path, sample: Sample, files: int) -> None:
    for given in (BOTH, PAIRS, sample):  # the last in place of the others
        save_sample(tmp_path / "samples", given, {"inputs": {"a": "b"}})
    loaded, record = load_sample(tmp_path / "samples")
    assert list(loaded.sets) == list(sample.sets) and loaded.protocol == sample.protocol
    for name, pictures in sample.sets.items():
        assert loaded.sets[name].plan.equals(pictures.plan) and torch.equal(loaded.sets[name].images, pictures.images)
    assert (loaded.captions, loaded.max_words) == (CAPTIONS, sample.max_words)
    assert record["inputs"] == {"a": "b"}
    assert [path.name for path in tmp_path.iterdir()] == ["samples"]
    assert len(list((tmp_path / "samples").iterdir())) == files


def test_the_scored_set_is_that_of_the_protocol() -> None:
    assert PAIRS.protocol == "paired" and PAIRS.scored is PAIRS.paired
    assert BOTH.protocol == "published" and BOTH.scored is BOTH.sets["published"] and BOTH.paired is PAIRS.paired


def test_a_failure_keeps_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "samples"
    save_sample(folder, PAIRS, {})

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("numpy.save", fail)
    with pytest.raises(OSError, match="disk full"):
        save_sample(folder, BOTH, {})
    assert list(load_sample(folder)[0].sets) == [PAIRED] and [path.name for path in tmp_path.iterdir()] == ["samples"]


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
    save_sample(folder, BOTH, {})
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
