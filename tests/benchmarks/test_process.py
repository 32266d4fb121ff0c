"""Measurements in a process of their own."""

import subprocess

import pytest

from benchmarks.process import run_module


@pytest.mark.parametrize(
    ("code", "printed", "reason"),
    [
        (-9, "", "exit code -9, perhaps for lack of memory"),
        (1, "sample: no such budget\n", "sample: no such budget"),
    ],
)
def test_a_process_that_fails_ends_the_benchmark_with_the_reason(
    code: int, printed: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], code, "", printed))
    with pytest.raises(SystemExit) as caught:
        run_module("benchmarks.sample", "--images", "4")
    assert caught.value.code == f"benchmarks.sample --images 4: {reason}"


def test_the_last_line_is_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    done = subprocess.CompletedProcess([], 0, 'packing\n{"seconds": 0.5}\n', "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert run_module("benchmarks.sample") == {"seconds": 0.5}
