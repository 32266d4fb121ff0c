"""Files written whole or not at all, and evenly spaced picks."""

from pathlib import Path

import pytest

from t2i.files import evenly_spaced, replacing


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


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [(10, 4, [0, 3, 6, 9]), (3, 8, [0, 1, 2]), (5, 1, [0]), (1, 3, [0]), (0, 3, []), (101, 3, [0, 50, 100])],
)
def test_picks_are_evenly_spaced_from_the_first_to_the_last(length: int, count: int, expected: list[int]) -> None:
    assert evenly_spaced(length, count) == expected
