"""`taxocrawl migrate`: a store of an older taxocrawl brought up to date."""

from pathlib import Path

import click

from taxocrawl.cli.options import store_option


@click.command(name="migrate")
@store_option("-s", "The store that is changed.", must_exist=True)
def command(store: Path) -> None:
    """Bring a store that an older taxocrawl made up to date; a copy of it is kept beside it.

    Whatever writes to a store does this too. What only reads leaves it as it is.
    """
    from taxocrawl.store.migration import copy_before, schema_of
    from taxocrawl.store.writer import recover

    before = schema_of(store)
    recover(store)
    after = schema_of(store)
    if before == after:
        click.echo(f"{store} is up to date (schema {after})", err=True)
    else:
        copy = copy_before(store, before)
        click.echo(f"{store}: schema {before} to {after}; as it was: {copy}", err=True)
