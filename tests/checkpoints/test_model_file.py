"""Model files: equal bytes, whole or not at all, nothing executed."""

import os
import pickle
from pathlib import Path

import pytest
import torch

from t2i.checkpoints import model_file
from t2i.errors import InputError

CONTENT = {"config": {"width": 3}, "state": {"w": torch.arange(6.0).view(2, 3)}, "vocabulary": ["<end>", "a"]}


def test_content_comes_back_and_the_bytes_do_not_depend_on_the_name(tmp_path: Path) -> None:
    model_file.save(tmp_path / "a.pt", "damsm", CONTENT)
    model_file.save(tmp_path / "folder" / "other.pt", "damsm", CONTENT)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "folder" / "other.pt").read_bytes()
    found = model_file.load(tmp_path / "a.pt", "damsm")
    assert found["config"] == {"width": 3} and torch.equal(found["state"]["w"], CONTENT["state"]["w"])  # type: ignore
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pt", "folder"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model_file.save(tmp_path / "a.pt", "damsm", CONTENT)
    before = (tmp_path / "a.pt").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        model_file.save(tmp_path / "a.pt", "damsm", CONTENT | {"config": {}})
    assert (tmp_path / "a.pt").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


class Bomb:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch bombed",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such model file; `dvc repro` makes it"),
        (b"", "not a model file, or damaged"),
        (b"PK\x03\x04 half a zip", "not a model file, or damaged"),
        (pickle.dumps(Bomb()), "not a model file, or damaged"),
    ],
)
def test_what_is_no_model_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        model_file.load(path, "damsm")
    assert not (tmp_path / "bombed").exists()


def test_another_kind_of_model_is_named(tmp_path: Path) -> None:
    model_file.save(tmp_path / "a.pt", "gan", CONTENT)
    with pytest.raises(InputError, match="holds 'gan' where a 'damsm' model is needed"):
        model_file.load(tmp_path / "a.pt", "damsm")
