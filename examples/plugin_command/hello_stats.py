"""A command of its own: `taxocrawl hello-stats STORE`."""

from pathlib import Path

import click

from taxocrawl.plugins.hookspecs import hookimpl

TOP = """
SELECT path, count(*) AS n
FROM site_categories
WHERE tier = 1
GROUP BY path
ORDER BY n DESC, path
LIMIT 5
"""


@click.command("hello-stats")
@click.argument("store", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def hello_stats(store: Path) -> None:
    """Say hello, and what most sites of a store are about."""
    from taxocrawl.store.query import run_sql  # here, so that `taxocrawl --help` stays quick

    click.echo("Hello! Most sites here are about:")
    for path, n in run_sql(store, TOP).rows:
        click.echo(f"{n:>6}  {path}")


@hookimpl
def register_commands(cli: click.Group) -> None:
    cli.add_command(hello_stats)
