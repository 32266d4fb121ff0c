"""Text on a terminal, whatever characters its encoding has."""

import io
import sys


def escape_unencodable() -> None:
    """From now on, what the terminal's encoding lacks is printed as escapes such as ``\\xfc``; else printing fails."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def one_line(text: str) -> str:
    """Text with escapes for all that is no visible character or plain space: line breaks, control codes, half pairs."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
