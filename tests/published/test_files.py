"""Files of named tensors in every wrapping, and the one line about files that are something else."""

import gzip
import io
import pickle
import random
import struct
import tarfile
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from t2i.errors import InputError
from t2i.published import files

STATE = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.ones(2), "a.count": torch.tensor(3)}
FORMATS = pytest.mark.parametrize("zipped", [True, False])


def save(path: Path, content: Any, *, zipped: bool = True) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the old format, that it cannot find the source of a class
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def refusal(path: Path) -> str:
    with warnings.catch_warnings(), pytest.raises(InputError) as caught:
        warnings.simplefilter("error")
        files.read_state(path)
    line = str(caught.value)
    assert line.startswith(f"{path} ") and line.isprintable()
    return line.removeprefix(f"{path} ")


def prefixed(prefix: str) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in STATE.items()}


OPTIMIZER = torch.optim.Adam([nn.Parameter(torch.ones(2))]).state_dict()


@FORMATS
@pytest.mark.parametrize(
    "content",
    [
        STATE, OrderedDict(STATE), {name: nn.Parameter(value.float()) for name, value in STATE.items()},
        prefixed("module."), prefixed("module.module."), prefixed("_orig_mod."), prefixed("_orig_mod.module."),
        {"netG": STATE}, {"epoch": 600, "state_dict": STATE}, {"model": STATE, "loss": 0.1, "args": {"lr": 0.1}},
        {"model_state_dict": prefixed("module."), "optimizer": OPTIMIZER, "step": torch.tensor(1)},
        {"netG": STATE, "netD": {"b": torch.ones(1)}, "optimizerG": OPTIMIZER},
        {"checkpoint": {"state_dict": STATE}}, {"netG": {"state_dict": STATE}, "netD": {"state_dict": STATE}},
        {"state_dict": STATE, "metrics": {"fid": torch.tensor(12.0)}, "empty": {}},
    ],
)  # fmt: skip
def test_usual_wrappings_are_removed(tmp_path: Path, content: Any, zipped: bool) -> None:
    state = files.read_state(save(tmp_path / "x.pth", content, zipped=zipped))
    assert list(state) == list(STATE)
    assert all(torch.equal(state[name], value) for name, value in STATE.items())


@FORMATS
def test_tensors_of_a_gpu_are_read_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool) -> None:
    monkeypatch.setattr(torch.serialization, "location_tag", lambda _: "cuda:3")
    path = save(tmp_path / "x.pth", STATE, zipped=zipped)
    monkeypatch.undo()
    assert b"cuda:3" in path.read_bytes()
    assert {value.device.type for value in files.read_state(path).values()} == {"cpu"}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (OPTIMIZER, "holds the state of an optimizer and no network: save model.state_dict()"),
        ({"optimizer": OPTIMIZER, "epoch": 3}, "holds no named tensors; a published checkpoint does"),
        ({}, "holds no named tensors; a published checkpoint does"),
        ({**STATE, "epoch\n": 3}, "has more than tensors among them (epoch\\n): save model.state_dict() alone"),
        (torch.ones(3), "holds no named tensors; a published checkpoint does"),
        ([STATE], "holds no named tensors; a published checkpoint does"),
        ({1: torch.ones(1)}, "holds no named tensors; a published checkpoint does"),
        ({"state_dict": {}}, "holds no named tensors; a published checkpoint does"),
        (
            {"model": STATE, "ema": STATE},
            "holds several networks (model, ema): save the state_dict() of the one to import",
        ),
        (
            {"a\n\x1b[1mb": {"c": STATE, "d": STATE}},
            "holds several networks (c, d): save the state_dict() of the one to import",
        ),
        (
            STATE | prefixed("module."),
            "has a.weight twice, with and without a prefix: save model.state_dict()",
        ),
    ],
)
def test_what_is_not_one_network_is_refused(tmp_path: Path, content: Any, line: str) -> None:
    assert refusal(save(tmp_path / "x.pth", content)) == line


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)


WHOLE = "holds a whole module saved by torch.save(model), which would execute code: save model.state_dict()"


@FORMATS
@pytest.mark.parametrize(
    "content", [nn.Linear(2, 2), nn.Sequential(nn.Conv2d(1, 1, 1)), Net(), nn.DataParallel(Net()), {"netG": Net()}]
)
def test_a_whole_module_is_named_with_the_way_out(tmp_path: Path, content: Any, zipped: bool) -> None:
    assert refusal(save(tmp_path / "x.pth", content, zipped=zipped)) == WHOLE


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_newer_pickle_protocols_are_named(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "x.pth"
    torch.save(Net(), path, pickle_protocol=protocol)
    assert refusal(path) == WHOLE
    torch.save(STATE, path, pickle_protocol=protocol)
    if protocol == 3:
        assert list(files.read_state(path)) == list(STATE)
    else:
        line = "was saved with a pickle protocol above 3, which torch does not read safely: save it with the default"
        assert refusal(path) == line


@FORMATS
def test_other_objects_are_named(tmp_path: Path, zipped: bool) -> None:
    path = save(tmp_path / "x.pth", {"state_dict": STATE, "best": np.float64(1)}, zipped=zipped)
    line = refusal(path)
    assert line.startswith("holds more than tensors (numpy.")
    assert line.endswith("core.multiarray.scalar), which would execute code: save model.state_dict()")


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@FORMATS
def test_pickles_that_would_run_code_are_refused(tmp_path: Path, zipped: bool) -> None:
    mark = tmp_path / "it ran"
    path = save(tmp_path / "netG.pth", {"x": torch.zeros(1), "y": Bomb(mark)}, zipped=zipped)
    assert "holds more than tensors (" in refusal(path)
    (tmp_path / "captions.pickle").write_bytes(pickle.dumps([[], [], {0: Bomb(mark)}, {}]))
    with pytest.raises(InputError, match="is not opened"):
        files.vocabulary(tmp_path / "captions.pickle")
    assert not mark.exists()


def zip_of(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # dated 1980, not now: pytest names tests after content
    return buffer.getvalue()


def tar_of(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("netG.pth")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


HEADER = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
WEB_PAGE = "is a web page, as a download that failed leaves it: get it again"
ARCHIVE = "is an archive: unpack it"
DOWNLOADS = [
    (b"<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title>", WEB_PAGE),
    (b"\xef\xbb\xbf\n  <html lang=en>", WEB_PAGE),
    (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', WEB_PAGE),
    (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "is a pointer of Git LFS and not the file itself: run `git lfs pull`",
    ),
    (gzip.compress(b"x" * 100, mtime=0), ARCHIVE),
    (tar_of(b"x" * 100), ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c" + bytes(50), ARCHIVE),
    (b"Rar!\x1a\x07\x00" + bytes(50), ARCHIVE),
    (
        struct.pack("<Q", len(HEADER)) + HEADER + bytes(4),
        "is a safetensors file: convert it with torch.save(safetensors.torch.load_file(...), ...)",
    ),
]


@pytest.mark.parametrize(("content", "line"), [*DOWNLOADS, (zip_of(a=b"1", b=b"2"), ARCHIVE)])
def test_downloads_of_something_else_are_named(tmp_path: Path, content: bytes, line: str) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    assert refusal(tmp_path / "x.pth") == line


@pytest.mark.parametrize(("content", "line"), DOWNLOADS)
def test_so_are_they_in_place_of_the_vocabulary(tmp_path: Path, content: bytes, line: str) -> None:
    (tmp_path / "captions.pickle").write_bytes(content)
    with pytest.raises(InputError) as caught:
        files.vocabulary(tmp_path / "captions.pickle")
    assert str(caught.value) == f"{tmp_path / 'captions.pickle'} {line}"


def test_torchscript_is_named(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated
        torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), tmp_path / "x.pth")
    line = "is a TorchScript archive, which would execute code: save model.state_dict()"
    assert refusal(tmp_path / "x.pth") == line


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "is no checkpoint, or a damaged one (EOFError): get it again"),
        (b"PK\x03\x04 torn", "is cut short or damaged, as a download that was interrupted leaves it: get it again"),
        (b"some text\n", "is no checkpoint, or a damaged one (IndexError): get it again"),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes, line: str) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    assert refusal(tmp_path / "x.pth") == line


@FORMATS
def test_a_download_that_was_cut_is_refused_wherever_it_ends(tmp_path: Path, zipped: bool) -> None:
    whole = save(tmp_path / "x.pth", STATE, zipped=zipped).read_bytes()
    for length in range(4, len(whole), max(1, len(whole) // 40)):
        (tmp_path / "x.pth").write_bytes(whole[:length])
        assert refusal(tmp_path / "x.pth").startswith("is cut short" if zipped else ("is no checkpoint", "holds more"))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    assert refusal(tmp_path / "x.pth") == "cannot be read (No such file or directory): put the file there"
    assert refusal(tmp_path) == "cannot be read (Is a directory): put the file there"
    with pytest.raises(InputError, match=r"cannot be read \(No such file or directory\): put the file there"):
        files.vocabulary(tmp_path / "captions.pickle")


@FORMATS
def test_any_damage_is_one_line(tmp_path: Path, zipped: bool) -> None:
    rng = random.Random(0)
    path = tmp_path / "x.pth"
    whole = save(path, {"netG": STATE, "optimizer": OPTIMIZER}, zipped=zipped).read_bytes()
    refusals = []
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(rng.randrange(1, 6)):
            damaged[rng.randrange(rng.choice([400, len(damaged)]))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            files.read_state(path)
        except InputError as error:
            refusals.append(str(error))
    assert len(refusals) > 50 and not any("\n" in line for line in refusals)
