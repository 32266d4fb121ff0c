"""Precision follows the device, and bf16 computes the same pictures."""

import pytest
import torch

from t2i.runtime import device
from t2i.runtime.device import (
    autocast,
    choose_algorithms,
    has_native_bf16,
    loader_workers,
    resolve_precision,
)
from tests.helpers import generator_inputs, make_generator


def test_auto_is_bf16_exactly_where_it_is_native(monkeypatch: pytest.MonkeyPatch) -> None:
    for native, expected in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(device, "has_native_bf16", lambda native=native: native)
        assert resolve_precision("auto") == expected
        assert resolve_precision("fp32") == "fp32" and resolve_precision("bf16") == "bf16"


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks the processor")
@pytest.mark.parametrize(("feature", "native"), [("amx_bf16", True), ("avx512_bf16", True), ("avx2", False)])
def test_processors_with_bf16_units_are_recognised(monkeypatch: pytest.MonkeyPatch, feature: str, native: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, feature: True})
    assert has_native_bf16() is native


def test_bf16_pictures_are_those_of_float32_to_its_precision() -> None:
    generator = make_generator().to(memory_format=torch.channels_last)
    with torch.inference_mode():
        exact = generator(*generator_inputs([4, 2]))
        with autocast("bf16"):
            rough = generator(*generator_inputs([4, 2]))
    for a, b in zip(exact.images, rough.images, strict=True):
        assert (a - b.float()).abs().mean() < 0.01 and not torch.equal(a, b.float())


@pytest.mark.parametrize(("gpus", "cores", "workers"), [(0, 64, 0), (1, 2, 1), (1, 64, 4), (8, 16, 1)])
def test_batches_are_prepared_aside_for_gpus_alone(
    monkeypatch: pytest.MonkeyPatch, gpus: int, cores: int, workers: int
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert loader_workers() == workers


@pytest.mark.parametrize("deterministic", [False, True])
def test_algorithms_of_a_gpu_repeat_or_are_the_fastest(monkeypatch: pytest.MonkeyPatch, deterministic: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", deterministic)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    try:
        choose_algorithms(deterministic=deterministic)
        assert torch.are_deterministic_algorithms_enabled() is deterministic
        assert torch.backends.cudnn.benchmark is not deterministic
    finally:
        torch.use_deterministic_algorithms(False)
