"""Precision follows the device, and bf16 computes the same pictures."""

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
