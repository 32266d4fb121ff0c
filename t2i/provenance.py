"""Where a model file comes from, and whether two files belong together."""

import ast
import hashlib
import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch

from t2i.errors import InputError

ROOT = Path(__file__).parents[1]


def origin(settings: Mapping[str, Any], inputs: Mapping[Path, str]) -> dict[str, Any]:
    """What a model file says of its making.

    Args:
        settings: all numbers that went into it.
        inputs: digests of all that it was made of, by where that lay in the repository.
    """
    return {
        "settings": dict(settings), "inputs": {path.as_posix(): digest for path, digest in inputs.items()},
        "code": code_digest(),
        "torch": torch.__version__.split("+")[0],
    }  # fmt: skip


def digest_of(described: Mapping[str, Any]) -> str:
    """One hexadecimal number for an origin: equal only if all of it is."""
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


@cache
def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_digest() -> str:
    """Of all files of this repository that the running program has imported.

    Comments, docstrings and layout do not count: whoever mends a comment keeps checkpoints and results.
    """
    files = [
        Path(file).resolve() for module in list(sys.modules.values()) if (file := getattr(module, "__file__", None))
    ]
    imported = {
        path.relative_to(ROOT) for path in files if any(path.is_relative_to(ROOT / part) for part in ("t2i", "stages"))
    }
    lines = [f"{path.as_posix()} {_meaning(path)}" for path in sorted(imported)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _meaning(path: Path) -> str:
    """Digest of a file's syntax tree without docstrings."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def check_made_of(path: Path, described: Mapping[str, Any] | None, inputs: Mapping[Path, str]) -> None:
    """Refuse a file that was made of something else than what lies here now.

    Args:
        path: of the file, for the message.
        described: its origin; None, as for an imported checkpoint: nothing is known.
        inputs: digests of what lies here, by where.

    Raises:
        InputError: they do not belong together.
    """
    known = (described or {}).get("inputs", {})
    for place, digest in inputs.items():
        then = known.get(place.as_posix(), digest)
        if then != digest:
            raise InputError(
                f"{path} was made with another {place} ({then[:12]}) than the one that lies here ({digest[:12]}); "
                "`dvc repro` or `dvc checkout` brings all pieces in line"
            )
