"""`taxocrawl model`: which models there are, what they are, whether they are whole."""

import json
import sys
from pathlib import Path

import click

from taxocrawl.cli.tables import print_json_lines, print_rows

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group(name="model")
def command() -> None:
    """List models, show their cards, verify their files."""


@command.command(name="list")
@click.argument("folders", nargs=-1, type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_models(folders: tuple[Path, ...], as_json: bool) -> None:
    """List the packaged models and those in FOLDERS, and whether their files are whole."""
    from taxocrawl.classifiers import model_catalogue

    found = list(model_catalogue.models(folders))
    if as_json:
        print_json_lines(found)
        return
    print_rows(
        ["name", "id", "taxonomy", "languages", "MB", "files"],
        [
            [
                one.name,
                one.id,
                one.taxonomy,
                ", ".join(one.languages),
                round(one.n_bytes / 1e6, 1),
                one.problem or "ok",
            ]
            for one in found
        ],
    )


@command.command(name="card")
@click.argument("name", default="default")
@click.option("--json", "as_json", is_flag=True, help="The manifest as JSON.")
def card(name: str, as_json: bool) -> None:
    """Show the card of a model: data, measurements, limits."""
    from taxocrawl.classifiers import model_catalogue

    folder = model_catalogue.find(name)
    if as_json:
        manifest = json.loads((folder / "model.json").read_text("utf-8"))
        click.echo(json.dumps(manifest, ensure_ascii=False))
        return
    text = model_catalogue.card(folder)
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))


@command.command(name="verify")
@click.argument("name", default="default")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(name: str, as_json: bool) -> None:
    """Check every file of a model against its sha256, and that the model loads.

    Exit code 1, and the file that is wrong, where it is not whole.
    """
    from taxocrawl.classifiers import model_catalogue

    folder = model_catalogue.find(name)
    n_files = model_catalogue.check(folder)
    if as_json:
        print_json_lines([{"name": name, "path": str(folder), "files": n_files, "whole": True}])
    else:
        click.echo(f"{folder}: {n_files} files are as their checksums say, and the model loads")
