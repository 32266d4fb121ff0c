"""Where images go: files and folders of any name, checked before anything is generated."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2i.apps.image_files import ImageFiles
from t2i.errors import InputError
from tests.apps.conftest import Command

NO_FOLDER = "Not a directory"


@pytest.mark.parametrize(
    ("out", "is_folder"),
    [
        ("x.png", False), ("X.PNG", False), ("a.b/x.png", False), ("two birds.v2.png", False),
        ("new", True), ("there.v2", True), ("there.png", True), (".", True), ("..", True), ("there.v2/", True),
        ("new.v2/", True), ("new.png/", True), (".hidden", True),
    ],
)  # fmt: skip
def test_folders_are_what_is_one_or_looks_like_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, is_folder: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("there.v2", "there.png"):
        (tmp_path / name).mkdir()
    assert ImageFiles.parse(out) == ImageFiles(Path(out), is_folder)


@pytest.mark.parametrize("out", ["x.jpg", "x.png.bak", "run.v2", "a.png/x.gif"])
def test_other_extensions_are_refused(out: str) -> None:
    with pytest.raises(InputError) as caught:
        ImageFiles.parse(out)
    assert str(caught.value) == f"{out} is neither a .png nor a folder (-o): folders that are to be made end with a /"


@pytest.mark.parametrize("out", ["", "-", ".png", "images/.PNG"])  # "$name.png" without a name, standard output
def test_no_name_is_refused(tmp_path: Path, out: str) -> None:
    with pytest.raises(InputError) as caught:
        ImageFiles.parse(out)
    assert str(caught.value) == f"{out!r} is no name of a .png or of a folder (-o): give one, such as birds.png"
    (tmp_path / ".png").mkdir()
    assert ImageFiles.parse(str(tmp_path / ".png")).is_folder


@pytest.mark.parametrize("name", ["run.v2", "x.png", "plain", "with space.jpg", "übung.v2"])
def test_images_go_into_a_folder_of_any_name(t2i: Command, gan: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("stays")
    result = t2i("generate", "red", "blue", "-m", gan, "-o", tmp_path / name, "--attention")
    assert (result.exit_code, result.stderr) == (0, "")
    names = sorted(path.name for path in (tmp_path / name).iterdir())
    assert names == ["001-001.png", "002-001.png", "attention.png", "mine.txt"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_link_to_a_folder_is_a_folder_and_one_to_a_file_is_replaced(t2i: Command, gan: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.png").symlink_to("folder")
    (tmp_path / "file.png").symlink_to("nowhere")
    assert t2i("generate", "red", "-m", gan, "-o", tmp_path / "link.png").exit_code == 0
    assert t2i("generate", "red", "-m", gan, "-o", tmp_path / "file.png").exit_code == 0
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["001-001.png"]
    with Image.open(tmp_path / "file.png") as image:
        assert np.asarray(image).shape == (32, 32, 3)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    ("out", "more", "blocked", "reason"),
    [
        ("file/x.png", [], "file", NO_FOLDER),
        ("file", [], "file", NO_FOLDER),
        ("file/new/", [], "file", NO_FOLDER),
        ("dangling/x.png", [], "dangling", NO_FOLDER),
        ("dangling", [], "dangling", NO_FOLDER),
        ("new/" + "x" * 300 + ".png", [], "x.png.part", "File name too long"),
        ("new/" + "x" * 250 + ".png", [], "x.png.part", "File name too long"),  # with .part
        ("x" * 300, [], "x/001-001.png", "File name too long"),
        ("new/" + "x" * 300 + "/y.png", [], "x", "File name too long"),
        ("y.png", ["-a"], "y-attention.png", "Is a directory"),
        ("y.png", ["-n", "2", "-a"], "y-attention.png", "Is a directory"),
        ("z.png", [], "z.png.part", "Is a directory"),
        ("full", [], "full/001-001.png", "Is a directory"),
        ("full", ["-a"], "full/001-001.png", "Is a directory"),
        ("/proc/x.png", [], "/proc", "No such file or directory"),
    ],
)
def test_what_cannot_be_written_is_said_before_a_model_is_loaded(
    t2i: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, more: list[str], blocked: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("dangling").symlink_to("nowhere")
    for folder in ("y-attention.png", "z.png.part", "full/001-001.png"):
        Path(folder).mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    result = t2i("generate", "red", "-m", "nowhere.pt", "-o", out, *more)
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert f"{blocked} cannot be written ({reason}); choose another place (-o)" in result.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_grid_that_is_too_large_is_refused_before_a_model_is_loaded(t2i: Command, tmp_path: Path) -> None:
    captions, out = b"red\n" * 41, tmp_path / "x.png"
    result = t2i("generate", "-f", "-", "-n", 100, "-m", "nowhere.pt", "-o", out, stdin=captions)
    assert result.stderr == "t2i: 4,100 images are too many for one grid: give a folder (-o images/)\n"
    result = t2i("generate", "-f", "-", "-n", 100, "-m", "nowhere.pt", "-o", tmp_path, stdin=captions)
    assert "no such model file" in result.stderr


def test_too_many_attention_maps_are_refused_before_a_model_is_loaded(t2i: Command, tmp_path: Path) -> None:
    result = t2i("generate", "-f", "-", "-a", "-m", "nowhere.pt", "-o", tmp_path, stdin=b"red\n" * 101)
    assert result.stderr == (
        "t2i: attention maps of 101 captions are too many for one page: at most 100, or leave out --attention\n"
    )


def test_a_folder_without_permission_is_named(t2i: Command, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    if os.geteuid() == 0:
        pytest.skip("the root user may write everywhere")
    result = t2i("generate", "red", "-m", "nowhere.pt", "-o", tmp_path / "locked" / "x.png")
    assert f"{tmp_path / 'locked'} cannot be written (Permission denied)" in result.stderr


@pytest.mark.parametrize("command", ["report", "ablation", "import"])
def test_other_commands_check_their_targets_first(t2i: Command, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    for folder in ("run.html", "gan.pt", "ablation-seed.csv"):
        (tmp_path / folder).mkdir()
    published = ["--generator", "g", "--text-encoder", "t", "--captions", "c"]
    for arguments, blocked, reason, option in {
        "report": [
            (["-o", tmp_path / "run.html"], "run.html", "Is a directory", "-o"),
            (["-o", tmp_path / "file" / "r.html"], "file", NO_FOLDER, "-o"),
        ],
        "ablation": [
            (["seed", "--metrics", tmp_path], "ablation-seed.csv", "Is a directory", "--metrics, --plots"),
            (["seed", "--metrics", tmp_path / "file"], "file", NO_FOLDER, "--metrics, --plots"),
            (
                ["x", "--metrics", tmp_path, "--plots", tmp_path / "file"],
                "file",
                NO_FOLDER,
                "--metrics, --plots",
            ),
        ],
        "import": [
            ([*published, "--out", tmp_path], "gan.pt", "Is a directory", "--out"),
            ([*published, "--out", tmp_path / "file" / "new"], "file", NO_FOLDER, "--out"),
        ],
    }[command]:
        before = sorted(tmp_path.rglob("*"))
        result = t2i(command, *arguments)
        line = f"t2i: {tmp_path / blocked} cannot be written ({reason}); choose another place ({option})\n"
        assert (result.exit_code, result.stderr) == (1, line)
        assert sorted(tmp_path.rglob("*")) == before


def test_what_is_in_the_way_in_a_folder_is_found_among_a_billion_files(tmp_path: Path) -> None:
    files = ImageFiles(tmp_path, True)
    (tmp_path / "001-002.png").write_text("an old image")
    (tmp_path / "1000000-001.png").mkdir()  # of no caption
    (tmp_path / "own").mkdir()
    files.check(999_999, 1000, attention=False)  # does not list them all
    for name in ("002-003.png", "001-003.png.part"):
        (tmp_path / name).mkdir()
        files.check(2, 2, attention=False)
        with pytest.raises(IsADirectoryError, match=name):
            files.check(2, 3, attention=False)
        (tmp_path / name).rmdir()
    with pytest.raises(OSError, match="File name too long"):
        ImageFiles(tmp_path / ("x" * 300), True).check(1, 1, attention=False)
