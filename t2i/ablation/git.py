"""What git knows of the repository."""

import subprocess

from t2i.errors import InputError


def git(*arguments: str) -> str:
    """What ``git`` prints; nothing if it fails.

    Raises:
        InputError: it is not installed.
    """
    try:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, encoding="utf-8").stdout
    except FileNotFoundError:
        raise InputError("git is not installed, or not on the PATH: experiments are read from it") from None
