"""Where and how precisely networks are computed."""

import ctypes
import os
import shutil
import sys
from typing import Literal

import torch
from torch import nn

from t2i.errors import InputError

Precision = Literal["auto", "fp32", "bf16"]


def device() -> torch.device:
    """The GPU if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def native_bf16() -> bool:
    """Whether bf16 arithmetic is built into the device, and so faster than float32 rather than emulated."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))


def resolve(precision: Precision) -> Literal["fp32", "bf16"]:
    """What ``runtime.precision`` means on this machine."""
    if precision == "auto":
        return "bf16" if native_bf16() else "fp32"
    return precision


def autocast(precision: Precision) -> torch.autocast:
    """A context in which convolutions and products are computed in the wanted precision; weights stay float32."""
    return torch.autocast(device().type, dtype=torch.bfloat16, enabled=resolve(precision) == "bf16")


def compile_each(*modules: nn.Module) -> None:
    """Let torch write code of their own for modules, when they are first called; in place.

    Raises:
        InputError: that takes a C++ compiler, and there is none.
    """
    compiler = os.environ.get("CXX", "g++")
    if device().type == "cpu" and shutil.which(compiler) is None:
        raise InputError(
            f"runtime.compile needs a C++ compiler, but there is no {compiler}; install one or set it false"
        )
    for module in modules:
        module.compile(dynamic=False)


# Numbers of glibc's malloc.h, and what an int holds
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MOST = 2**31 - 1


def keep_freed_memory(keep: bool) -> None:
    """Whether the C library keeps the memory of freed tensors for the next ones, or returns it to the system at once.

    By default it returns blocks of 32 MiB and more, and a step at the sizes of the paper then spends much of its time
    on being given zeroed pages again. Kept, they cost some memory, since blocks of another size leave gaps. It holds
    for the whole process, on Linux with glibc; elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        most_kept = _MOST if keep else 2**17
        mallopt(_MMAP_THRESHOLD, most_kept)  # larger blocks come from the system and go back to it
        mallopt(_TRIM_THRESHOLD, most_kept)  # so does what is free at the end of the heap beyond this
