"""Where the parts of CUB-200-2011 lie on people's disks, and what its tables hold."""

import pickle
import shutil
import unicodedata
from collections.abc import Callable
from os.path import splitext
from pathlib import Path
from typing import Literal

import pytest

from t2i.sources import cub
from tests.sources.small_cub import NAMES, make, refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "cub")


def records_of(folder: Path) -> dict[str, list[str]]:
    return {
        split: [record.name for record in records] for split, records in cub.read(folder, captions_per_image=10).items()
    }


def move(folder: Path, source: str, target: str) -> None:
    (folder / target).parent.mkdir(parents=True, exist_ok=True)
    (folder / source).rename(folder / target)


@pytest.mark.parametrize(
    "moves",
    [
        {"CUB_200_2011": "x", "x": "CUB_200_2011/CUB_200_2011"},
        {"CUB_200_2011/images": "images"},
        {"CUB_200_2011/images": "images", "CUB_200_2011/images.txt": "images.txt"},
        {"CUB_200_2011": "archive/CUB_200_2011"},
        {"CUB_200_2011": "archive/CUB_200_2011/CUB_200_2011"},
        {"text": "birds/text", "train": "birds/train", "test": "birds/test"},
        {"text": "birds/text", "train": "birds/train", "test": "birds/test", "CUB_200_2011": "birds/CUB_200_2011"},
        {"text": "text_c10"},
        {"text": "CUB_200_2011/text", "train": "CUB_200_2011/train", "test": "CUB_200_2011/test"},
        {"text": "cvpr2016_cub/text_c10"},
    ],
)
def test_parts_one_level_up_or_down(folder: Path, moves: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    for source, target in moves.items():
        move(folder, source, target)
    with caplog.at_level("INFO"):
        assert records_of(folder) == NAMES
    (said,) = caplog.messages
    images = next(path for path in folder.rglob("images") if path.is_dir())
    assert said.startswith(f"{folder}: images in {images}/, captions in ")
    assert said.endswith("/, split by filenames.pickle; 5 train and 2 test images, captions an image: 2")


def test_a_part_in_two_other_places_is_refused(folder: Path) -> None:
    move(folder, "text", "birds/text")
    shutil.copytree(folder / "birds", folder / "copy")
    assert "has text in several places (" in refused(folder) and "copy/text): keep one of them" in refused(folder)
    shutil.copytree(folder / "birds" / "text", folder / "text")  # where it should be
    assert records_of(folder) == NAMES


@pytest.mark.parametrize(
    ("part", "archive", "said"),
    [
        ("text", "text.zip", "cub/text is missing: unpack "),
        ("text", "birds/text.zip", "cub/birds/text.zip (see docs/data.md)"),
        ("text", "CUB_200_2011.tgz", "cub/text is missing: put CUB-200-2011 and its captions there"),
        ("CUB_200_2011", "CUB_200_2011.tgz", "cub/CUB_200_2011/images is missing: unpack "),
        ("CUB_200_2011", "text.zip", "cub/CUB_200_2011/images is missing: put "),
    ],
)
def test_what_is_still_packed_is_named(folder: Path, part: str, archive: str, said: str) -> None:
    shutil.rmtree(folder / part)
    (folder / archive).parent.mkdir(exist_ok=True)
    (folder / archive).touch()
    assert said in refused(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "\n" + text.replace("\n", "\n\n \n"),
        lambda text: text.replace("\n", "  \n"),
        lambda text: text.replace(" ", "\t"),
        lambda text: text.rstrip("\n"),
    ],
)
def test_tables_as_editors_save_them(folder: Path, change: Callable[[str], str]) -> None:
    for name in ("images.txt", "bounding_boxes.txt"):
        path = folder / "CUB_200_2011" / name
        path.write_bytes(change(path.read_text()).encode())
    assert records_of(folder) == NAMES


def test_tables_in_other_encodings_and_lines_that_contradict_each_other(folder: Path) -> None:
    images, boxes = (folder / "CUB_200_2011" / name for name in ("images.txt", "bounding_boxes.txt"))
    before = images.read_bytes()
    images.write_bytes(before.decode().encode("utf-16"))
    assert "images.txt is no UTF-8 text: save it as such" in refused(folder)
    images.write_bytes(before + before.splitlines()[0] + b"\n")
    assert records_of(folder) == NAMES  # the same again
    images.write_bytes(before + b"9 001.Auk/auk_1.png\n")
    assert "images.txt lists 001.Auk/auk_1 twice: take one of the lines out" in refused(folder)
    images.write_bytes(before)
    boxes.write_text(boxes.read_text() + "1 2 3 4 5\n")
    assert "image 1 of" in refused(folder) and "bounding_boxes.txt has two boxes: take one" in refused(folder)


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "JPG", "PNG", "webp"])
def test_images_with_another_suffix_than_listed(folder: Path, suffix: str) -> None:
    for path in (folder / "CUB_200_2011" / "images").rglob("*.png"):
        path.rename(path.with_name(f"{path.name[:-4]}.{suffix}"))
    assert records_of(folder) == NAMES


@pytest.mark.parametrize(
    "name", ["001.Auk/auk 1", "001.Auk/auk\u202f1", "001.A\u0308uk/auk_\u00fc", "001. Auk/\U0001f469\u200d\U0001f4bb"]
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_that_a_file_system_allows(folder: Path, name: str, form: Literal["NFC", "NFD"]) -> None:
    listed, on_disk = name, unicodedata.normalize(form, name)
    for place, suffix in (("CUB_200_2011/images", "png"), ("text", "txt")):
        move(folder, f"{place}/001.Auk/auk_1.{suffix}", f"{place}/{on_disk}.{suffix}")
    path = folder / "CUB_200_2011" / "images.txt"
    path.write_text(path.read_text().replace("001.Auk/auk_1.", f"{listed}."))
    (folder / "train" / "filenames.pickle").write_bytes(pickle.dumps([listed]))
    record = cub.read(folder, captions_per_image=10)["train"][0]
    assert record.name == listed and len(record.captions) == 2 and record.load().size == (22, 22)


def test_a_renamed_class_is_named(folder: Path) -> None:
    move(folder, "CUB_200_2011/images/002.Wren", "CUB_200_2011/images/Wren")
    assert "3 images of the train split whose class is no folder of" in refused(folder)
    assert "(002.Wren/wren_1, 002.Wren/wren.2, 002.Wren/wren_3): correct the data set" in refused(folder)


@pytest.mark.parametrize("line", ["9 x.jpg", "9 a/b/c.jpg", "9 ../a/x.jpg", "9 /a/x.jpg"])
def test_odd_names_are_not_dropped_where_images_txt_is_the_list(folder: Path, line: str) -> None:
    for split in NAMES:
        shutil.rmtree(folder / split)
    path = folder / "CUB_200_2011" / "images.txt"
    path.write_text(path.read_text() + line + "\n")
    assert f"images.txt lists {splitext(line[2:])[0]!r}, which" in refused(folder)


@pytest.mark.parametrize("suffix", ["h5", "t7"])
def test_codes_of_captions_are_no_captions(folder: Path, suffix: str) -> None:
    for path in (folder / "text").rglob("*.txt"):
        path.with_name(f"{path.name[:-4]}.{suffix}").write_bytes(b"\x89HDF")
    assert records_of(folder) == NAMES  # beside the captions they do no harm
    for path in (folder / "text").rglob("*.txt"):
        path.unlink()
    assert f"5 images of the train split with codes of captions (.{suffix}) instead of captions (.txt) in" in refused(
        folder
    )


@pytest.mark.parametrize(
    "missing",
    [".", "CUB_200_2011/images", "text", "CUB_200_2011/images.txt", "CUB_200_2011/bounding_boxes.txt"]
    + ["train/filenames.pickle", "test/filenames.pickle"],
)
def test_missing_parts_are_named(folder: Path, missing: str) -> None:
    path = folder / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert str(path) in refused(folder)


@pytest.mark.parametrize(
    "line", ["1", "1 2 3 4", "1 2 3 4 x", "1 2 3 nan 4", "1 2 3 inf 4", "1 2 3 0 4", "1 2 3 4 5 6", "1 1e300 3 4 5"]
)
def test_damaged_boxes(folder: Path, line: str) -> None:
    (folder / "CUB_200_2011" / "bounding_boxes.txt").write_text(line)
    assert "bounding_boxes.txt has" in refused(folder)
