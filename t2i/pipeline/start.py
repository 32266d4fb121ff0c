"""Model files that trainings go on from, as ``start_from`` of params.yaml names them: found, read, and compared."""

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2i.checkpoints import model_file
from t2i.errors import InputError
from t2i.pipeline.run import DAMSM, DISCRIMINATORS, GAN, SNAPSHOTS, repository

TEXT = Path("start_from.damsm/text")
"""Among the inputs of encoders that started from others: the digest of the weights of that text encoder."""


@dataclass(frozen=True)
class Start:
    """What a training goes on from.

    Attributes:
        contents: of the model files, by kind.
        inputs: their digests, for the provenance of the training.
    """

    contents: dict[str, dict[str, Any]]
    inputs: dict[Path, str]


@dataclass(frozen=True)
class Value:
    """A size or choice that a model file was made with, and what is configured, under its key in params.yaml."""

    key: str
    of_file: Any
    configured: Any


def compare(name: str, given: str, values: list[Value], otherwise: str = "") -> None:
    """Refuse a file that was made with other values than those configured.

    Args:
        otherwise: another way out.

    Raises:
        InputError: names them, and the arguments of ``dvc exp run`` that fit.
    """
    others = [value for value in values if value.of_file != value.configured]
    if others:
        differences = [f"{v.key.split('.')[-1]} {_yaml(v.of_file)} (not {_yaml(v.configured)})" for v in others]
        changes = [f"-S {shlex.quote(f'{v.key}={_yaml(v.of_file)}')}" for v in others]
        what, remedy = ", ".join(differences), " ".join(changes)
        raise InputError(f"start_from.{name}: {given} has {what}; use {remedy}{otherwise}")


def _yaml(value: Any) -> str:
    """As `dvc exp run -S` takes it: no quotes around the names and texts of a mapping or list."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_yaml(entry)}' for name, entry in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def load(name: str, given: str) -> tuple[Path, dict[str, Any]]:
    """Path and content of the model file that ``start_from.<name>`` gives."""
    root = repository()
    path = root / Path(given).expanduser()
    place = Path(os.path.abspath(path))
    outputs = [Path(os.path.abspath(root / output)) for output in (DAMSM, GAN, DISCRIMINATORS, SNAPSHOTS)]
    if any(place.is_relative_to(output) for output in outputs):
        raise InputError(
            f"start_from.{name}: {given} is what the run itself makes, and DVC removes it first: copy it to another "
            "folder (for `t2i import`: --out) and give its path there"
        )
    if not path.exists():
        raise InputError(
            f"start_from.{name}: there is no {place}; legal are an absolute path and one from the root of the "
            "repository"
        )
    return path, read(name, path, name)


def read(name: str, path: Path, kind: str) -> dict[str, Any]:
    """Content of a model file that belongs to what ``start_from.<name>`` gives."""
    try:
        return model_file.load(path, kind)
    except InputError as error:
        raise InputError(f"start_from.{name}: {error}") from error
