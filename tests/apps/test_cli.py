"""The command as a whole: help, version, exit codes, and what it imports."""

import logging
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from t2i.apps.cli import cli
from t2i.errors import InputError
from t2i.published.importer import PublishedFiles
from tests.apps.conftest import Command
from tests.conftest import ROOT

COMMANDS = ["check", "generate", "demo", "report", "ablation", "runs", "import"]


def run(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """A process of its own, as users start it."""
    command = [sys.executable, *(["-c", code] if code else ["-m", "t2i"]), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_help_lists_the_commands_in_order(t2i: Command) -> None:
    result = t2i("--help")
    lines = result.output.partition("Commands:")[2].splitlines()
    assert result.exit_code == 0 and [line.split()[0] for line in lines if line.strip()] == COMMANDS
    assert list(cli.commands) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_an_example_that_parses(t2i: Command, command: str) -> None:
    result = t2i(command, "--help")
    assert result.exit_code == 0
    example = shlex.split(result.output.partition("Example: ")[2])
    assert example[:2] == ["t2i", command]
    cli.commands[command].make_context(command, example[2:])  # raises an error if the arguments are wrong


def test_version(t2i: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    result = t2i("--version")
    assert result.exit_code == 0 and result.output.startswith("t2i 0.")
    from importlib import metadata

    def missing(_: str) -> str:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "version", missing)
    assert t2i("--version").output == "t2i (not installed, run from its folder)\n"


def test_mistakes_are_one_line_without_a_stack_trace() -> None:
    mistake = run("generate", "a bird", "-m", "nowhere.pt")
    assert (mistake.returncode, mistake.stdout) == (1, "")
    assert mistake.stderr == "t2i: nowhere.pt: no such model file; `dvc repro` makes it\n"
    usage = run("generate", "--number", "0", "a bird")
    line = "Error: Invalid value for '-n' / '--number': 0 is not in the range 1<=x<=1000."
    assert usage.returncode == 2 and usage.stderr.splitlines()[-1] == line and "Traceback" not in usage.stderr


def test_import_takes_any_part_and_says_in_one_line_what_is_missing(
    t2i: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = t2i("import", "--generator", "g.pth", "--out", tmp_path / "models")
    line = "t2i: gan.pt holds the text encoder beside the generator: add --text-encoder and --captions\n"
    assert (result.exit_code, result.stderr) == (1, line)
    assert t2i("import", "--model", "stackgan").exit_code == 2
    taken: list[object] = []

    def imported(*given: object) -> str:
        taken.extend(given)
        return "written"

    monkeypatch.setattr("t2i.published.importer.import_checkpoints", imported)
    several = ("--discriminator", "netD0.pth", "--discriminator", "netD1.pth")
    assert t2i("import", *several, "--model", "dmgan", "--out", tmp_path).output == "written\n"
    discriminators = (Path("netD0.pth"), Path("netD1.pth"))
    assert taken == [PublishedFiles(discriminators=discriminators), tmp_path, "dmgan"]


@pytest.mark.parametrize(("error", "code"), [(InputError("x"), 1), (KeyboardInterrupt(), 130)])
def test_exit_codes(
    t2i: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, tmp_path: Path
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("t2i.apps.report.write_report", fail)
    result = t2i("report", "-o", tmp_path / "r.html")
    assert result.exit_code == code and result.stderr == ("t2i: x\n" if code == 1 else "")


def test_warnings_are_one_line_that_says_where_they_are_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def warns(*_: object) -> None:
        logging.getLogger("t2i.figures.fonts").warning("no font has %s: drawn as boxes", "x")

    monkeypatch.setattr("t2i.apps.report.write_report", warns)
    for _ in range(2):  # once, however often there is a command
        result = CliRunner().invoke(cli, ["report", "-o", str(tmp_path / "r.html")])
        assert (result.exit_code, result.stderr) == (0, "t2i: no font has x: drawn as boxes\n")


def test_other_errors_are_defects_and_keep_their_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("t2i.apps.report.write_report", fail)
    with pytest.raises(ZeroDivisionError):
        CliRunner().invoke(cli, ["report"], catch_exceptions=False)


IMPORTS = """
import sys
from t2i.apps.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*sorted({"torch", "nltk", "scipy", "pandas", "matplotlib", "dvc"} & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", ["--help", "generate --help", "generate", "generate red -o x.gif"])
def test_nothing_slow_is_imported_before_there_is_work(arguments: str) -> None:
    assert run(*arguments.split(), code=IMPORTS).stderr.splitlines()[-1] == ""


def test_one_image_needs_little_more_than_torch(gan: Path, tmp_path: Path) -> None:
    done = run("generate", "the top is red", "-m", str(gan), "-o", str(tmp_path / "x.png"), code=IMPORTS)
    assert done.stderr == "torch\n" and (tmp_path / "x.png").exists()


@pytest.mark.parametrize("arguments", [("check", "--no-trial"), ("generate", "a bird"), ("demo",)], ids=lambda a: a[0])
@pytest.mark.parametrize("chosen", [None, "active"])
def test_threads_sleep_while_they_wait_unless_the_user_chose(
    t2i: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...], chosen: str | None
) -> None:
    for name in ("OMP_WAIT_POLICY", "TQDM_DISABLE"):
        monkeypatch.setenv(name, chosen or "")  # so that it is restored
    if chosen is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
        monkeypatch.delenv("TQDM_DISABLE")
    monkeypatch.chdir(tmp_path)  # each ends at the first missing file
    assert t2i(*arguments).exit_code == 1
    assert os.environ["OMP_WAIT_POLICY"] == (chosen or "passive")
    no_bars = "1" if arguments[0] == "check" else None
    assert os.environ.get("TQDM_DISABLE") == (chosen or no_bars)
