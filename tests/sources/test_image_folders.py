"""Files by name in one of several folders, each listed once."""

import os
import unicodedata
from pathlib import Path

import pytest

from t2i.errors import InputError
from t2i.sources.image_folders import SUFFIXES, ImageFolders


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_and_suffixes_in_their_order(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    touch(a / "1.png", b / "1.jpg", b / "2.jpg", a / "2.jpg", b / "deep" / "er" / "3.JPG")
    folders = ImageFolders()
    assert folders.find("1", [tmp_path / "absent", a, b], SUFFIXES) == b / "1.jpg"  # the suffix goes first
    assert folders.find("2.jpg", [b, a]) == b / "2.jpg" and folders.find("2.jpg", [a, b]) == a / "2.jpg"
    assert folders.find("deep/er/3", [a, b], SUFFIXES) == b / "deep" / "er" / "3.JPG"
    assert folders.find("deep\\er//3.JPG", [a, b]) == folders.find("./deep/./er/3.JPG", [a, b]) == b / "deep/er/3.JPG"
    assert folders.used == [a, b, b / "deep" / "er"]


@pytest.mark.parametrize(
    "name", ["3", "deep", "1.jpg/x", "", ".", "../a/1.jpg", "/1.jpg", "a\0", "loop.jpg", "dead.jpg"]
)
def test_what_is_no_file_below_the_folder_is_not_found(tmp_path: Path, name: str) -> None:
    touch(tmp_path / "b" / "1.jpg", tmp_path / "a" / "1.jpg", tmp_path / "b" / "deep" / "2.jpg")
    (tmp_path / "b" / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "b" / "dead.jpg").symlink_to("nothing")
    folders = ImageFolders()
    assert folders.find(name, [tmp_path / "b"]) is None and folders.used == [] and folders.others() == []


@pytest.mark.parametrize(("listed", "there"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_normal_forms_of_folders_and_files(tmp_path: Path, listed: str, there: str) -> None:
    def spelled(form: str) -> str:
        return unicodedata.normalize(form, "f\u00fc/\u00e4.jpg")  # type: ignore[arg-type]

    touch(tmp_path / spelled(there))
    assert ImageFolders().find(spelled(listed), [tmp_path]) == tmp_path / spelled(there)


def test_a_file_in_both_normal_forms_is_two(tmp_path: Path) -> None:
    touch(tmp_path / "\u00fc.jpg", tmp_path / "u\u0308.jpg")
    folders = ImageFolders()
    assert folders.find("u\u0308.jpg", [tmp_path]) == tmp_path / "u\u0308.jpg"
    assert folders.others() == [str(tmp_path / "\u00fc.jpg")]
    assert folders.find("\u00fc.jpg", [tmp_path]) == tmp_path / "\u00fc.jpg" and folders.others() == []


def test_other_images_are_those_of_folders_in_which_one_was_found(tmp_path: Path) -> None:
    touch(*(tmp_path / "a" / name for name in ("1.jpg", "2.png", "._1.jpg", "notes.txt")), tmp_path / "b" / "3.jpg")
    folders = ImageFolders()
    folders.find("1.jpg", [tmp_path / "a"])
    folders.find("4.jpg", [tmp_path / "b"])
    assert folders.others() == [str(tmp_path / "a" / "2.png")]


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match="^folder .* cannot be read \\(Permission denied\\): correct its rights$"):
        ImageFolders().find("1.jpg", [tmp_path])
