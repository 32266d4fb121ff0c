"""Text on terminals that lack its characters."""

import os
import subprocess
import sys

import pytest

from t2i.terminal import escape_unencodable, one_line
from tests.conftest import ROOT

NAMES = "grün 鳥 \udcff \U0001f426"
CODE = f"""
import logging, sys
from tqdm import tqdm
from t2i.terminal import escape_unencodable
escape_unencodable()
logging.warning("log %s", {NAMES!a})
print("print", {NAMES!a})
for _ in tqdm([1], desc={NAMES!a}): pass
import click
click.echo({NAMES!a})
sys.exit("exit " + {NAMES!a})
"""
ENVIRONMENTS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "ascii, strict": {"PYTHONIOENCODING": "ascii:strict"},
    "C": {"LC_ALL": "C"},
    "C without UTF-8": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "utf-8": {"PYTHONIOENCODING": "utf-8"},
}


@pytest.mark.parametrize("case", ENVIRONMENTS)
def test_nothing_that_is_printed_fails(case: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | ENVIRONMENTS[case]
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, encoding="utf-8", errors="replace"
    )
    assert done.returncode == 1 and "Error" not in done.stderr and "Traceback" not in done.stderr
    assert "log gr" in done.stderr and "exit gr" in done.stderr and "print gr" in done.stdout
    if case.startswith("ascii"):
        assert r"print gr\xfcn \u9ce5 \udcff \U0001f426" in done.stdout
        assert r"exit gr\xfcn \u9ce5 \udcff \U0001f426" in done.stderr


def test_streams_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sink:
        def write(self, _: str) -> None: ...

    monkeypatch.setattr(sys, "stdout", Sink())
    monkeypatch.setattr(sys, "stderr", None)
    escape_unencodable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("grün 鳥 🐦", "grün 鳥 🐦"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("a\u2028b\x85", r"a\u2028b\x85"),
        ("\x1b[31m\0\x07", r"\x1b[31m\x00\x07"),
        ("\udcff", r"\udcff"),
        ("a\u202fb", r"a\u202fb"),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    assert one_line(text) == shown
