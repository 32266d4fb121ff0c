"""What is no image is called by its name."""

import os
import struct
import sys
from pathlib import Path

import pytest

from t2i.errors import InputError
from t2i.sources.images import load_image
from t2i.sources.unreadable import register_heif
from tests.sources.image_bytes import picture, saved, tiff

AGAIN = "get it again, or take it out of the lists"
CONTENTS = {
    b"": "it is empty",
    b"no picture": "it is text",
    "schöne Vögel ".encode() * 100: "it is text",
    b"\n <!DOCTYPE html><head>": "it is an HTML page",
    b"\xef\xbb\xbf<?xml version='1.0'?><HTML>": "it is an HTML page",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>": "it is SVG, which has no pixels",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n":
        "it is a Git LFS pointer; git lfs pull fetches the file",
    b"\0\1\2\xff" * 10: "it has no known image format, or a damaged start",
    b"%PDF-1.4\n%\xe2\xe3": "it is a PDF document",
    b"PK\3\4" + bytes(30): "it is an archive",
    b"\x1f\x8b\x08" + bytes(30): "it is an archive",
    b"\0\0\0\x20ftypisom" + bytes(30): "it is a film",
    b"\0\0\0\x20ftypavif" + bytes(30):
        "it is an AVIF or HEIC file that is damaged, or has pixels of a kind that Pillow does not read",
    tiff((339, 3, 1, b"\3\0")):  # floats of 8 bits
        "it is a TIFF file that is damaged, or has pixels of a kind that Pillow does not read",
    b"\x89PNG\r\n\x1a\n" + bytes(30):
        "it is a PNG file that is damaged, or has pixels of a kind that Pillow does not read",
}  # fmt: skip


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_image(path, upright=True)
    return str(caught.value)


@pytest.mark.parametrize("content", CONTENTS, ids=CONTENTS.values())
def test_contents(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bird.jpg").write_bytes(content)
    assert refusal(tmp_path / "bird.jpg") == f"image {tmp_path}/bird.jpg cannot be read ({CONTENTS[content]}): {AGAIN}"


def test_places(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")  # which would be read for ever
    (tmp_path / "folder.jpg").mkdir()
    for name, target in (("device.jpg", "/dev/zero"), ("loop.jpg", "loop.jpg"), ("gone.jpg", "nowhere")):
        (tmp_path / name).symlink_to(target)
    with (tmp_path / "large.jpg").open("wb") as file:
        file.truncate(2**30 + 1)
    for name, reason in {
        "pipe.jpg": "it is no regular file", "device.jpg": "it is no regular file", "folder.jpg": "it is a folder",
        "loop.jpg": "Too many levels of symbolic links", "gone.jpg": "No such file or directory",
        "large.jpg": "it has more than 1 GiB", "n" * 300: "File name too long", "a.jpg/b": "No such file or directory",
    }.items():  # fmt: skip
        assert refusal(tmp_path / name) == f"image {tmp_path / name} cannot be read ({reason}): {AGAIN}"


@pytest.mark.parametrize("start", [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\xc5\xd0\xd3\xc6" + bytes(30)])
def test_programs_are_not_run(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "bird.eps").write_bytes(start)
    assert refusal(tmp_path / "bird.eps").endswith("(PostScript is a program and no image): save it as PNG")


@pytest.mark.parametrize("name", ["a\nb.jpg", "a\x1b[31mb.jpg", "a\udcffb.jpg"])
def test_names_of_several_lines_are_shown_in_one(tmp_path: Path, name: str) -> None:
    message = refusal(tmp_path / name)
    assert message.isprintable() and name.encode("unicode_escape").decode() in message


def ftyp(*brands: bytes) -> bytes:
    content = brands[0] + bytes(4) + b"".join(brands[1:])
    return struct.pack(">I", len(content) + 8) + b"ftyp" + content


@pytest.mark.parametrize(
    ("start", "heif"),
    [
        (ftyp(b"heic", b"mif1", b"heic"), True), (ftyp(b"heix"), True), (ftyp(b"mif1", b"heic"), True),
        (ftyp(b"msf1", b"hevc"), True), (ftyp(b"mif1"), True), (ftyp(b"avif", b"mif1"), False),
        (ftyp(b"mif1", b"avif"), False), (ftyp(b"isom", b"mp42"), False), (b"RIFFxxxxWEBP", False), (b"", False),
    ],
)  # fmt: skip
def test_heic_without_its_decoder_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: bytes, heif: bool
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "photo.jpg").write_bytes(start + b"\0" * 50)
    if heif:
        reason = "HEIC needs pillow-heif, which is not installed"
        way_out = "pip install -e '.[heic]', or save it as JPEG"
        assert refusal(tmp_path / "photo.jpg") == f"image {tmp_path}/photo.jpg cannot be read ({reason}): {way_out}"
    else:
        assert register_heif(tmp_path / "photo.jpg", start) is None


def test_a_page_called_heic_is_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "photo.heic").write_bytes(b"<html>not found</html>")
    assert "(it is an HTML page)" in refusal(tmp_path / "photo.heic")
    (tmp_path / "photo.heic").write_bytes(saved(picture(), "PNG"))
    assert load_image(tmp_path / "photo.heic").size == (40, 20)
