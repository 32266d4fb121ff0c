"""Precision follows the device, and bf16 computes the same pictures."""

import platform
import subprocess
import sys

import pytest
import torch

from t2i import runtime
from t2i.errors import InputError
from tests.models.test_generator import inputs, make


def test_auto_is_bf16_exactly_where_it_is_native(monkeypatch: pytest.MonkeyPatch) -> None:
    for native, expected in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(runtime, "native_bf16", lambda native=native: native)
        assert runtime.resolve("auto") == expected
        assert runtime.resolve("fp32") == "fp32" and runtime.resolve("bf16") == "bf16"


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks the processor")
@pytest.mark.parametrize(("feature", "native"), [("amx_bf16", True), ("avx512_bf16", True), ("avx2", False)])
def test_processors_with_bf16_units_are_recognised(monkeypatch: pytest.MonkeyPatch, feature: str, native: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, feature: True})
    assert runtime.native_bf16() is native


def test_bf16_pictures_are_those_of_float32_to_its_precision() -> None:
    generator = make().to(memory_format=torch.channels_last)
    with torch.inference_mode():
        exact = generator(*inputs([4, 2]))
        with runtime.autocast("bf16"):
            rough = generator(*inputs([4, 2]))
    for a, b in zip(exact.images, rough.images, strict=True):
        assert (a - b.float()).abs().mean() < 0.01 and not torch.equal(a, b.float())


def test_compiling_without_a_compiler_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr(runtime, "device", lambda: torch.device("cpu"))
    with pytest.raises(InputError, match="needs a C.. compiler, but there is no no-such-compiler; install one or set"):
        runtime.compile_each(make())


HELD = """
import sys, torch
from t2i import runtime
def held():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) // 1024
runtime.keep_freed_memory(sys.argv[1] == "keep")
before = held()
tensor = torch.ones(2**24)
del tensor
print(held() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks glibc")
@pytest.mark.parametrize(("what", "least", "most"), [("keep", 60, 80), ("return", -10, 10)])
def test_freed_memory_is_kept_or_returned(what: str, least: int, most: int) -> None:
    done = subprocess.run([sys.executable, "-c", HELD, what], capture_output=True, text=True, check=True)
    assert least <= int(done.stdout) <= most  # MiB of a tensor of 64
