"""Pictures with a text file beside each."""

import unicodedata
from pathlib import Path

import pytest

from t2i.errors import InputError
from t2i.sources.missing import MissingItems
from tests.sources.custom.own_data import captions, classes, pictures, read


def texts(folder: Path, **lines: str) -> Path:
    for name, text in lines.items():
        (folder / f"{name}.txt").write_bytes(text.encode())
    return folder


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_caption_a_line(tmp_path: Path, end: str) -> None:
    texts(
        pictures(tmp_path, "a.jpg", "b.PNG"), a=end.join(["\ufeffone bird", "", " two  birds ", ""]), b="ein Vögelchen"
    )
    assert captions(tmp_path) == {"a.jpg": ["one bird", "two birds"], "b.PNG": ["ein Vögelchen"]}
    assert classes(tmp_path) == {"a.jpg": "a.jpg", "b.PNG": "b.PNG"}


def test_folders_at_any_depth_and_of_splits(tmp_path: Path) -> None:
    for name in ("train/1/2/3/4/5/6/7/8/9/a", "train/b", "test/a"):
        pictures(tmp_path, f"{name}.jpg")
        (tmp_path / f"{name}.txt").write_text("a bird")
    assert {split: [record.name for record in records] for split, records in read(tmp_path).items()} == {
        "train": ["train/1/2/3/4/5/6/7/8/9/a.jpg", "train/b.jpg"], "test": ["test/a.jpg"],
    }  # fmt: skip


def test_texts_are_found_in_any_case_normal_form_and_encoding(tmp_path: Path) -> None:
    pictures(tmp_path, unicodedata.normalize("NFD", "schön.jpg"), "x.y.webp")
    (tmp_path / unicodedata.normalize("NFC", "schön.TXT")).write_bytes("grün".encode("utf-16"))
    (tmp_path / "x.y.txt").write_text("a bird")
    assert captions(tmp_path) == {"schön.jpg": ["grün"], "x.y.webp": ["a bird"]}


def test_what_has_no_partner_is_said(tmp_path: Path) -> None:
    texts(pictures(tmp_path, "a.jpg", "b.jpg", "c.jpg"), a="a bird", README="read me", c=" ...\n")
    with pytest.raises(InputError, match=r"2 images of .* without a caption that has a word \(b.jpg, c.jpg\): correct"):
        read(tmp_path)
    missing = MissingItems("skip")
    assert list(captions(tmp_path, missing)) == ["a.jpg"]
    assert missing.report() == {
        f"of {tmp_path} without a caption that has a word": {"count": 2, "first": ["b.jpg", "c.jpg"]},
        f"text files in {tmp_path} without a picture of their name": {"count": 1, "first": ["README.txt"]},
        "captions without a word": {"count": 1, "first": ["'...' of c.jpg"]},
    }


def test_hidden_files_do_not_count(tmp_path: Path) -> None:
    texts(pictures(tmp_path, "a.jpg", "._a.jpg", ".cache/b.jpg", "__MACOSX/._a.jpg"), a="a bird", **{"._a": "x"})
    missing = MissingItems()
    assert captions(tmp_path, missing) == {"a.jpg": ["a bird"]} and missing.report() == {}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a.jpg", "a.png", "a.txt"], "a.jpg and a.png belong to the same a.txt: take one of them out"),
        (["a.jpg", "a.JPG", "a.txt"], "a.JPG and a.jpg belong to the same a.txt"),
        (["a.jpg", "a.TXT", "a.txt"], "a.TXT and a.txt belong to the same a.jpg"),
    ],
)
def test_two_files_of_one_name_are_refused(tmp_path: Path, files: list[str], message: str) -> None:
    for file in (
        pictures(tmp_path, *(file for file in files if file.lower()[-3:] != "txt")),
        *map(tmp_path.joinpath, files),
    ):
        if file.suffix.lower() == ".txt":
            file.write_text("a bird")
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"gr\xfcn", "a.txt is not text in UTF-8 .byte 0xfc in line 1.: save it as UTF-8"),
        (b"a\0b", "a.txt holds NUL characters .line 1."),
        (b"x" * 10_001, "a.jpg has a caption of 10,001 characters"),
        (b"x\n" + b"\xff", "a.txt is not text in UTF-8 .byte 0xff in line 2."),
    ],
)  # fmt: skip
def test_texts_that_are_no_captions_are_one_line(tmp_path: Path, text: bytes, message: str) -> None:
    (pictures(tmp_path, "a.jpg") / "a.txt").write_bytes(text)
    with pytest.raises(InputError, match=message):
        read(tmp_path)
