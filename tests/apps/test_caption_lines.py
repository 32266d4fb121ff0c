"""Text files of any encoding: read as they were written, or refused with the reason."""

import codecs
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from t2i.apps import caption_lines
from t2i.apps.caption_lines import read_captions
from t2i.errors import InputError
from tests.apps.conftest import Command

MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def read(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    with path.open("rb") as file:
        return read_captions(file)


@pytest.mark.parametrize("encoding", MARKS)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str, end: str) -> None:
    text = f"a red bird{end or chr(10)}ein schöner 鳥 🐦{end}"
    assert read(tmp_path / "c.txt", MARKS[encoding] + text.encode(encoding)) == ["a red bird", "ein schöner 鳥 🐦"]


@given(
    st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), min_size=1), st.sampled_from([*MARKS])
)
def test_any_text_with_a_mark_comes_back(captions: list[str], encoding: str) -> None:
    content = MARKS[encoding] + "\n".join(captions).encode(encoding)
    assert read_captions(io.BytesIO(content)) == captions


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\r", "\u2028", "\u2029", "\x85", "\n\n \t\n"])
def test_lines_end_with_any_line_break_and_blank_ones_do_not_count(tmp_path: Path, end: str) -> None:
    assert read(tmp_path / "c.txt", f"a red bird{end}blue below{end}".encode()) == ["a red bird", "blue below"]


NULS = "holds NUL characters (line 1), as pictures do and UTF-16 without a byte order mark: save it as UTF-8"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a red bird\n".encode("utf-16-le"), NULS),
        ("a".encode("utf-16-be"), NULS),
        ("a red bird".encode("utf-32-le"), NULS),
        (b"a red bird\0\n", NULS),
        (codecs.BOM_UTF16_LE + "a\0b".encode("utf-16-le"), NULS),
        ("red\nein sch\u00f6ner".encode("latin-1"), "is not text in UTF-8 (byte 0xf6 in line 2): save it as UTF-8"),
        (b"\xe9", "is not text in UTF-8 (byte 0xe9 in line 1): save it as UTF-8"),
        ("red \ud800".encode("utf-8", "surrogatepass"), "is not text in UTF-8 (byte 0xed in line 1): save it as UTF-8"),
        ("caf\u00e9 \u201cred\u201d".encode("cp1252"), "is not text in UTF-8 (byte 0xe9 in line 1)"),
        ("鳥".encode("gb18030"), "is not text in UTF-8 (byte 0xf8 in line 1)"),
        (codecs.BOM_UTF16_LE + b"a\0b", "is not text in UTF-16 (its first bytes say so): save it as UTF-8"),
        (codecs.BOM_UTF16_BE + b"\xd8\0\0a", "is not text in UTF-16 (its first bytes say so): save it as UTF-8"),
        (codecs.BOM_UTF32_LE + b"\xff\xff\xff\xff", "is not text in UTF-32 (its first bytes say so): save it as UTF-8"),
        (codecs.BOM_UTF8 + b"red \xff", "is not text in UTF-8 (byte 0xff in line 1)"),
        (b"", "has no caption: write one a line"),
        (b"\n \r\n\t\n", "has no caption: write one a line"),
        (codecs.BOM_UTF16_LE, "has no caption: write one a line"),
    ],
)
def test_what_is_no_text_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path / "c.txt", content)
    assert str(caught.value).startswith(f"{tmp_path / 'c.txt'} {reason}") and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "webp", "bmp"])
def test_a_picture_is_refused(tmp_path: Path, kind: str) -> None:
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "x", format=kind)
    with pytest.raises(InputError, match="is not text in UTF-8|holds NUL characters"):
        read(tmp_path / "x", (tmp_path / "x").read_bytes())


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    with Path("/dev/zero").open("rb") as endless, pytest.raises(InputError) as caught:
        read_captions(endless)
    assert str(caught.value) == "/dev/zero has more than 16 MiB: give a text file with a caption a line (-f)"
    exactly = b"red\n" * (caption_lines.MAX_BYTES // 4)
    assert len(read(tmp_path / "c.txt", exactly)) == len(exactly) // 4


def test_a_file_that_fails_while_it_is_read() -> None:
    class Broken(io.RawIOBase):
        name = "broken.txt"

        def readable(self) -> bool:
            return True

        def readinto(self, _: object) -> int:
            raise OSError(5, "Input/output error")

    with pytest.raises(InputError, match=r"broken.txt cannot be read \(Input/output error\): give a text file \(-f\)"):
        read_captions(io.BufferedReader(Broken()))


def test_the_command_says_so_before_it_loads_a_model(t2i: Command, tmp_path: Path) -> None:
    for stdin in (b"a\0 \0r\0e\0d\0\n\0", b"red \xff", b""):
        result = t2i("generate", "red", "-f", "-", "-m", "nowhere.pt", "-o", tmp_path / "x.png", stdin=stdin)
        assert result.exit_code == 1 and result.stderr.startswith("t2i: standard input ")
        assert result.stderr.count("\n") == 1 and not list(tmp_path.iterdir())
