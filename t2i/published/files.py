"""The published files: named tensors and the vocabulary that gives them their meaning."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from t2i.checkpoints import model_file
from t2i.data.text.vocabulary import Vocabulary
from t2i.errors import InputError
from t2i.published.unreadable import why_not_loaded, wrong_kind
from t2i.sources.safe_pickle import load_pickle
from t2i.terminal import one_line

State = dict[str, Tensor]

_PREFIXES = ("module.", "_orig_mod.")


def vocabulary(path: Path) -> Vocabulary:
    """The vocabulary of a captions.pickle: (train captions, test captions, id -> word, word -> id).

    Raises:
        InputError: the file is something else, or would run code.
    """
    try:
        kind = wrong_kind(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): put the file there") from error
    if kind is not None:
        raise InputError(f"{path} {kind}")
    content = load_pickle(path)
    words = content[2] if isinstance(content, list | tuple) and len(content) == 4 else None
    if not isinstance(words, dict) or set(words) != set(range(len(words))) or not words:
        raise InputError(f"{path} holds no vocabulary of the published models; it must be their captions.pickle")
    try:
        return Vocabulary([str(words[i]) for i in range(len(words))])
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def read_state(path: Path) -> State:
    """The named tensors of a .pth file.

    A state may lie in other dictionaries, as in ``{"epoch": 600, "netG": {"state_dict": ...}}``, if it is the only one
    there or the key is "netG". Prefixes that DataParallel ("module.") and torch.compile ("_orig_mod.") put before the
    names are removed.

    Raises:
        InputError: the file is missing, damaged, holds no or several states, or would run code.
    """
    try:
        content = model_file.read(path)
    except Exception as error:  # a damaged file can fail in any way
        raise InputError(f"{path} {why_not_loaded(path, error)}") from error
    state = _network_state(path, content)
    names = [_bare(name) for name in state]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise InputError(f"{path} has {one_line(twice[0])} twice, with and without a prefix: save model.state_dict()")
    return dict(zip(names, state.values(), strict=True))


def _network_state(path: Path, content: Any) -> State:
    """The only mapping of names to tensors in nested mappings, or the one of "netG"."""
    if isinstance(content, Mapping) and "param_groups" in content:
        raise InputError(f"{path} holds the state of an optimizer and no network: save model.state_dict()")
    while not _is_state(content):
        inner = [key for key in content if _holds_state(content[key])] if isinstance(content, Mapping) else []
        if not inner:
            others = (
                [k for k, v in content.items() if not isinstance(v, Tensor)] if isinstance(content, Mapping) else []
            )
            if others and len(others) < len(content):
                names = one_line(", ".join(map(str, others[:3])))
                raise InputError(f"{path} has more than tensors among them ({names}): save model.state_dict() alone")
            raise InputError(f"{path} holds no named tensors; a published checkpoint does")
        if len(inner) > 1 and "netG" not in inner:
            keys = one_line(", ".join(map(str, inner)))
            raise InputError(f"{path} holds several networks ({keys}): save the state_dict() of the one to import")
        content = content["netG" if "netG" in inner else inner[0]]
    return dict(content)


def _is_state(content: Any) -> bool:
    """Whether it maps names to tensors, not all of them single numbers."""
    return (
        isinstance(content, Mapping)
        and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items())
        and any(value.ndim for value in content.values())
    )


def _holds_state(content: Any) -> bool:
    """Whether the state of a network is in there; that of an optimizer does not count."""
    if not isinstance(content, Mapping) or "param_groups" in content:
        return False
    return _is_state(content) or any(map(_holds_state, content.values()))


def _bare(name: str) -> str:
    while name.startswith(_PREFIXES):
        name = name.split(".", 1)[1]
    return name
