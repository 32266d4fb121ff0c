"""Where MS-COCO lies on people's disks."""

import pickle
import shutil
from pathlib import Path

import pytest

from t2i.errors import InputError
from t2i.sources import coco
from t2i.sources.missing import MissingItems
from tests.sources.small_coco import attngan_layout, both_years, change, make

PLACES = [
    "images/train2014", "images/train2014/jpg", "images", "images/jpg", "train2014/jpg", "train2014/train2014", "train",
    "images/train", "train/jpg", ".",
]  # fmt: skip


def test_the_layout_of_the_attngan_family(tmp_path: Path) -> None:
    splits = coco.read(attngan_layout(tmp_path / "coco"), captions_per_image=2)
    assert {split: [r.name for r in records] for split, records in splits.items()} == {
        "train": ["a_1", "a_2"], "test": ["b_1"],
    }  # fmt: skip
    record = splits["train"][0]
    assert [caption.text for caption in record.captions] == ["one", "two"] and record.load().mode == "RGB"
    assert len({r.class_name for records in splits.values() for r in records}) == 3


@pytest.mark.parametrize("place", PLACES)
def test_places_of_images(tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture) -> None:
    folder = make(tmp_path / "coco", "2014")
    pictures = list((folder / "train2014").iterdir())
    (folder / place).mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        picture.rename(folder / place / picture.name)
    with caplog.at_level("INFO"):
        splits = coco.read(folder, captions_per_image=2)
    assert [record.name for record in splits["train"]] == [f"train2014/{i:012d}" for i in range(3)]
    assert [record.load().size for record in splits["train"]] == [(20, 10), (20, 11), (20, 12)]
    (said,) = caplog.messages
    assert "MS-COCO 2014 (annotations/captions_train2014.json, annotations/captions_val2014.json), images in" in said
    assert f"{(folder / place)}/" in said and said.endswith("; 3 train and 3 test images, captions an image: 2")


@pytest.mark.parametrize(
    "place", ["train2014", "images/train2014", "images/train2014/jpg", "train2014/jpg", "images/jpg"]
)
def test_the_lists_of_the_attngan_family_with_images_as_published(tmp_path: Path, place: str) -> None:
    folder, names = attngan_layout(tmp_path / "coco"), {"a": "COCO_train2014_{}", "b": "COCO_val2014_{}"}
    for path in [*folder.glob("images/*"), *folder.glob("text/*")]:
        target = place.replace("train", "val" if path.name[0] == "b" else "train") if path.suffix == ".jpg" else "text"
        (folder / target).mkdir(parents=True, exist_ok=True)
        path.rename(folder / target / names[path.name[0]].format(path.name))
    for split, letters in {"train": ["a_1", "a_2"], "test": ["b_1"]}.items():
        listed = [names[letter[0]].format(letter) for letter in letters]
        (folder / split / "filenames.pickle").write_bytes(pickle.dumps(listed))
    splits = coco.read(folder, captions_per_image=3)
    assert [record.name for record in splits["train"]] == ["COCO_train2014_a_1", "COCO_train2014_a_2"]
    assert splits["test"][0].name == "COCO_val2014_b_1" and splits["test"][0].load().size == (9, 7)


@pytest.mark.parametrize("suffix", [".jpeg", ".png", ".JPG", ".JPEG", ".PNG", ""])
def test_suffixes_of_images(tmp_path: Path, suffix: str) -> None:
    folder = attngan_layout(tmp_path / "family")
    (folder / "images" / "a_1.jpg").rename(folder / "images" / f"a_1{suffix}")
    assert coco.read(folder, captions_per_image=3)["train"][0].load().size == (9, 7)
    if suffix:
        folder = make(tmp_path / "official")
        (folder / "train2017" / f"{1:012d}.jpg").rename(folder / "train2017" / f"{1:012d}{suffix}")
        assert coco.read(folder, captions_per_image=3)["train"][1].load().size == (20, 11)


@pytest.mark.parametrize(
    "file_name",
    [
        "train2017/{}",
        "images/train2017/{}",
        "./{}",
        "train2017//{}",
        "train2017\\{}",
        "./train2017/jpg/{}",
        "images/{}",
        "coco/images/train2017/{}",
        "data\\train2017\\{}",
    ],
)
def test_file_names_with_a_folder(tmp_path: Path, file_name: str) -> None:
    folder = make(tmp_path / "coco")
    change(folder, images=[{"id": i, "file_name": file_name.format(f"{i:012d}.jpg")} for i in range(3)])
    splits = coco.read(folder, captions_per_image=2)
    assert [record.name for record in splits["train"]] == [f"train2017/{i:012d}" for i in range(3)]


def test_equal_names_in_two_folders_are_two_images(tmp_path: Path) -> None:
    folder = make(tmp_path / "coco")
    for place, number in (("a", 0), ("b", 1)):
        (folder / "train2017" / place).mkdir()
        (folder / "train2017" / f"{number:012d}.jpg").rename(folder / "train2017" / place / "x.jpg")
    (folder / "train2017" / "y.png").write_bytes((folder / "train2017" / f"{2:012d}.jpg").read_bytes())
    (folder / "train2017" / f"{2:012d}.jpg").rename(folder / "train2017" / "y.jpg")
    captions = [{"id": i, "image_id": i, "caption": "a bird"} for i in range(4)]
    listed = ["a/x.jpg", "b/x.jpg", "y.jpg", "y.png"]
    images = [{"id": i, "file_name": name} for i, name in enumerate(listed)]
    change(folder, images=images, annotations=captions)
    records = coco.read(folder, captions_per_image=2)["train"]
    assert [record.name for record in records] == [f"train2017/{name}" for name in ("a/x", "b/x", "y", "y.png")]
    assert [record.load().size[1] for record in records] == [10, 11, 12, 12]


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(
    ("gone", "year", "said"),
    [
        ([], "2014", "; 2017 is there too and not read"),
        (["train2014", "val2014"], "2017", "; 2014 has 0 of its 6 images and is not read"),
        (["val2014"], "2017", "; 2014 has 3 of its 6 images and is not read"),
        (["train2017", "val2017"], "2014", "; 2017 is there too and not read"),
    ],
)
def test_the_year_whose_images_are_there(
    tmp_path: Path, gone: list[str], year: str, said: str, flat: bool, caplog: pytest.LogCaptureFixture
) -> None:
    folder = both_years(tmp_path / "coco")
    for name in gone:
        shutil.rmtree(folder / name)
    if flat:
        (folder / "images").mkdir()
        for path in folder.glob("*201?/*"):
            path.rename(folder / "images" / path.name)
    with caplog.at_level("INFO"):
        splits = coco.read(folder, captions_per_image=2)
    assert [len(records) for records in splits.values()] == [3, 3]
    assert splits["train"][0].name.startswith(f"train{year}/")
    assert f"MS-COCO {year} (" in caplog.messages[0] and caplog.messages[0].endswith(said)


def test_without_images_of_any_year_the_first_is_named(tmp_path: Path) -> None:
    folder = both_years(tmp_path / "coco")
    for path in folder.glob("*201?"):
        shutil.rmtree(path)
    with pytest.raises(InputError, match=r"^3 images of .*captions_train2014.json without a file in .*/train2014 or "):
        coco.read(folder, captions_per_image=2)
    with pytest.raises(InputError, match="on_missing=skip$"):
        coco.read(folder, captions_per_image=2)


def test_a_year_with_all_images_is_read_before_a_torn_file_of_the_next(tmp_path: Path) -> None:
    folder = both_years(tmp_path / "coco")
    (folder / "annotations" / "captions_train2017.json").write_text("{")
    assert coco.read(folder, captions_per_image=2)["train"][0].name.startswith("train2014/")


def test_a_damaged_layout_hides_none_that_has_images(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = both_years(tmp_path / "coco")
    next((folder / "train2014").iterdir()).unlink()
    torn = folder / "annotations" / "captions_train2017.json"
    torn.write_text("{")
    (folder / "train").mkdir()
    (folder / "train" / "filenames.pickle").touch()  # of the family's layout, without the rest of it
    with caplog.at_level("INFO"):
        splits = coco.read(folder, captions_per_image=2, missing_items=MissingItems("skip"))
    assert [len(records) for records in splits.values()] == [2, 3]
    assert f"; 2017 is there too and cannot be read: {torn} is no JSON: get it again; the AttnGAN" in caplog.text
    assert f"cannot be read: folder {folder / 'text'} is missing: put the captions there" in caplog.text
    for path in folder.glob("*2014"):
        shutil.rmtree(path)
    with pytest.raises(InputError, match="captions_train2017.json is no JSON"):
        coco.read(folder, captions_per_image=2)


def test_archives_that_are_not_unpacked_are_named(tmp_path: Path) -> None:
    (tmp_path / "annotations_trainval2014.zip").touch()
    with pytest.raises(InputError, match=r"train/filenames.pickle: unpack .*/annotations_trainval2014.zip and what"):
        coco.read(tmp_path, captions_per_image=2)
    folder = make(tmp_path / "coco")
    shutil.rmtree(folder / "train2017")
    (folder / "train2017.zip").touch()
    with pytest.raises(InputError, match=r"without a file in .*/train2017 \(unpack .*/train2017.zip\)"):
        coco.read(folder, captions_per_image=2)


def test_lists_of_the_family_whose_images_are_there_instead_of_the_annotations(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = attngan_layout(make(tmp_path / "coco"))
    assert len(coco.read(folder, captions_per_image=2)["train"]) == 3
    shutil.rmtree(folder / "train2017")
    shutil.rmtree(folder / "val2017")
    with caplog.at_level("INFO"):
        assert [record.name for record in coco.read(folder, captions_per_image=2)["train"]] == ["a_1", "a_2"]
    assert "layout of the AttnGAN family, images in" in caplog.text and "2017 has 0 of its 6 images" in caplog.text


def move(folder: Path, place: str) -> None:
    files = list((folder / "annotations").iterdir())
    (folder / place).mkdir(parents=True, exist_ok=True)
    for path in files:
        path.rename(folder / place / path.name)


@pytest.mark.parametrize("place", [".", "annotations/annotations", "annotations_trainval2017/annotations"])
def test_places_of_annotations(tmp_path: Path, place: str) -> None:
    folder = make(tmp_path / "coco")
    move(folder, place)
    assert len(coco.read(folder, captions_per_image=2)["train"]) == 3


def test_all_may_lie_one_folder_down_in_one_place(tmp_path: Path) -> None:
    make(tmp_path / "coco2017")
    assert len(coco.read(tmp_path, captions_per_image=2)["train"]) == 3
    make(tmp_path / "copy")
    with pytest.raises(InputError, match="has MS-COCO in each of .*coco2017, .*copy: keep one of them there"):
        coco.read(tmp_path, captions_per_image=2)


@pytest.mark.parametrize(("gone", "kept"), [("train", "val"), ("val", "train")])
def test_one_file_of_two_is_missing(tmp_path: Path, gone: str, kept: str) -> None:
    folder = make(tmp_path / "coco")
    (folder / "annotations" / f"captions_{gone}2017.json").unlink()
    message = f"captions_{gone}2017.json is missing, while captions_{kept}2017.json is there: put it beside that"
    with pytest.raises(InputError, match=message):
        coco.read(folder, captions_per_image=2)


@pytest.mark.parametrize("gone", ["train", "test"])
def test_one_list_of_two_is_missing(tmp_path: Path, gone: str) -> None:
    folder = attngan_layout(tmp_path / "coco")
    (folder / gone / "filenames.pickle").unlink()
    with pytest.raises(InputError, match=f"{gone}/filenames.pickle"):
        coco.read(folder, captions_per_image=2)


def test_repeated_names_and_unusable_captions_of_the_family_are_named(tmp_path: Path) -> None:
    folder = attngan_layout(tmp_path / "coco")
    path = folder / "test" / "filenames.pickle"
    path.write_bytes(pickle.dumps(["b_1", "b_1"]))
    missing = MissingItems()
    assert len(coco.read(folder, captions_per_image=2, missing_items=missing)["test"]) == 1
    assert f"left out: 1 names that {path} repeats (b_1)" in missing.lines()
    (folder / "text" / "a_2.txt").write_text("a bird", encoding="utf-16")
    with pytest.raises(InputError, match="^image 'a_2' in .*/text has a NUL in the caption"):
        coco.read(folder, captions_per_image=2)


def test_what_else_people_have(tmp_path: Path) -> None:
    (tmp_path / "dataset_coco.json").write_text("{}")
    with pytest.raises(InputError, match="dataset_coco.json is a list of Karpathy's, which data=custom reads: put it"):
        coco.read(tmp_path, captions_per_image=2)
    folder = attngan_layout(tmp_path / "family")
    (folder / "text").rename(folder / "texts")
    with pytest.raises(InputError, match="folder .*/text is missing: put the captions there"):
        coco.read(folder, captions_per_image=2)
    (folder / "text.zip").touch()
    with pytest.raises(InputError, match="folder .*/text is missing: unpack .*text.zip"):
        coco.read(folder, captions_per_image=2)
