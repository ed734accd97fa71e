"""`taxocrawl changes`: what differs from one run to the next."""

from pathlib import Path

import click

from taxocrawl.cli.options import store_option


@click.command(name="changes")
@click.option("--from", "before", metavar="RUN", help="[default: the run before the other]")
@click.option("--to", "after", metavar="RUN", help="[default: the newest run]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@store_option("-s", "The store that is asked.", must_exist=True)
def command(before: str | None, after: str | None, as_json: bool, store: Path) -> None:
    """Show what changed between two runs: outcomes, categories, sites come and gone.

    `taxocrawl runs` lists the runs.
    """
    from taxocrawl.cli.tables import print_json_lines, print_rows
    from taxocrawl.store import history

    found = history.changes(store, before=before, after=after)
    if as_json:
        print_json_lines(found.changes)
        return
    if found.changes:
        print_rows(
            ("domain", "change", "before", "after"),
            [(c.domain, c.change, c.before, c.after) for c in found.changes],
        )
    sites = len({change.domain for change in found.changes})
    click.echo(f"{sites:,} sites differ from {found.run_before} to {found.run_after}", err=True)
