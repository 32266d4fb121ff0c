"""Commands of ``t2i`` on runs that have ended: a page of the last one, and comparisons of many."""

from pathlib import Path

import click

from t2i.apps.command import PATH, writing


@click.command(epilog="Example: t2i report -o run.html")
@click.option("-o", "--out", type=PATH, default=Path("report.html"), show_default=True, help="Page to write.")
@click.option("--metrics", type=PATH, default=Path("metrics"), show_default=True, help="Folder of the scores.")
@click.option("--plots", type=PATH, default=Path("plots"), show_default=True, help="Folder of curves and grids.")
def report(out: Path, metrics: Path, plots: Path) -> None:
    """Put the last run on one web page.

    The page has scores, curves, grids and ablations, and opens without a network.
    """
    from t2i.apps.report import write_report

    with writing("-o", out):
        write_report(out, metrics, plots)
    click.echo(out)


@click.command(epilog="Example: t2i ablation loss.damsm_lambda loss.lambda --baseline 0 --baseline 0")
@click.argument("parameters", nargs=-1, metavar="PARAMETER [PARAMETER]")
@click.option(
    "--baseline", "baselines", multiple=True, metavar="VALUE", help="The others are compared with it; once for each "
    "PARAMETER, in their order.  [default: 0]",
)  # fmt: skip
@click.option("--changes", "original", default="", metavar="NAME", help="Instead: all experiments beside this one, by "
              "what was changed.")  # fmt: skip
@click.option("--metrics", type=PATH, default=Path("metrics"), show_default=True, help="Folder of the tables.")
@click.option("--plots", type=PATH, default=Path("plots"), show_default=True, help="Folder of the figure.")
@click.option("--runs", type=PATH, help="Table of `t2i runs` to compare.  [default: the experiments DVC knows of]")
@click.option("--name", "names", multiple=True, metavar="PATTERN", help="Of the experiments compared.  [default: all]")
@click.option("--draw", multiple=True, metavar="PATTERN", help="Scores in the figure: 'FID*'.  [default: all]")
@click.option("--snapshots", is_flag=True, help="Compare the scores of each snapshot (metrics/score_snapshots.json).")
def ablation(
    parameters: tuple[str, ...],
    baselines: tuple[str, ...],
    original: str,
    metrics: Path,
    plots: Path,
    runs: Path | None,
    names: tuple[str, ...],
    draw: tuple[str, ...],
    snapshots: bool,
) -> None:
    """Compare experiments by one PARAMETER, or by two and their interaction.

    Of all experiments that DVC knows of, those are compared that differ in these parameters of params.yaml and the seed
    alone. With --changes, those are compared that were started from the same commit as NAME, whatever they change.
    Writes a table (.md, .csv) and a figure (.png).
    """
    from t2i.ablation.studies import CHANGE
    from t2i.ablation.tables import ablation_name, write_ablation

    if original and (parameters or baselines):
        raise click.UsageError("--changes compares all that was changed: leave out PARAMETER and --baseline")
    if not original and not parameters:
        raise click.UsageError("Missing argument 'PARAMETER [PARAMETER]', or --changes NAME.")
    if len(parameters) > 2:
        raise click.UsageError(f"{len(parameters)} parameters; one or two can be compared at once")
    baselines = baselines or ("0",) * len(parameters)
    if len(baselines) != len(parameters):
        raise click.UsageError(f"--baseline is given {len(baselines)} times for {len(parameters)} parameters")
    name = ablation_name(parameters or (CHANGE,), snapshots=snapshots)
    files = metrics / f"{name}.md", metrics / f"{name}.csv", plots / f"{name}.png"
    with writing("--metrics, --plots", *files):
        text = write_ablation(
            parameters, baselines, metrics, plots, runs, original=original, names=names, drawn=draw, snapshots=snapshots
        )
    click.echo(text)


@click.command(epilog="Example: t2i runs metrics/runs.csv --name 'lambda-*' --commit 1a2b3c4")
@click.argument("out", type=PATH, metavar="FILE.csv")
@click.option("--commit", default="", metavar="COMMIT", help="That they were started from.  [default: all]")
@click.option("--name", "names", multiple=True, metavar="PATTERN", help="Of experiments: 'lambda-*'.  [default: all]")
@click.option("--add", is_flag=True, help="Keep the runs that FILE.csv has, as of another machine.")
def runs(out: Path, commit: str, names: tuple[str, ...], add: bool) -> None:
    """Write parameters and scores of experiments as a table.

    Experiments live in the repository where they ran. The table can be committed, and `t2i ablation --runs` compares
    what it holds.
    """
    from t2i.ablation.experiments import read_experiments, show_experiments
    from t2i.ablation.run_table import write_runs

    with writing("FILE.csv", out):
        count = write_runs(out, read_experiments(show_experiments()).chosen(names, commit).runs, add=add)
    click.echo(f"{out}: {count} run{'' if count == 1 else 's'}")
