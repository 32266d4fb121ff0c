"""Device, precision and compilation."""

import os
import shutil
from typing import Literal

import torch
from torch import nn

from t2i.errors import InputError

Precision = Literal["auto", "fp32", "bf16"]


def current_device() -> torch.device:
    """The GPU if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_native_bf16() -> bool:
    """Whether bf16 arithmetic is built into the device, and so faster than float32 rather than emulated."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    features = torch.cpu.get_capabilities()
    return bool(features.get("amx_bf16") or features.get("avx512_bf16"))


def resolve_precision(precision: Precision) -> Literal["fp32", "bf16"]:
    """What ``runtime.precision`` means on this machine."""
    if precision == "auto":
        return "bf16" if has_native_bf16() else "fp32"
    return precision


def autocast(precision: Precision) -> torch.autocast:
    """A context in which convolutions and products are computed in the wanted precision; weights stay float32."""
    return torch.autocast(current_device().type, dtype=torch.bfloat16, enabled=resolve_precision(precision) == "bf16")


def compile_modules(*modules: nn.Module) -> None:
    """torch.compile each module in place; it compiles when first called.

    Raises:
        InputError: there is no C++ compiler.
    """
    compiler = os.environ.get("CXX", "g++")
    if current_device().type == "cpu" and shutil.which(compiler) is None:
        raise InputError(
            f"runtime.compile needs a C++ compiler, but there is no {compiler}; install one or set it false"
        )
    for module in modules:
        module.compile(dynamic=False)
