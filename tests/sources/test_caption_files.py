"""Names and captions of the files that the AttnGAN family shares."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2i.data.text.tokenizer import tokenize
from t2i.errors import InputError
from t2i.sources.caption_files import captions_in, checked_caption, has_word, is_safe_name, names_in


@pytest.mark.parametrize(
    ("name", "parts", "safe"),
    [
        ("001.Auk/auk_1", 2, True), ("auk_1", 1, True), ("auk_1", 2, False), ("a/b/c", 2, False), ("../auk", 2, False),
        ("/etc/passwd", 2, False), ("/a", 1, False), ("a/..", 2, False), ("a/b\n", 2, False), ("", 1, False),
    ],
)  # fmt: skip
def test_safe_names_stay_below_their_folder(name: str, parts: int, safe: bool) -> None:
    assert is_safe_name(name, parts) is safe


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_names_of_a_list_a_tuple_or_an_array(tmp_path: Path, kind: type) -> None:
    (tmp_path / "filenames.pickle").write_bytes(pickle.dumps(kind(["b/2", "a/1"])))
    assert names_in(tmp_path / "filenames.pickle", parts=2) == ["b/2", "a/1"]
    with pytest.raises(InputError, match="lists 'b/2', which is not of the form <image>"):
        names_in(tmp_path / "filenames.pickle", parts=1)


def test_captions_are_the_first_lines_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one  bird\n\n...\n two\nthree\n")
    assert [caption.text for caption in captions_in(tmp_path / "a.txt", 2)] == ["one bird", "two"]
    assert captions_in(tmp_path / "none.txt", 2) == ()


@settings(deadline=None)
@given(st.text())
def test_a_caption_has_a_word_if_the_tokenizer_finds_one(text: str) -> None:
    assert has_word(text) == bool(tokenize(text))


def test_captions_are_validated_and_their_white_space_normalised() -> None:
    path = Path("a.txt")
    assert checked_caption(" a\tred \n bird ", path).text == "a red bird"
    with pytest.raises(InputError, match="a.txt has a NUL in the caption"):
        checked_caption("a\0b", path)
    with pytest.raises(InputError, match="a.txt has a caption of 10,001 characters; legal are 10,000"):
        checked_caption("x" * 10_001, path)
