"""`taxocrawl errors`: what could not be read, and why."""

from pathlib import Path

import click

from taxocrawl.cli.options import store_option


@click.command(name="errors")
@click.option("--retryable", is_flag=True, help="Only those that may end otherwise if tried again.")
@click.option("--run", "run_id", help="A run's id (see `runs`).  [default: the newest]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@store_option("-s", "The store that is asked.", must_exist=True)
def command(retryable: bool, run_id: str | None, as_json: bool, store: Path) -> None:
    """List the sites of the newest run that gave no answer: outcome, detail, message."""
    from taxocrawl.cli.tables import print_json_lines, print_rows
    from taxocrawl.store import history

    run, failures = history.failures(store, run_id=run_id, retryable_only=retryable)
    if as_json:
        print_json_lines(failures)
        return
    if failures:
        print_rows(
            ("domain", "outcome", "detail", "retry", "tries", "message"),
            [
                (f.domain, f.kind, f.detail, "yes" if f.retryable else "no", f.attempts, f.message)
                for f in failures
            ],
        )
    click.echo(f"{len(failures):,} sites of run {run}", err=True)
