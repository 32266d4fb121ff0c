"""The command ``t2i``.

Commands import what they need when they run: PyTorch takes seconds, and ``t2i --help`` shall not.
"""

import os
from pathlib import Path
from typing import IO, Literal

import click

from t2i.apps.command import PATH, Commands, use_passive_threads, warn, writing
from t2i.apps.defaults import CAPTION, GAN, JUDGE
from t2i.apps.experiment_commands import ablation, report, runs
from t2i.errors import InputError
from t2i.terminal import escape_unencodable


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib import metadata

        try:
            version = metadata.version("t2i")
        except metadata.PackageNotFoundError:
            version = "(not installed, run from its folder)"
        click.echo(f"t2i {version}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version."
)
def cli() -> None:
    """Text-to-image synthesis with contrastive learning."""


@cli.command(epilog="Example: t2i check -S data=cub -S budget=paper")
@click.option(
    "-S", "--set-param", "changes", multiple=True, metavar="KEY=VALUE", help="As of `dvc exp run`; repeatable."
)
@click.option("--trial/--no-trial", default=True, show_default=True, help="Try a few steps of each training.")
def check(changes: tuple[str, ...], trial: bool) -> None:
    """Say what a run finds and takes, and what would stop it.

    Looks at machine, git, data set and words, and tries a few steps of each training to estimate time, memory and disk
    of the run that params.yaml describes. The exit code is 1 if something would stop it.
    """
    use_passive_threads()
    os.environ.setdefault("TQDM_DISABLE", "1")  # read when tqdm is imported; bars would cut the screen into pieces
    from t2i.check import screen
    from t2i.params.reader import load

    params = load(Path("params.yaml"), changes)
    click.echo(screen.selection(params))
    problems = []
    for part in screen.check(params, trial=trial):
        if text := screen.part_text(part):
            click.echo(text)
        problems += part.problems
    click.echo(screen.conclusion(problems, changes))
    if problems:
        click.get_current_context().exit(1)


@cli.command(epilog=f"Example: t2i generate '{CAPTION}' -n 8 --seed 0 -o birds.png")
@click.argument("captions", nargs=-1, metavar="[CAPTION]...")
@click.option("-f", "--file", type=click.File("rb"), help="Text file with a caption a line; - is standard input.")
@click.option("-n", "--number", type=click.IntRange(1, 1000), default=1, show_default=True, help="Images a caption.")
@click.option("-s", "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the noise.")
@click.option(
    "-o", "--out", default="birds.png", show_default=True,
    help="A .png for one image or a grid of all, or a folder for single files.",
)  # fmt: skip
@click.option("-m", "--model", type=PATH, default=GAN, show_default=True, help="Trained or imported gan.pt.")
@click.option(
    "-t", "--truncation", type=click.FloatRange(0, 1), default=1.0, show_default=True,
    help="Factor of the noise; the smaller, the less variety.",
)  # fmt: skip
@click.option("-a", "--attention", is_flag=True, help="Add a figure of where each word was attended to.")
def generate(
    captions: tuple[str, ...], file: IO[bytes] | None, number: int, seed: int, out: str, model: Path,
    truncation: float, attention: bool,
) -> None:  # fmt: skip
    """Generate images of captions with a trained model.

    The same seed gives the same images.
    """
    from t2i.apps.caption_lines import read_captions
    from t2i.apps.image_files import ImageFiles, ImageWriter

    texts = [*captions, *(read_captions(file) if file else [])]
    if not texts:
        raise InputError(f"no caption; try: t2i generate '{CAPTION}'")
    files = ImageFiles.parse(out)
    with writing("-o"):
        files.check(len(texts), number, attention=attention)
    use_passive_threads()
    from tqdm import tqdm

    from t2i.generation.prompt import parse_prompt
    from t2i.generation.text_to_image import TextToImage

    loaded = TextToImage.load(model)
    if attention and not loaded.generator.refinements:
        raise InputError(f"{model} has a single scale and so no attention to show (--attention)")
    prompts = [parse_prompt(text, loaded.vocabulary) for text in texts]
    for line in dict.fromkeys(line for prompt in prompts for line in prompt.warnings()):
        warn(line)
    writer = ImageWriter(files, attention=attention)
    with tqdm(total=len(prompts) * number, unit="image", delay=2, leave=False, disable=None) as bar:
        for prompt in prompts:
            result = loaded.generate(prompt, number, seed, truncation, on_image=bar.update)
            with writing("-o"):
                writer.add(result)
    with writing("-o"):
        written = writer.finish()
    for path in written:
        click.echo(path)


@cli.command(epilog="Example: t2i demo models/gan.pt gan-without-contrast.pt --port 8000")
@click.argument("models", nargs=-1, type=PATH, metavar="[GAN.PT]...")
@click.option("--judge", type=PATH, help=f"Measures caption consistency.  [default: {JUDGE}, if it is there]")
@click.option(
    "--host", default="127.0.0.1", show_default=True,
    help="Name or address to listen on, IPv4 or IPv6; the default is local.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port to listen on; 0: any free one."
)
def demo(models: tuple[Path, ...], judge: Path | None, host: str, port: int) -> None:
    """Serve a web page to try models in.

    Without arguments it shows models/gan.pt.
    """
    use_passive_threads()
    try:
        import uvicorn

        from t2i.apps.server import Demo, create_app
    except ModuleNotFoundError as error:
        if error.name not in ("uvicorn", "starlette"):
            raise
        raise InputError(f"the page needs {error.name}: pip install -e '.[demo]'") from error
    from t2i.apps.demo_models import LoadedJudge, load_models
    from t2i.apps.listening import listen

    listener, address = listen(host, port)
    with listener:
        loaded = load_models(models or (GAN,), warn=warn)
        judge = judge or (JUDGE if JUDGE.exists() else None)
        page = Demo(loaded, LoadedJudge.load(judge) if judge else None, f"{JUDGE} is not there; `dvc repro` makes it")
        for line in page.warnings():
            warn(line)
        click.echo(f"{address} (Ctrl-C ends it)")
        config = uvicorn.Config(create_app(page), log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


for _command in (report, ablation, runs):
    cli.add_command(_command)


@cli.command(
    "import",
    epilog="Example: t2i import --generator netG_epoch_600.pth --text-encoder text_encoder200.pth "
    "--captions captions.pickle",
)
@click.option("--generator", type=PATH, help="netG_epoch_*.pth, bird_AttnGAN2.pth, ...")
@click.option("--text-encoder", type=PATH, help="text_encoder*.pth")
@click.option("--image-encoder", type=PATH, help="image_encoder*.pth; only R-precision and trainings need it.")
@click.option("--captions", type=PATH, help="captions.pickle, for the vocabulary of the text encoder.")
@click.option(
    "--discriminator", "discriminators", type=PATH, multiple=True,
    help="netD0.pth, ...; once for each size. Only trainings that go on from there need them.",
)  # fmt: skip
@click.option(
    "--model", type=click.Choice(["attngan", "dmgan"]),
    help="Whose image encoder it is; needed where neither generator nor discriminators tell.",
)  # fmt: skip
@click.option("--out", type=PATH, default=Path("models"), show_default=True, help="Folder of the model files.")
def import_(
    generator: Path | None, text_encoder: Path | None, image_encoder: Path | None, captions: Path | None,
    discriminators: tuple[Path, ...], model: Literal["attngan", "dmgan"] | None, out: Path,
) -> None:  # fmt: skip
    """Import checkpoints of the published AttnGAN and DM-GAN models.

    Writes gan.pt from generator, text encoder and captions; damsm.pt from both encoders and captions; and
    discriminators.pt from discriminators. Each can be imported alone.
    """
    from t2i.published.importer import PublishedFiles, import_checkpoints

    files = PublishedFiles(generator, text_encoder, image_encoder, captions, discriminators)
    with writing("--out", *(out / f"{kind}.pt" for kind in ("gan", "damsm", "discriminators"))):
        click.echo(import_checkpoints(files, out, model))


def main(arguments: list[str] | None = None) -> None:
    """``t2i`` and ``python -m t2i``: exit code 1 for mistakes in data, 2 for wrong usage, 130 for Ctrl-C."""
    escape_unencodable()
    cli.main(arguments, prog_name="t2i")
