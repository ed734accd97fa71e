"""`taxocrawl train`: from the labelled data to a model folder."""

import json
from pathlib import Path

import click


@click.command(name="train")
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="TAXOCRAWL_DATA",
    default=Path("../shared/data"),
    show_default=True,
    help="Folder of the labelled data.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The model folder that is written.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the measurements as JSON.")
def command(data: Path, out: Path, seed: int, as_json: bool) -> None:
    """Train the default classifier; the same data and seed give the same bytes.

    Needs the extra `train`. The measurements are cross-validated on the training pages.
    """
    from taxocrawl.training.fit import train_default

    metrics = train_default(data, out, seed=seed, progress=lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(dict(metrics)))
        return
    for name, value in metrics.items():
        click.echo(f"{name:32} {value:.4f}")
    click.echo(f"{out} is ready: taxocrawl crawl --model {out} ...", err=True)
