"""What model files say of their making."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from t2i.checkpoints.provenance import (
    check_inputs,
    code_digest,
    data_digest,
    digest_of,
    file_digest,
    provenance,
    weights_digest,
)
from t2i.errors import InputError
from tests.conftest import ROOT


def test_an_origin_names_settings_inputs_code_and_torch() -> None:
    described = provenance({"steps": 3}, {Path("models") / "x.pt": "abc"})
    assert described["settings"] == {"steps": 3} and described["inputs"] == {"models/x.pt": "abc"}
    assert len(described["code"]) == 64 and described["torch"][0].isdigit()
    other = provenance({"steps": 4}, {Path("models") / "x.pt": "abc"})
    assert digest_of(described) == digest_of(dict(reversed(described.items()))) != digest_of(other)


def test_pieces_that_do_not_belong_together_are_refused() -> None:
    described = provenance({}, {Path("prepared"): "a" * 64})
    check_inputs(Path("gan.pt"), described, {Path("prepared"): "a" * 64, Path("else"): "c"})
    check_inputs(Path("gan.pt"), None, {Path("prepared"): "b" * 64})
    with pytest.raises(
        InputError, match=r"gan.pt was made with another prepared \(aaaaaaaaaaaa\) than the one .*\(bbbb"
    ):
        check_inputs(Path("gan.pt"), described, {Path("prepared"): "b" * 64})


def test_digest_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert file_digest(tmp_path / "x").startswith("ba7816bf8f01cfea414140de5dae2223")


def test_a_digest_is_that_of_the_file_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = []
    for folder, content in (("a", b"abc"), ("b", b"abd"), ("b", b"abcd")):
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        Path("x").write_bytes(content)
        digests.append(file_digest(Path("x")))
    assert len(set(digests)) == 3


def digest_in(folder: Path) -> str:
    command = "import t2i.thing, t2i.checkpoints.provenance; print(t2i.checkpoints.provenance.code_digest())"
    return subprocess.run(
        [sys.executable, "-c", command], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.slow
def test_the_code_counts_and_comments_do_not(tmp_path: Path) -> None:
    package = tmp_path / "t2i"
    (package / "checkpoints").mkdir(parents=True)
    for name in ("checkpoints/provenance.py", "checkpoints/__init__.py", "errors.py", "__init__.py"):
        (package / name).write_text((ROOT / "t2i" / name).read_text())
    (package / "unused.py").write_text("x = 1\n")
    digests = []
    for text in (
        'def f(x):\n    """Say."""\n    return x + 1\n',
        '"""New."""\n# why\ndef f(x):\n    """Say it better."""\n    return (x + 1)  # because\n',
        'def f(x):\n    return x + 2\n',
    ):  # fmt: skip
        (package / "thing.py").write_text(text)
        digests.append(digest_in(tmp_path))
    (package / "unused.py").write_text("x = 2\n")
    assert digests[0] == digests[1] != digests[2] == digest_in(tmp_path)
    assert code_digest() == code_digest()


@pytest.mark.parametrize("record", [None, {}, {"inputs": {}}, {"inputs": {"netG.pth": "12"}}])
def test_the_data_of_other_models_are_unknown(record: dict[str, Any] | None) -> None:
    assert data_digest(record) is None


def test_the_data_of_a_model_are_those_of_its_record() -> None:
    assert data_digest(provenance({}, {Path("prepared"): "12", Path("models/damsm.pt"): "34"})) == "12"


def test_weights_have_the_digest_of_their_numbers_names_and_shapes() -> None:
    state = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7)}
    laid_out_otherwise = {"b": torch.tensor(7), "a": torch.arange(6.0).reshape(2, 3).T.contiguous().T}
    assert weights_digest(state) == weights_digest(laid_out_otherwise)
    others = [{**state, "b": torch.tensor(8)}, {**state, "a": state["a"].reshape(3, 2)}, {"c": state["a"], **state}]
    others += [{**state, "a": state["a"].double()}, {"a": state["a"]}]
    assert len({weights_digest(other) for other in [state, *others]}) == 6
