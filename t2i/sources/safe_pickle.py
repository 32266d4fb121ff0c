"""Read the pickles that come with data sets without executing code.

A pickle is a program: it names functions and calls them. This unpickler knows only the few names that lists of plain
values and numpy arrays need, and maps each of them to a checked function of this file. Numpy is supported because lists
of names that people split anew are often saved as arrays.
"""

import io
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from t2i.errors import InputError

_PLAIN_KINDS = "biufcSU"  # numpy kinds: booleans, numbers, strings; neither Python objects nor fields


def load_pickle(path: Path) -> Any:
    """Read a pickle of lists, tuples, dicts, strings, numbers, and numpy arrays and scalars of them.

    Byte strings of Python 2 become text as Latin-1.

    Args:
        path: a file of any pickle protocol, written by Python 2 or 3, numpy 1 or 2.

    Raises:
        InputError: the file is missing or damaged, or refers to anything else.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): put the file there") from error
    try:
        return _Unpickler(io.BytesIO(content), encoding="latin1").load()
    except _RefusedError as error:
        message = f"{path} wants {error}, which no list of names needs, and is not opened: get it from its publisher"
        raise InputError(message) from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise InputError(f"{path} is no pickle, or a damaged one ({type(error).__name__}): get it again") from error


class _RefusedError(Exception):
    """The pickle refers to a function or type that is not allowed."""


def _dtype(text: str, *_: object) -> np.dtype:
    dtype = np.dtype(str(text), copy=True)
    if dtype.kind not in _PLAIN_KINDS:
        raise _RefusedError(f"a numpy array of type {str(text)!r}")
    return dtype


def _array(*_: object) -> np.ndarray:
    return np.empty(0, np.int8)  # its content comes with the BUILD opcode


def _scalar(dtype: np.dtype, content: bytes | str) -> Any:
    return np.frombuffer(_bytes(content), _checked(dtype), count=1)[0]


def _from_buffer(content: bytes, dtype: np.dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    array = np.frombuffer(bytes(content), _checked(dtype))
    return array.reshape(shape, order="F" if order == "F" else "C").copy(order="K")


def _encode(text: str, *_: object) -> bytes:
    return _bytes(text)


def _bytes(content: bytes | str) -> bytes:
    return content.encode("latin1") if isinstance(content, str) else bytes(memoryview(content))


def _checked(dtype: object) -> np.dtype:
    if not isinstance(dtype, np.dtype):
        raise ValueError(f"expected a dtype, got {type(dtype).__name__}")
    return dtype


_ALLOWED: dict[tuple[str, str], Callable[..., Any] | str] = {
    ("numpy", "ndarray"): "ndarray",  # an argument of _reconstruct, never called
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
}
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and 2
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _array
    _ALLOWED[f"{_core}.multiarray", "scalar"] = _scalar
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = _from_buffer


class _Unpickler(pickle._Unpickler):
    """CPython's unpickler written in Python: only there can BUILD, which sets the state of an object, be checked."""

    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise _RefusedError(repr(f"{module}.{name}"[:100]))
        return _ALLOWED[module, name]

    def load_build(self) -> None:
        state = self.stack.pop()  # type: ignore[attr-defined]
        target = self.stack[-1]  # type: ignore[attr-defined]
        if isinstance(target, np.dtype):
            # Only the byte order may differ: any other state would reinterpret the bytes of an array.
            plain = target.__reduce__()[2]  # type: ignore[index]
            if not isinstance(state, tuple) or len(state) != len(plain) or state[2:] != plain[2:]:
                raise _RefusedError("an unusual numpy type")
            target.__setstate__((plain[0], state[1], *plain[2:]))  # type: ignore[attr-defined]
        elif isinstance(target, np.ndarray):
            _, shape, dtype, is_fortran, content = state
            content = _bytes(content)
            if min(shape, default=0) < 0 or math.prod(shape) * _checked(dtype).itemsize != len(content):
                raise ValueError(f"{len(content)} bytes for an array of shape {shape}")
            target.__setstate__((1, shape, dtype, bool(is_fortran), content))  # type: ignore[arg-type]
        else:
            raise _RefusedError(f"to set the state of a {type(target).__name__}")

    dispatch[pickle.BUILD[0]] = load_build
