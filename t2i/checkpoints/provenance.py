"""Provenance of model files: what they were made from, and whether two files belong together."""

import ast
import hashlib
import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from t2i.errors import InputError

ROOT = Path(__file__).parents[2]


def provenance(settings: Mapping[str, Any], inputs: Mapping[Path, str]) -> dict[str, Any]:
    """Record of how a file was made.

    Args:
        settings: all parameters that it depends on; JSON types.
        inputs: digests of the files it was made from, by their path in the repository.
    """
    return {
        "settings": dict(settings), "inputs": {path.as_posix(): digest for path, digest in inputs.items()},
        "code": code_digest(),
        "torch": torch.__version__.split("+")[0],
    }  # fmt: skip


def digest_of(record: Mapping[str, Any]) -> str:
    """SHA-256 of a provenance record, hexadecimal."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; computed once for as long as the file stays the same."""
    status = path.stat()
    return _file_digest(path.absolute(), status.st_ino, status.st_size, status.st_mtime_ns)


@cache
def _file_digest(path: Path, *_: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of named tensors, hexadecimal; the same for the same numbers, whatever file they are in."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def data_digest(record: Mapping[str, Any] | None) -> str | None:
    """Digest of the packed data that a model was trained on; None if that is unknown, as for imported models."""
    digest = (record or {}).get("inputs", {}).get("prepared")
    return None if digest is None else str(digest)


def code_digest() -> str:
    """Digest of all files of this repository that the running program has imported.

    Comments, docstrings and layout do not count: after a change of these alone, unfinished checkpoints are still used
    and the bytes of model files stay the same (DVC, which hashes files, runs the stage again all the same).
    """
    files = [
        Path(file).resolve() for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))
    ]
    imported = {
        path.relative_to(ROOT) for path in files if any(path.is_relative_to(ROOT / part) for part in ("t2i", "stages"))
    }
    lines = [f"{path.as_posix()} {_ast_digest(path)}" for path in sorted(imported)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _ast_digest(path: Path) -> str:
    """Digest of a file's syntax tree without docstrings."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def check_inputs(path: Path, record: Mapping[str, Any] | None, inputs: Mapping[Path, str]) -> None:
    """Check that a file was made from the inputs that are here now.

    Args:
        path: of the file, for the message.
        record: its provenance; None, as for an imported checkpoint: unknown.
        inputs: digests of the current files, by path.

    Raises:
        InputError: one of them differs.
    """
    known = (record or {}).get("inputs", {})
    for input_path, digest in inputs.items():
        recorded = known.get(input_path.as_posix(), digest)
        if recorded != digest:
            raise InputError(
                f"{path} was made with another {input_path} ({recorded[:12]}) than the one here ({digest[:12]}); "
                "run `dvc repro` or `dvc checkout` to get files that belong together"
            )
