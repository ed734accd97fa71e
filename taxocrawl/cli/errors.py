"""`taxocrawl errors`: what could not be read, and why."""

import sys
from pathlib import Path

import click

from taxocrawl.cli.options import store_option


@click.command(name="errors")
@click.option("--retryable", is_flag=True, help="Only those that may end otherwise if tried again.")
@click.option("--run", "run_id", help="A run's id (see `runs`).  [default: the newest]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@store_option("-s", "The store that is asked.", must_exist=True)
def command(retryable: bool, run_id: str | None, as_json: bool, store: Path) -> None:
    """List the sites of the newest run that gave no answer: outcome, detail, message.

    In a pipe the table is tab-separated, with a header: crawl reads it as a list.
    """
    from taxocrawl.cli.tables import print_json_lines, print_rows, print_tabs
    from taxocrawl.store import history

    run, failures = history.failures(store, run_id=run_id, retryable_only=retryable)
    if as_json:
        print_json_lines(failures)
        return
    columns = ("domain", "outcome", "detail", "retry", "tries", "message")
    rows = [
        (f.domain, f.kind, f.detail, "yes" if f.retryable else "no", f.attempts, f.message)
        for f in failures
    ]
    if not sys.stdout.isatty():
        print_tabs(columns, rows)
    elif rows:
        print_rows(columns, rows)
    click.echo(f"{len(failures):,} sites of run {run}", err=True)
