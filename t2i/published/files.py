"""The published files: named tensors and the vocabulary that gives them their meaning."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.sources.safe_pickle import load_pickle

State = dict[str, Tensor]


def vocabulary(path: Path) -> Vocabulary:
    """The vocabulary of a captions.pickle: (train captions, test captions, id -> word, word -> id).

    Raises:
        InputError: the file is something else, or would run code.
    """
    content = load_pickle(path)
    words = content[2] if isinstance(content, list | tuple) and len(content) == 4 else None
    if not isinstance(words, dict) or set(words) != set(range(len(words))) or not words:
        raise InputError(f"{path} holds no vocabulary of the published models; it must be their captions.pickle")
    try:
        return Vocabulary([str(words[i]) for i in range(len(words))])
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def read_state(path: Path) -> State:
    """The named tensors of a .pth file; a wrapping key "netG" or "state_dict" and prefixes "module." are removed.

    Raises:
        InputError: the file is missing, damaged, holds no tensors, or would run code.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): put the file there") from error
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0][:160]
        raise InputError(
            f"{path} holds more than tensors and is not opened ({reason}): get it from its publisher"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is no checkpoint, or a damaged one ({type(error).__name__}): get it again") from error
    for key in ("netG", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise InputError(f"{path} holds no named tensors; a published checkpoint does")
    return {name.removeprefix("module."): value for name, value in content.items()}
