"""What the commands of ``t2i`` share: how they end, warn, and write files."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

from t2i.errors import InputError
from t2i.terminal import one_line

PATH = click.Path(path_type=Path)


class _Mistake(click.ClickException):
    """One line on the terminal, exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"t2i: {one_line(self.format_message())}", file, err=file is None)


class _Warnings(logging.Handler):
    """What the package warns of, as one line like those of its commands."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


class Commands(click.Group):
    """Commands in the order of their definition, whose :class:`InputError` ends in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        logging.getLogger("t2i").handlers[:] = [_Warnings()]
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise _Mistake(str(error)) from error
        except KeyboardInterrupt:
            ctx.exit(130)

    def list_commands(self, _: click.Context) -> list[str]:
        return list(self.commands)


@contextlib.contextmanager
def writing(option: str, *files: Path) -> Iterator[None]:
    """Says in one line that files cannot be written: those given here before the work, others when they are written."""
    from t2i.files import check_writable

    try:
        check_writable(*files)
        yield
    except OSError as error:
        what = "" if error.filename is None else f"{error.filename} "
        raise InputError(f"{what}cannot be written ({error.strerror}); choose another place ({option})") from error


def warn(line: str) -> None:
    click.echo(f"t2i: {one_line(line)}", err=True)


def use_passive_threads() -> None:
    """Set OMP_WAIT_POLICY=passive unless it is set: threads that wait for others sleep instead of spin.

    An image is many short loops. Beside other programs, a spinning thread takes the processor from the one it waits
    for, and an image takes many times as long. OpenMP reads the variable when PyTorch is imported.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
