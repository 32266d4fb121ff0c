"""Model files: written whole or not at all, the same content always the same bytes, read without executing anything."""

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

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
        InputError: the file is missing, cannot be read, is damaged, holds something other than ``kind``, or numbers
            that are not finite.
    """
    try:
        content = read(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such model file; `dvc repro` makes it") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: a folder, where a model file is needed") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:
        raise InputError(f"{path}: not a model file, or damaged; remove it and run `dvc repro`") from error
    found = content.get("kind") if isinstance(content, dict) else None
    if found is None:
        raise InputError(f"{path}: not a model file of this repository; `t2i import` reads published checkpoints")
    if found != kind:
        raise InputError(f"{path}: holds {found!r} where a {kind!r} model is needed")
    if (name := not_finite(content)) is not None:
        raise InputError(f"{path}: {name} has numbers that are NaN or infinite; get or train the model again")
    return dict(content)


@contextmanager
def building(path: Path) -> Iterator[None]:
    """Refuses a model file from whose content no network can be built, since parts are missing or sizes do not fit.

    Raises:
        InputError: another version made it, or it was changed.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
        raise InputError(
            f"{path}: its content does not fit this version ({reason}); train or import the model again"
        ) from error


def read(path: Path) -> Any:
    """What torch.save wrote, on the processor, if it can be read without executing anything.

    A file that is damaged or something else fails with any exception.
    """
    with warnings.catch_warnings():  # of TorchScript's archives, which are refused
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def not_finite(content: Mapping[str, Any]) -> str | None:
    """The first tensor in nested mappings that has numbers that are NaN or infinite: the keys that lead to it."""
    for key, value in content.items():
        if isinstance(value, Mapping) and (rest := not_finite(value)) is not None:
            return f"{key}.{rest}"
        if isinstance(value, Tensor) and value.is_floating_point() and not value.isfinite().all():
            return str(key)
    return None
