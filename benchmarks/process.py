"""Measurements in a process of their own, so that memory and warm-up are theirs alone."""

import json
import subprocess
import sys

Measurement = dict[str, float]


def run_module(module: str, *arguments: str) -> Measurement:
    """Run a module in a new process; returns the JSON in its last line. If it fails, ends with its message."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip() or f"exit code {done.returncode}, perhaps for lack of memory"
        sys.exit(f"{module} {' '.join(arguments)}: {reason}")
    result: Measurement = json.loads(done.stdout.splitlines()[-1])
    return result
