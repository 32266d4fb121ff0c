"""The command ``t2i``: from a caption to a picture."""

import argparse
import os
import socket
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from t2i.errors import InputError

if TYPE_CHECKING:
    from t2i.generate import Painted

GAN, JUDGE = Path("models/gan.pt"), Path("models/judge.pt")
EXAMPLE = "this bird has wings that are red and has a yellow belly"


def main(arguments: list[str] | None = None) -> None:
    """``t2i`` and ``python -m t2i``: mistakes end in one line and exit code 1."""
    parser = argparse.ArgumentParser(prog="t2i", description=(__doc__ or "").strip())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_generate(commands)
    _add_demo(commands)
    _add_report(commands)
    given = parser.parse_args(arguments)
    try:
        given.run(given)
    except InputError as error:
        sys.exit(f"t2i: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _add_generate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "generate", help="paint captions", description="Paint captions with a trained model. Same seed, same picture.",
        epilog=f"example: t2i generate {EXAMPLE!r} -n 8 --seed 0 -o birds.png",
    )  # fmt: skip
    parser.add_argument(
        "captions", nargs="*", metavar="CAPTION", help="what to paint; - reads them from standard input"
    )
    parser.add_argument("-f", "--file", type=Path, help="a text file with a caption a line")
    parser.add_argument("-n", "--number", type=_count, default=1, help="pictures a caption (1)")
    parser.add_argument("-s", "--seed", type=_seed, default=0, help="of the noise (0)")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("birds.png"),
        help="a .png for one picture or a grid of all, or a folder for single files (birds.png)",
    )  # fmt: skip
    parser.add_argument("-m", "--model", type=Path, default=GAN, help=f"a trained or imported gan.pt ({GAN})")
    parser.add_argument("-t", "--truncation", type=_truncation, default=1.0, help="of the noise, 0 to 1 (1)")
    parser.add_argument("-a", "--attention", action="store_true", help="add a picture of where each word looked")
    parser.set_defaults(run=_generate)


def _add_demo(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("demo", help="a web page to try models in", description="A web page to try models in.")
    parser.add_argument("models", nargs="*", type=Path, default=[GAN], help=f"gan.pt files to choose from ({GAN})")
    parser.add_argument("--judge", type=Path, default=JUDGE, help=f"measures caption consistency, if there ({JUDGE})")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine alone)")
    parser.add_argument("--port", type=_port, default=8000, help="port to listen on (8000); 0: any that is free")
    parser.set_defaults(run=_demo)


def _demo(given: argparse.Namespace) -> None:
    _let_threads_sleep()
    try:
        import uvicorn

        from t2i.web.server import Demo, Shown, create_app
    except ModuleNotFoundError as error:
        if error.name not in ("uvicorn", "starlette"):
            raise
        raise InputError(f"the page needs {error.name}: pip install -e '.[demo]'") from error
    from t2i import checkpoints
    from t2i.models.judge import Judge

    models = [Shown.load(path) for path in given.models]
    judge = Judge.from_content(checkpoints.load(given.judge, "judge")) if given.judge.exists() else None
    with socket.socket() as listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((given.host, given.port))
        except OSError as error:
            raise InputError(
                f"cannot listen on {given.host} port {given.port} ({error.strerror}); choose another (--host, --port)"
            ) from error
        sys.stdout.write(f"http://{given.host}:{listener.getsockname()[1]}/ (Ctrl-C ends it)\n")
        sys.stdout.flush()
        app = create_app(Demo(models, judge))
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    text = "Put a run on one page that opens without a network: scores, curves, grids, ablations."
    parser = commands.add_parser("report", help="a page about the last run", description=text)
    parser.add_argument("-o", "--out", type=Path, default=Path("report.html"), help="page to write (report.html)")
    parser.add_argument("--metrics", type=Path, default=Path("metrics"), help="folder of the scores (metrics)")
    parser.add_argument("--plots", type=Path, default=Path("plots"), help="folder of curves and grids (plots)")
    parser.set_defaults(run=_report)


def _report(given: argparse.Namespace) -> None:
    from t2i.web.report import write_report

    try:
        write_report(given.out, given.metrics, given.plots)
    except OSError as error:
        raise InputError(f"{given.out} cannot be written ({error.strerror}); choose another place (-o)") from error
    sys.stdout.write(f"{given.out}\n")


def _generate(given: argparse.Namespace) -> None:
    captions = _captions(given)
    if given.out.suffix.lower() not in ("", ".png"):
        raise InputError(f"{given.out} is neither a .png nor a folder (-o)")
    _let_threads_sleep()
    from t2i.generate import load, paint  # imports torch, which takes longer than to say that a caption is missing

    painter = load(given.model)
    painted = []
    for text in captions:
        found = paint(painter, text, number=given.number, seed=given.seed, truncation=given.truncation)
        for line in found.reading.warnings():
            sys.stderr.write(f"t2i: {line}\n")
        painted.append(found)
    try:
        written = _write(painted, given.out, attention=given.attention)
    except OSError as error:
        raise InputError(f"{given.out} cannot be written ({error.strerror}); choose another place (-o)") from error
    sys.stdout.write("".join(f"{path}\n" for path in written))


def _let_threads_sleep() -> None:
    """Have threads that wait for others sleep instead of spin, unless the user wants it otherwise.

    A picture is many short loops. Beside other work, a spinning thread takes the processor from the one it waits for,
    and a picture takes many times as long. OpenMP reads this once, when torch is imported.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def _captions(given: argparse.Namespace) -> list[str]:
    """From the command line, a file, standard input; blank lines of the latter two do not count."""
    captions: list[str] = []
    for text in given.captions:
        captions += _lines(sys.stdin.buffer.read()) if text == "-" else [text]
    if given.file is not None:
        try:
            captions += _lines(given.file.read_bytes())
        except OSError as error:
            raise InputError(f"{given.file} cannot be read ({error.strerror}); give a text file (-f)") from error
    if not captions:
        raise InputError(f"no caption; try: t2i generate {EXAMPLE!r}")
    return captions


def _lines(content: bytes) -> list[str]:
    return [line for line in content.decode("utf-8", "replace").splitlines() if line.strip()]


def _write(painted: list["Painted"], out: Path, *, attention: bool) -> list[Path]:
    """Write a picture, a grid or single files, and attention beside it; returns what was written."""
    from PIL import Image

    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix.lower() != ".png":
        out.mkdir(exist_ok=True)
        files = {
            out / f"{number:03d}-{place:03d}.png": picture
            for number, found in enumerate(painted, 1)
            for place, picture in enumerate(found.pictures, 1)
        }
    elif len(painted) == 1 and len(painted[0].pictures) == 1:
        files = {out: painted[0].pictures[0]}
    else:
        files = {}
    for path, picture in files.items():
        part = path.with_name(path.name + ".part")
        Image.fromarray(picture).save(part, format="png")
        os.replace(part, path)
    written = list(files)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a font cannot have all of Unicode
        if not files:
            from t2i.figures import GridRow, caption_grid

            rows = [GridRow(found.reading.text, found.pictures) for found in painted]
            caption_grid(out, rows, [""] * len(painted[0].pictures))
            written.append(out)
        if attention:
            path = out / "attention.png" if out.suffix.lower() != ".png" else out.with_name(f"{out.stem}-attention.png")
            written += _attention(path, painted)
    return written


def _attention(path: Path, painted: list["Painted"]) -> list[Path]:
    from t2i.figures import AttentionRow, attention_maps

    rows = [
        AttentionRow(f"{found.reading.text} - {side} x {side}", found.pictures[0], found.reading.words, looked)
        for found in painted
        for looked in found.attention
        for side in [looked.shape[-1]]
    ]
    if not rows:
        raise InputError("the model has a single scale and so no attention to show (--attention)")
    attention_maps(path, rows)
    return [path]


def _count(text: str) -> int:
    return _number(text, 1, 1000)


def _seed(text: str) -> int:
    return _number(text, 0, 2**63 - 1)


def _number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number from {least} to {most}")
    return int(text)


def _port(text: str) -> int:
    return _number(text, 0, 65535)


def _truncation(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 0 to 1")
    return value
