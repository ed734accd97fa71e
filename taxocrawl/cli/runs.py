"""`taxocrawl runs`: the runs of a store."""

from dataclasses import asdict
from pathlib import Path

import click

from taxocrawl.cli.options import store_option

OUTCOMES_SHOWN = 4


@click.command(name="runs")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@store_option("-s", "The store that is asked.", must_exist=True)
def command(as_json: bool, store: Path) -> None:
    """List the runs of a store, the newest first, with the outcomes of their lines."""
    from taxocrawl.cli.tables import print_json_lines, print_rows
    from taxocrawl.store.reader import StoreReader

    runs = StoreReader(store).runs()
    if as_json:
        print_json_lines(asdict(run) | {"outcomes": dict(run.outcomes)} for run in runs)
        return
    print_rows(
        ("run", "command", "state", "started", "seconds", "lines", "outcomes"),
        [
            (
                run.run_id,
                run.command,
                run.state,
                run.started_at,
                run.seconds,
                sum(n for _, n in run.outcomes),
                ", ".join(f"{n:,} {kind}" for kind, n in run.outcomes[:OUTCOMES_SHOWN])
                + (" ..." if len(run.outcomes) > OUTCOMES_SHOWN else ""),
            )
            for run in runs
        ],
    )
