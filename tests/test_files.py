"""Files written whole or not at all, short names, and evenly spaced picks."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2i.files import check_writable, evenly_spaced, replacing, replacing_folder, short_names


def test_a_file_is_replaced_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.txt"
    for text in ("first", "second"):
        with replacing(path) as part:
            part.write_text(text)
            assert path.exists() is (text == "second")
        assert path.read_text() == text
    assert [file.name for file in path.parent.iterdir()] == ["x.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("blocked", ["x.png", "x.png.part"])
def test_a_folder_of_that_name_is_refused_before_the_work(tmp_path: Path, blocked: str) -> None:
    (tmp_path / blocked).mkdir()
    with pytest.raises(IsADirectoryError) as caught, replacing(tmp_path / "x.png"):
        raise AssertionError("the block began")
    assert caught.value.filename == str(tmp_path / blocked)
    assert [path.name for path in tmp_path.iterdir()] == [blocked]


def test_a_folder_that_appears_during_the_work_leaves_no_part(tmp_path: Path) -> None:
    with pytest.raises(OSError), replacing(tmp_path / "x.png") as part:
        part.write_text("new")
        (tmp_path / "x.png").mkdir()
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_the_first_error_is_the_one_that_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "x.png") as part:
        part.mkdir()  # which cannot be unlinked
        raise ZeroDivisionError


@pytest.mark.parametrize("path", [".", "..", "/"])
def test_what_has_no_name_is_a_folder(path: str) -> None:
    with pytest.raises(IsADirectoryError), replacing(Path(path)):
        raise AssertionError("the block began")
    with pytest.raises(IsADirectoryError):
        check_writable(Path(path))


def test_what_can_be_written_is_checked_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("old")
    os.symlink("nowhere", tmp_path / "link.txt")
    places = [tmp_path / name for name in ("new.txt", "old.txt", "link.txt", "a/b/c.txt", "a/d.txt")]
    check_writable()
    check_writable(*places)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.txt", "old.txt"]
    for place in places:
        with replacing(place) as part:
            part.write_text("new")
    (tmp_path / "a" / "folder").mkdir()
    with pytest.raises(NotADirectoryError) as caught:
        check_writable(*places, tmp_path / "old.txt" / "x" / "y.txt")
    assert caught.value.filename == str(tmp_path / "old.txt")
    with pytest.raises(IsADirectoryError):
        check_writable(*places, tmp_path / "a" / "folder")


@given(st.sets(st.tuples(st.sampled_from("ab"), st.sampled_from("ab"), st.sampled_from("xy")), min_size=1))
def test_short_names_differ_and_are_the_shortest_ends_of_their_paths(parts: set[tuple[str, ...]]) -> None:
    paths = [Path("/", *names) for names in sorted(parts)]
    names = short_names(paths)
    assert len(set(names)) == len(paths)
    for path, name in zip(paths, names, strict=True):
        shorter = name.partition("/")[2]
        assert path.match(name) and sum(other.match(name) for other in paths) == 1
        assert not shorter or sum(other.match(shorter) for other in paths) > 1


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [(10, 4, [0, 3, 6, 9]), (3, 8, [0, 1, 2]), (5, 1, [0]), (1, 3, [0]), (0, 3, []), (101, 3, [0, 50, 100])],
)
def test_picks_are_evenly_spaced_from_the_first_to_the_last(length: int, count: int, expected: list[int]) -> None:
    assert evenly_spaced(length, count) == expected


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "snapshots"
    for name in ("a", "b"):
        with replacing_folder(folder) as part:
            (part / name).touch()
    assert [path.name for path in folder.iterdir()] == ["b"]
    (tmp_path / "models" / "snapshots.part").mkdir()
    (tmp_path / "models" / "snapshots.part" / "of one that was killed").touch()
    with pytest.raises(ZeroDivisionError), replacing_folder(folder) as part:
        assert list(part.iterdir()) == []
        raise ZeroDivisionError
    assert [path.name for path in folder.parent.rglob("*")] == ["snapshots", "b"]
