"""Memory of freed tensors."""

import platform
import subprocess
import sys

import pytest

HELD = """
import sys, torch
from t2i.runtime.memory import keep_freed_memory
def held():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) // 1024
keep_freed_memory(sys.argv[1] == "keep")
before = held()
tensor = torch.ones(2**24)
del tensor
print(held() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks glibc")
@pytest.mark.parametrize(("what", "least", "most"), [("keep", 60, 80), ("return", -10, 10)])
def test_freed_memory_is_kept_or_returned(what: str, least: int, most: int) -> None:
    done = subprocess.run([sys.executable, "-c", HELD, what], capture_output=True, text=True, check=True)
    assert least <= int(done.stdout) <= most  # MiB of a tensor of 64
