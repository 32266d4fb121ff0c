"""Model files: written whole or not at all, the same content always the same bytes, read without executing anything."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from t2i.errors import InputError
from t2i.files import replacing


def save(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write a model file.

    Args:
        path: replaced at once when everything is written.
        kind: what the file holds, e.g. "damsm"; :func:`load` asks for it.
        content: tensors, numbers, strings, lists and dicts.
    """
    buffer = io.BytesIO()  # torch.save puts the name of a file into its bytes
    torch.save({"kind": kind, **content}, buffer)
    with replacing(path) as part:
        part.write_bytes(buffer.getbuffer())


def load(path: Path, kind: str) -> dict[str, Any]:
    """Read a model file on the processor.

    Raises:
        InputError: the file is missing, damaged, or holds something other than ``kind``.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such model file; `dvc repro` makes it") from error
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a model file, or damaged; remove it and run `dvc repro`") from error
    if not isinstance(content, dict) or content.get("kind") != kind:
        found = content.get("kind") if isinstance(content, dict) else type(content).__name__
        raise InputError(f"{path}: holds {found!r} where a {kind!r} model is needed")
    return content
