"""Data of which DVC would miss changes is refused; the reasons are compared with what DVC does."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dvc.exceptions import ReproductionError  # type: ignore[import-untyped]
from dvc.repo import Repo  # type: ignore[import-untyped]
from PIL import Image

from t2i.check.links import refuse_unhashed
from t2i.errors import InputError
from tests.pipeline.clones import change_params, clone, run

DATA = Path("data/coco")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set with one file, in a folder that looks like a DVC repository."""
    monkeypatch.chdir(tmp_path)
    Path(".dvc").mkdir()
    write(DATA / "val2014" / "1.jpg")
    Path("disk").mkdir()
    return tmp_path


def write(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def refused() -> str:
    with pytest.raises(InputError) as caught:
        refuse_unhashed(DATA)
    assert str(caught.value).isprintable()
    return str(caught.value)


def command_of(message: str) -> str:
    return "rm " + message.split(": rm ")[1]


@pytest.mark.parametrize("name", ["train2014", "two words", "it's", "a\u202fb", "a\nb"])
@pytest.mark.parametrize("depth", [1, 3])
def test_the_command_of_the_message_makes_links_to_files(folder: Path, name: str, depth: int) -> None:
    write(folder / "disk" / name / "sub" / "1.jpg")
    (folder / "disk" / "behind").mkdir()
    write(folder / "disk" / "behind" / "2.jpg")
    (folder / "disk" / name / "nested").symlink_to("../behind")
    link = DATA.joinpath(*["deep"] * (depth - 1)) / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(folder / "disk" / name, link.parent))
    message = refused()
    assert (
        message.startswith("data/coco has 1 link to a folder (data/coco/")
        and "link all of data/coco instead" in message
    )
    subprocess.run(["bash", "-c", command_of(message)], check=True)
    refuse_unhashed(DATA)
    assert (link / "sub" / "1.jpg").is_symlink() and (link / "nested" / "2.jpg").read_text() == "x"
    assert not link.is_symlink() and not (link / "nested").is_symlink()


def test_many_links_are_counted_and_the_first_named() -> None:
    for number in range(1234):
        (DATA / f"{number:04d}").symlink_to("../../disk")
    message = refused()
    assert "has 1,234 links to folders (data/coco/0000, data/coco/0001, data/coco/0002, ...)" in message
    assert message.count("cp -rLs") == 3 and message.endswith("data/coco/0002, ...")


@pytest.mark.parametrize("target", ["..", ".", "../..", "/"])
def test_a_folder_within_itself_is_only_removed(target: str) -> None:
    (DATA / "again").symlink_to(target)
    assert refused().endswith("links to its files: rm data/coco/again")


def test_what_dvc_follows_is_left_alone(folder: Path) -> None:
    refuse_unhashed(DATA)
    (DATA / "2.jpg").symlink_to(write(folder / "disk" / "2.jpg"))
    os.link(folder / "disk" / "2.jpg", DATA / "3.jpg")
    for name in ("a\u202fb.jpg", "a\nb.jpg", "a\\b.jpg", "u\u0308.jpg", "\U0001f469\u200d\U0001f4bb.jpg"):
        write(DATA / name)
    (DATA / "empty").mkdir()
    for name in (".git/x.jpg", "sub/.hg/x.jpg", "sub/__pycache__/x.txt", ".dvc/x.jpg"):
        write(DATA / name)
    (DATA / ".git" / "link").symlink_to("/")
    refuse_unhashed(DATA)
    refuse_unhashed(Path("data/absent"))
    DATA.rename("disk/coco")
    DATA.symlink_to(folder / "disk" / "coco")  # the whole folder may be a link
    refuse_unhashed(DATA)
    (folder / "disk" / "coco" / "train2014").symlink_to(folder / "disk")
    assert "data/coco has 1 link to a folder (data/coco/train2014)" in refused()


def loop() -> None:
    (DATA / "a").symlink_to("b")
    (DATA / "b").symlink_to("a")


def misnamed(name: bytes) -> None:
    path = os.fsencode(DATA) + b"/" + name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "w").close()


def ignore(path: str, *patterns: str) -> None:
    write(Path(path), "\n".join(patterns))


Damage = Callable[[], object]
FAILS: list[tuple[Damage, str]] = [
    (
        lambda: (DATA / "a b.jpg").symlink_to("/no/where"),
        "data/coco/a b.jpg is a link to /no/where, where nothing is: put the file there, or rm 'data/coco/a b.jpg'",
    ),
    (loop, "data/coco/a is a link to b, where nothing is"),
    (
        lambda: socket.socket(socket.AF_UNIX).bind(str(DATA / "s")),
        "data/coco/s is neither a file nor a folder, and DVC",
    ),
    (
        lambda: misnamed(b"\xe9.jpg"),
        r"the name of data/coco/\udce9.jpg is not UTF-8, and DVC cannot hash it: rename it",
    ),
    (lambda: misnamed(b"\xe9/1.jpg"), r"the name of data/coco/\udce9 is not UTF-8"),
    (lambda: write(DATA / ".dvcignore"), "data/coco/.dvcignore makes DVC fail"),
    (
        lambda: write(DATA / "val2014" / ".dvcignore"),
        "hashes no data with such a file: rm data/coco/val2014/.dvcignore",
    ),
]
"""What makes DVC fail."""
UNNOTICED: list[tuple[Damage, str]] = [
    (lambda: (DATA / "val2014" / ".dvc").mkdir(), "DVC takes data/coco/val2014 for another repository"),
    (lambda: write(DATA / "val2014" / ".dvc"), "would not notice changes in it: move data/coco/val2014/.dvc elsewhere"),
    (lambda: Path("data/.dvc").mkdir(), "DVC takes data for another repository, since it has a .dvc"),
    (lambda: ignore(".dvcignore", "*.JPG", "*.jpg"), "DVC leaves data/coco/val2014/1.jpg out by .dvcignore:2:*.jpg"),
    (lambda: ignore("data/.dvcignore", "val*"), "DVC leaves data/coco/val2014 out by data/.dvcignore:1:val*"),
    (lambda: ignore(".dvcignore", "/data/coco"), "DVC leaves data/coco/val2014 out by .dvcignore:1:/data/coco"),
]
"""With what DVC does not notice that val2014/1.jpg changes."""


@pytest.mark.parametrize(("damage", "message"), FAILS + UNNOTICED)
def test_what_dvc_cannot_hash_or_leaves_out_is_refused(damage: Damage, message: str) -> None:
    damage()
    assert message in refused()


def test_patterns_for_what_no_reader_reads_are_left_alone() -> None:
    write(Path(".dvcignore"), ".DS_Store\n__pycache__/\n*.pyc\n*.zip\n/.scratch\nREADME.md\n")
    for name in (".DS_Store", "__pycache__/a.txt", "a.pyc", "text.zip", "README.md"):
        write(DATA / name)
    refuse_unhashed(DATA)


def test_a_pipe_is_refused() -> None:
    os.mkfifo(DATA / "pipe")  # DVC waits for it for ever
    assert "data/coco/pipe is neither a file nor a folder, and DVC cannot hash it: rm data/coco/pipe" in refused()


@pytest.fixture
def repository() -> None:
    Path(".dvc").rmdir()
    Path("dvc.yaml").write_text("stages:\n  s:\n    cmd: echo\n    deps: [data/coco]\n")
    Repo.init(no_scm=True)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("damage", [damage for damage, _ in FAILS])
def test_dvc_fails_as_said(damage: Damage) -> None:
    damage()
    with pytest.raises(ReproductionError):
        Repo().reproduce()


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("damage", [damage for damage, _ in UNNOTICED])
def test_dvc_does_not_notice_a_change_as_said(damage: Damage) -> None:
    assert notices_a_change()
    damage()
    assert not notices_a_change()


def notices_a_change() -> bool:
    Repo().reproduce()
    assert Repo().status() == {}
    write(DATA / "val2014" / "1.jpg", "x" * (DATA / "val2014" / "1.jpg").stat().st_size + "x")
    return bool(Repo().status())


@pytest.mark.usefixtures("repository")
def test_dvc_follows_links_to_files_and_of_the_whole_folder_alone(folder: Path) -> None:
    DATA.rename("disk/coco")
    DATA.symlink_to(folder / "disk" / "coco")
    assert notices_a_change()
    (folder / "disk" / "coco" / "val2014").rename("disk/val2014")
    (DATA / "val2014").symlink_to(folder / "disk" / "val2014")
    assert not notices_a_change()
    subprocess.run(["bash", "-c", command_of(refused())], check=True)
    assert notices_a_change()


@pytest.mark.slow
def test_a_picture_behind_a_link_is_packed_anew_and_a_link_of_a_folder_refused(tmp_path: Path) -> None:
    clone(folder := tmp_path / "clone")
    disk = tmp_path / "disk"
    for number in range(40):
        (disk / "img").mkdir(parents=True, exist_ok=True)
        Image.effect_noise((40, 40), number).save(disk / "img" / f"{number}.png")
    rows = [f"img/{i // 2}.png,bird {i // 2} is number {i % 2},{'test' if i < 40 else 'train'}" for i in range(80)]
    data = folder / "data" / "custom"
    write(data / "captions.csv", "\n".join(["image,caption,split", *rows]) + "\n")
    (data / "img").symlink_to(disk / "img")
    change_params(folder, data="custom", budget="smoke")
    said = run(folder, "dvc", "repro", "preprocess", ok=False)
    assert "data/custom has 1 link to a folder (data/custom/img)" in said and "Traceback" not in said
    assert not (folder / "prepared").exists()
    command = command_of(next(line for line in said.splitlines() if "rm data/custom/img" in line))
    subprocess.run(["bash", "-c", command], cwd=folder, check=True)
    run(folder, "dvc", "repro", "preprocess")
    assert "didn't change, skipping" in run(folder, "dvc", "repro", "preprocess")
    Image.new("RGB", (40, 40), "red").save(disk / "img" / "3.png")
    assert "Running stage 'preprocess'" in run(folder, "dvc", "repro", "preprocess")
