"""Device and precision."""

import os
from typing import Literal

import torch

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


def choose_algorithms(*, deterministic: bool) -> None:
    """Choose between reproducible and fastest algorithms of a GPU, for the whole process; a processor has but one kind.

    Args:
        deterministic: the same bytes each time, on the same GPU with the same libraries; else cuDNN takes the
            algorithm that is fastest when it first meets a shape.
    """
    if not torch.cuda.is_available():
        return
    torch.backends.cudnn.benchmark = not deterministic
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first product is computed
        torch.use_deterministic_algorithms(True)
        # no result depends on uninitialised memory
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def loader_workers() -> int:
    """Processes that prepare batches while a step is computed: a processor would share its cores with them."""
    if not torch.cuda.is_available():
        return 0
    return max(1, min(4, (os.cpu_count() or 1) // max(1, torch.cuda.device_count()) - 1))
