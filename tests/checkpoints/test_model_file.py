"""Model files: equal bytes, whole or not at all, nothing executed."""

import math
import os
import pickle
import random
import warnings
from pathlib import Path

import pytest
import torch

from t2i.checkpoints import model_file
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.generation.text_to_image import TextToImage
from t2i.models.encoders.text import TextEncoder

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


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(model_file, "read", refuse)
    with pytest.raises(InputError, match=r"a.pt: cannot be read \(Permission denied\)$"):
        model_file.load(tmp_path / "a.pt", "damsm")


def test_another_kind_of_model_is_named(tmp_path: Path) -> None:
    model_file.save(tmp_path / "a.pt", "gan", CONTENT)
    with pytest.raises(InputError, match="holds 'gan' where a 'damsm' model is needed"):
        model_file.load(tmp_path / "a.pt", "damsm")


@pytest.mark.parametrize("content", [{"ca_net.fc.weight": torch.zeros(2)}, torch.zeros(3), [1, 2]])
def test_other_checkpoints_are_named(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(InputError) as caught:
        model_file.load(tmp_path / "a.pt", "gan")
    line = f"{tmp_path / 'a.pt'}: not a model file of this repository; `t2i import` reads published checkpoints"
    assert str(caught.value) == line


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_numbers_that_are_not_finite_are_refused_with_the_tensor(
    tmp_path: Path, number: float, dtype: torch.dtype
) -> None:
    weights = torch.zeros(2, 3, dtype=dtype)
    weights[1, 2] = number
    state = {"bias": torch.zeros(3), "count": torch.tensor(7), "weight": weights}
    model_file.save(tmp_path / "a.pt", "gan", {"text": {"state": {}}, "generator": {"config": {}, "state": state}})
    with pytest.raises(InputError) as caught:
        model_file.load(tmp_path / "a.pt", "gan")
    line = "generator.state.weight has numbers that are NaN or infinite; get or train the model again"
    assert str(caught.value) == f"{tmp_path / 'a.pt'}: {line}"


def test_any_damage_is_one_line(tmp_path: Path) -> None:
    rng = random.Random(0)
    path = tmp_path / "a.pt"
    refusals = []
    for new in (True, False):
        torch.save({"kind": "gan", **CONTENT}, path, _use_new_zipfile_serialization=new)
        whole = path.read_bytes()
        for _ in range(150):
            damaged = bytearray(whole[: rng.randrange(len(whole))] if rng.random() < 0.3 else whole)
            for _ in range(rng.randrange(1, 6)):
                damaged[rng.randrange(min(len(damaged), rng.choice([400, len(damaged)])))] = rng.randrange(256)
            path.write_bytes(damaged)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    model_file.load(path, "gan")
                except InputError as error:
                    refusals.append(str(error))
    assert len(refusals) > 150 and not any("\n" in line for line in refusals)


def test_a_folder_is_no_model_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder, where a model file is needed"):
        model_file.load(tmp_path, "gan")


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"generator": {}, "text": None},
        {"generator": {"config": {}, "state": {}}, "text": {}},
        {"generator": {"config": {"model": "attngan", "width": 3}, "state": {}}, "text": {}},
        {"generator": {"config": 3}, "text": 3},
    ],
)
def test_a_model_file_of_another_version_is_one_line(tmp_path: Path, content: dict[str, object]) -> None:
    model_file.save(tmp_path / "gan.pt", "gan", content)
    with pytest.raises(InputError, match="gan.pt: its content does not fit this version") as caught:
        TextToImage.load(tmp_path / "gan.pt")
    assert "\n" not in str(caught.value) and "train or import the model again" in str(caught.value)


def test_weights_of_another_size_are_one_line(tmp_path: Path) -> None:
    content = TextEncoder(Vocabulary(["<end>", "a"]), embedding_dim=4, word_dim=3).to_checkpoint()
    content["state"]["embedding.weight"] = torch.zeros(7, 3)
    with (
        pytest.raises(InputError, match="does not fit this version .RuntimeError") as caught,
        model_file.building(tmp_path),
    ):
        TextEncoder.from_checkpoint(content)
    assert "\n" not in str(caught.value)
