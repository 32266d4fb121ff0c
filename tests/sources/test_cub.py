"""CUB in the layout of the AttnGAN family: crops, captions, and clear messages about what is missing."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i.data.packed import PackedSplit
from t2i.errors import InputError
from t2i.sources import cub
from t2i.sources.cub_files import Box
from t2i.sources.images import load_image
from t2i.sources.missing import MissingItems
from t2i.sources.pack_writer import pack
from tests.conftest import ROOT
from tests.sources.small_cub import NAMES, make, pixels, refused

SLICE = ROOT.parent / "shared" / "data" / "cub-slice"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make(tmp_path / "cub")


def test_records_in_the_order_of_the_pickles(folder: Path) -> None:
    splits = cub.read(folder, captions_per_image=10)
    assert {split: [record.name for record in records] for split, records in splits.items()} == NAMES
    assert list(splits) == ["train", "test"]
    assert [record.class_name for record in splits["train"]] == ["001.Auk"] * 2 + ["002.Wren"] * 3
    assert [caption.text for caption in splits["test"][0].captions] == ["bird 6", "it is small"]
    assert splits["test"][0].captions[0].mentioned == {} and splits["test"][0].attributes == {}
    # centre (27, 14), half side int(15 * 0.75) = 11
    np.testing.assert_array_equal(np.asarray(splits["test"][0].load()), pixels(6)[3:25, 16:38])
    copy = pickle.loads(pickle.dumps(splits["test"][0]))
    np.testing.assert_array_equal(np.asarray(copy.load()), pixels(6)[3:25, 16:38])


@pytest.mark.parametrize(
    ("box", "scale", "rows", "columns"),
    [
        ((20, 10, 15, 8), 1.5, (3, 25), (16, 38)),
        ((20, 10, 8, 15), 1.5, (6, 28), (13, 35)),
        ((0, 0, 10, 10), 1.5, (0, 12), (0, 12)),  # clipped at the corner
        ((50, 45, 10, 5), 1.5, (40, 50), (48, 60)),  # and at the opposite one
        ((20, 10, 15, 8), 1.0, (7, 21), (20, 34)),
        ((0, 0, 60, 50), 9.0, (0, 50), (0, 60)),
    ],
)
def test_square_around_the_box(
    folder: Path, box: Box, scale: float, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    path = folder / "CUB_200_2011" / "images" / f"{NAMES['train'][0]}.png"
    image = cub.load_crop(path, box, scale)
    np.testing.assert_array_equal(np.asarray(image), pixels(1)[slice(*rows), slice(*columns)])


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1", "I;16"])
def test_every_image_becomes_rgb(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(pixels(0)).convert("L" if mode == "I;16" else mode).convert(mode)
    image.save(tmp_path / "some.tif")
    assert load_image(tmp_path / "some.tif").mode == "RGB"


def test_blank_lines_do_not_count_and_odd_bytes_do_no_harm(folder: Path) -> None:
    path = folder / "text" / f"{NAMES['train'][0]}.txt"
    path.write_bytes(b"\n  \n one\r\n...\ntwo\xff\xfewings\n\xe9\xb8\x9f\n\nthree\nfour")
    first = cub.read(folder, captions_per_image=3)["train"][0]
    assert [caption.text for caption in first.captions] == ["one", "two\ufffd\ufffdwings", "three"]
    assert len(cub.read(folder, captions_per_image=1)["train"][0].captions) == 1


def test_bad_arguments(folder: Path) -> None:
    with pytest.raises(ValueError, match="captions_per_image .* 0"):
        cub.read(folder, captions_per_image=0)
    with pytest.raises(ValueError, match="box_scale .* -1"):
        cub.read(folder, captions_per_image=10, box_scale=-1)


def lines_without(path: Path, *numbers: str) -> None:
    path.write_text("".join(line for line in path.open() if line.split()[0] not in numbers))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder, name: (folder / "CUB_200_2011" / "images" / f"{name}.png").unlink(), "without an image file"),
        (lambda folder, name: (folder / "text" / f"{name}.txt").unlink(), "without a caption"),
        (lambda folder, name: (folder / "text" / f"{name}.txt").write_text("\n \n...\n"), "without a caption"),
    ],
)
def test_incomplete_images_are_counted_and_the_first_three_named(
    folder: Path, damage: Callable[[Path, str], object], message: str
) -> None:
    for name in NAMES["train"][1:]:
        damage(folder, name)
    text = refused(folder)
    assert "4 images of the train split" in text and message in text
    assert "(001.Auk/auk_2, 002.Wren/wren_1, 002.Wren/wren.2, ...)" in text


def test_images_without_number_or_box(folder: Path) -> None:
    lines_without(folder / "CUB_200_2011" / "bounding_boxes.txt", "6")
    assert "1 image of the test split" in refused(folder) and "bounding_boxes.txt (003.Crow/crow_1)" in refused(folder)
    lines_without(folder / "CUB_200_2011" / "images.txt", "2", "5")
    assert "images.txt (001.Auk/auk_2, 002.Wren/wren_3)" in refused(folder)


@pytest.mark.parametrize(
    "names",
    [[], (), {}, "001.Auk/auk_1", [1], None, ["auk_1"], ["../secret/auk"], ["/etc/passwd"], ["a/../../b"], ["a/b\0"]]
    + [["001.Auk/.."], ["a/b/c"], [""], ["/a"], np.array([1.0])],
    ids=str,
)
def test_damaged_lists_and_names_that_climb_out(folder: Path, names: object) -> None:
    (folder / "test" / "filenames.pickle").write_bytes(pickle.dumps(names))
    assert str(folder / "test" / "filenames.pickle") in refused(folder)


def test_lists_may_be_numpy_arrays_and_are_never_executed(folder: Path) -> None:
    path = folder / "test" / "filenames.pickle"
    path.write_bytes(pickle.dumps(np.array(NAMES["test"])))
    assert len(cub.read(folder, captions_per_image=10)["test"]) == 2
    path.write_bytes(b"cposix\nsystem\n(S'touch " + os.fsencode(folder / "ran") + b"'\ntR.")
    assert "posix.system" in refused(folder)
    assert not (folder / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + bytes(20), None])
def test_unreadable_image_is_named_when_it_is_loaded(folder: Path, content: bytes | None) -> None:
    path = folder / "CUB_200_2011" / "images" / f"{NAMES['train'][0]}.png"
    path.write_bytes(path.read_bytes()[:300] if content is None else content)
    record = cub.read(folder, captions_per_image=10)["train"][0]
    with pytest.raises(InputError, match="auk_1.png cannot be read"):
        record.load()


def test_decompression_bomb(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(InputError, match="auk_1.png cannot be read"):
        cub.read(folder, captions_per_image=10)["train"][0].load()


def test_box_outside_of_the_picture(folder: Path) -> None:
    path = folder / "CUB_200_2011" / "images" / f"{NAMES['train'][0]}.png"
    with pytest.raises(InputError, match="auk_1.png lies outside its 60 x 50 pixels"):
        cub.load_crop(path, (100, 0, 10, 10), 1.5)


def test_the_real_slice_is_read_and_packed(tmp_path: Path) -> None:
    if not SLICE.is_dir():
        pytest.skip(f"no slice of CUB-200-2011 at {SLICE}")
    splits = cub.read(SLICE, captions_per_image=10)
    assert {split: len(records) for split, records in splits.items()} == {"train": 164, "test": 168}
    for records in splits.values():
        assert len({record.class_name for record in records}) == 3
        assert all(len(record.captions) == 10 for record in records)
    some = {split: records[::40] for split, records in splits.items()}
    pack(some, tmp_path / "pack", image_size=64, resize_ratio=76 / 64, processes=1)
    opened = PackedSplit(tmp_path / "pack", "test")
    assert opened.side == 76 and len(opened) == len(some["test"])
    assert all(opened.image(i).std() > 10 for i in range(len(opened)))


def test_skip_leaves_out_what_a_long_list_has_too_much(folder: Path) -> None:
    listed = [f"003.Crow/crow_{number}" for number in range(2933)]
    (folder / "test" / "filenames.pickle").write_bytes(pickle.dumps(listed, 0))
    message = r"^2931 images of the test split without a line in .*images.txt \(003.Crow/crow_0, 003.Crow/crow_3, "
    with pytest.raises(InputError, match=message):
        cub.read(folder, captions_per_image=10)
    missing_items = MissingItems("skip")
    splits = cub.read(folder, captions_per_image=10, missing_items=missing_items)
    assert [record.name for record in splits["test"]] == NAMES["test"] and len(splits["train"]) == 5
    (missing,) = missing_items.report().values()
    assert missing["count"] == 2931 and len(missing["first"]) == 3


def test_names_listed_twice_count_once_and_class_info_is_not_needed(folder: Path) -> None:
    (folder / "train" / "filenames.pickle").write_bytes(pickle.dumps(NAMES["train"] + NAMES["train"][:2]))
    (folder / "train" / "class_info.pickle").write_bytes(pickle.dumps([1] * 900, 0))  # longer than filenames, as found
    splits = cub.read(folder, captions_per_image=10)
    assert [record.name for record in splits["train"]] == NAMES["train"]
    assert [record.class_name for record in splits["train"]] == ["001.Auk"] * 2 + ["002.Wren"] * 3


def test_without_pickles_the_last_classes_are_the_test_split(folder: Path) -> None:
    for split in NAMES:
        shutil.rmtree(folder / split)
    splits = cub.read(folder, captions_per_image=10, test_classes=2)
    assert {record.class_name for record in splits["train"]} == {"001.Auk"}
    assert {record.class_name for record in splits["test"]} == {"002.Wren", "003.Crow"}
    for test_classes in (0, 3):
        with pytest.raises(InputError, match=f"test_classes is {test_classes}, legal are 1 to 2, for 3 classes"):
            cub.read(folder, captions_per_image=10, test_classes=test_classes)


def test_an_image_may_have_fewer_captions(folder: Path) -> None:
    records = cub.read(folder, captions_per_image=10)["train"]
    assert all(len(record.captions) == 2 for record in records)
    assert all(len(r.captions) == 1 for r in cub.read(folder, captions_per_image=1)["train"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a bird\0with a nul\n", "has a NUL in the caption 'a bird"),
        (b"x" * 20_000, "has a caption of 20,000 characters; legal are 10,000"),
        (b"bird \n" * 1_000_000, "has 6,000,000 bytes, too many for captions"),
    ],
)
def test_captions_that_are_an_attack_are_refused(folder: Path, content: bytes, message: str) -> None:
    (folder / "text" / f"{NAMES['train'][0]}.txt").write_bytes(content)
    assert message in refused(folder)


def test_an_image_smaller_than_the_crop_is_enlarged(folder: Path, tmp_path: Path) -> None:
    pack(cub.read(folder, captions_per_image=10), tmp_path / "out", image_size=64, resize_ratio=1.1875, processes=1)
    assert PackedSplit(tmp_path / "out", "train").image(0).shape[0] == 76


def test_skip_leaves_out_unreadable_pictures_and_boxes_outside(folder: Path, tmp_path: Path) -> None:
    boxes = folder / "CUB_200_2011" / "bounding_boxes.txt"
    boxes.write_text(boxes.read_text().replace("2 20.0 10.0", "2 900.0 900.0"))
    (folder / "CUB_200_2011" / "images" / f"{NAMES['train'][3]}.png").write_bytes(b"")
    missing_items = MissingItems("skip")
    splits = cub.read(folder, captions_per_image=10, missing_items=missing_items)
    meta = pack(splits, tmp_path / "out", image_size=16, resize_ratio=1.0, processes=1, missing_items=missing_items)
    assert meta["splits"]["train"]["images"] == 3
    left_out = {"of the train split that cannot be read": {"count": 2, "first": [NAMES["train"][1], NAMES["train"][3]]}}
    assert missing_items.report() == left_out
    train = PackedSplit(tmp_path / "out", "train")
    assert train.images["name"].tolist() == [NAMES["train"][i] for i in (0, 2, 4)]
    assert [train.captions["text"].iloc[row] for row in train.captions_of(2)] == ["bird 5", "it is small"]
    for name in NAMES["test"]:
        (folder / "CUB_200_2011" / "images" / f"{name}.png").write_bytes(b"")
    with pytest.raises(InputError, match="split 'test' of the data set has no readable image"):
        pack(splits, tmp_path / "out", image_size=16, resize_ratio=1.0, processes=1, missing_items=MissingItems("skip"))
    assert len(PackedSplit(tmp_path / "out", "train")) == 3  # the old pack is still there


def test_what_is_left_out_is_counted(folder: Path) -> None:
    (folder / "text" / f"{NAMES['train'][0]}.txt").write_text("one\n\n ... \ntwo\nthree\nfour\n")
    (folder / "train" / "filenames.pickle").write_bytes(pickle.dumps(NAMES["train"][:4] + NAMES["train"][:1]))
    missing_items = MissingItems()
    splits = cub.read(folder, captions_per_image=2, missing_items=missing_items)
    assert [caption.text for caption in splits["train"][0].captions] == ["one", "two"]
    report = {reason.replace(str(folder), ""): (x["count"], x["first"]) for reason, x in missing_items.report().items()}
    assert report == {
        "captions without a word": (1, ["'...' of 001.Auk/auk_1"]),
        "captions beyond the first 2 of an image": (2, ["001.Auk/auk_1"]),
        "names that /train/filenames.pickle repeats": (1, ["001.Auk/auk_1"]),
        "images of /CUB_200_2011/images.txt that no list names": (1, ["002.Wren/wren_3"]),
    }
