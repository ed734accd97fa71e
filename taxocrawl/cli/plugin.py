"""`taxocrawl plugin`: make one."""

from pathlib import Path

import click

from taxocrawl.plugins.new_plugin import PLUGIN_KINDS, PluginKind, write


@click.group(name="plugin")
def command() -> None:
    """Write a new plugin (`taxocrawl plugins` lists those that are there)."""


@command.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(PLUGIN_KINDS), default="classifier", show_default=True)
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to make the package's folder in.  [default: this one]",
)
def new(name: str, kind: PluginKind, into: Path) -> None:
    """Write a small package NAME that works, with tests that pass: a plugin to start from."""
    folder = write(name, kind, into)
    click.echo(f"{folder} is a {kind} that works. Try it:")
    click.echo(f"  cd {folder} && python -m pytest && pip install -e .")
    click.echo(f"  taxocrawl plugins check {name}")
