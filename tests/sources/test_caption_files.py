"""Names and captions of the files that the AttnGAN family shares."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from t2i.data.text.tokenizer import Tokens
from t2i.errors import InputError
from t2i.sources.caption_files import check_names, checked_caption, first_captions, lines_in, names_in, path_problem
from t2i.sources.missing import MissingItems


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("001.Auk/auk_1", None), ("a", None), ("a/b/c/d/e/f/g/h/i/j.png", None), ("./a//b.png", None), ("a..b", None),
        ("a\u202fb.png", None), ("a\xa0b", None), ("\u3000", "is empty"), ("\u3000a", None), ("a\nb", None),
        ("\U0001f469\u200d\U0001f4bb.png", None), ("a\x07", None), ("a\\b", None), ("...", None), (" ", "is empty"),
        ("../auk", 'leads out of its folder with ".."'), ("a/..", 'leads out of its folder with ".."'),
        ("a/../../b", 'leads out of its folder with ".."'), ("/etc/passwd", "is an absolute path"), ("", "is empty"),
        ("/", "is an absolute path"), (".", "names a folder"), ("a\0b", "has a NUL character"),
        ("\udce9.png", "has half a character (a lone surrogate), which no file name in UTF-8 has"),
    ],
)  # fmt: skip
def test_paths_below_a_folder_are_told_from_others_by_the_true_reason(name: str, problem: str | None) -> None:
    assert path_problem(name) == problem


@pytest.mark.parametrize(
    ("names", "parts", "message"),
    [
        (["a", "b/c"], 1, "^l.pickle lists 'b/c', which is not of the form <image>: correct the list$"),
        (["b/c", "a"], 2, "lists 'a', which is not of the form <class>/<image>"),
        (["a/b/c"], 2, "lists 'a/b/c', which is not of the form <class>/<image>"),
        (["a", "../a"], 2, "lists 'a', which is not of the form"),
        (["../a"], 2, 'lists .*, which leads out of its folder with ".."'),
    ],
)
def test_names_of_another_form_are_named(names: list[str], parts: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_names(names, Path("l.pickle"), parts=parts)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_names_of_a_list_a_tuple_or_an_array(tmp_path: Path, kind: type) -> None:
    (tmp_path / "filenames.pickle").write_bytes(pickle.dumps(kind(["b/2", "a/1"])))
    assert names_in(tmp_path / "filenames.pickle", parts=2) == ["b/2", "a/1"]
    with pytest.raises(InputError, match="lists 'b/2', which is not of the form <image>"):
        names_in(tmp_path / "filenames.pickle", parts=1)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"one  bird\n\n...\n two\nthree", ["one  bird", "...", "two", "three"]),
        (b"one\r\n \r\ntwo\r\n", ["one", "two"]),
        (b"one\rtwo\r", ["one", "two"]),
        (b"one\rbird\ntwo\n", ["one\rbird", "two"]),
        (b"\xef\xbb\xbfone\n", ["one"]),
        (b"one\xff\xc2\x85bird\xe2\x80\xa8", ["one\ufffd\x85bird"]),
        (b"", []),
    ],
)
def test_lines_of_a_caption_file(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    assert lines_in(tmp_path / "a.txt") == lines
    assert lines_in(tmp_path / "none.txt") == lines_in(tmp_path) == []


def test_a_file_that_must_not_be_read_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lines_in(tmp_path / "a.txt") == lines_in(tmp_path) == []
    (tmp_path / "a.txt").write_text("a bird")

    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(InputError, match=r"a.txt cannot be read: Permission denied$"):
        lines_in(tmp_path / "a.txt")


def test_the_first_captions_with_a_word_and_notes_of_the_others() -> None:
    def read(texts: list[str], tokens: Tokens) -> tuple[list[str], list[str]]:
        missing = MissingItems()
        captions = first_captions(
            texts, where="a.txt", name="bird 1", max_captions=2, tokens=tokens, missing=missing
        )  # fmt: skip
        return [caption.text for caption in captions], missing.lines()

    texts = ["one  bird", "...", "\u9e1f", "two", "three"]
    assert read(texts, "ascii") == (
        ["one bird", "two"],
        [
            "left out: 2 captions without a word ('...' of bird 1, '\u9e1f' of bird 1)",
            "left out: 1 captions beyond the first 2 of an image (bird 1)",
        ],
    )
    assert read(texts, "unicode")[0] == ["one bird", "\u9e1f"]
    assert read([], "ascii") == ([], [])


def test_captions_are_validated_and_their_white_space_normalised() -> None:
    path = Path("a.txt")
    assert checked_caption(" a\tred \n bird ", path).text == "a red bird"
    with pytest.raises(InputError, match="a.txt has a NUL in the caption"):
        checked_caption("a\0b", path)
    with pytest.raises(InputError, match="a.txt has a caption of 10,001 characters; legal are 10,000"):
        checked_caption("x" * 10_001, path)


def test_bytes_that_are_not_utf8_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("ein schöner grüner Vogel\nein Vogel\n".encode("latin-1"))
    missing = MissingItems()
    lines = lines_in(tmp_path / "a.txt")
    first_captions(lines, where="a.txt", name="a", max_captions=5, tokens="ascii", missing=missing)
    assert missing.report() == {"bytes of captions that are not UTF-8": {"count": 2, "first": ["a"]}}
