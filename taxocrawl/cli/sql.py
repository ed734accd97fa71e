"""`taxocrawl sql`: the store answers."""

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from taxocrawl.cli.options import STORE, store_option
from taxocrawl.nearest import near_path

if TYPE_CHECKING:
    from taxocrawl.store.query import QueryResult

FORMATS = ("table", "json", "csv")


@click.command(name="sql")
@click.argument("arguments", nargs=-1, required=True, metavar="[STORE] QUERY")
@store_option("-s", "The store that is asked.", must_exist=False)
@click.option(
    "--format",
    "shape",
    type=click.Choice(FORMATS),
    default=None,
    help="[default: table on a terminal, csv in a pipe]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json: one line a row.")
@click.option("--raw", is_flag=True, help="CSV: leave cells that a spreadsheet would run as is.")
@click.option("--max-rows", type=click.IntRange(1), default=10_000, show_default=True)
@click.option(
    "--timeout", "timeout_s", type=float, default=30.0, show_default=True, help="Seconds."
)
def command(
    arguments: tuple[str, ...],
    store: Path,
    shape: str | None,
    as_json: bool,
    raw: bool,
    max_rows: int,
    timeout_s: float,
) -> None:
    """Ask the store in SQL; it is opened read-only, and cannot reach files or the network.

    `-` as QUERY reads it from standard input. Views to start from: site_categories,
    category_words, outcomes, disagreements; macros: in_category('Sports'), why('example.com').
    """
    from taxocrawl.store import query

    if len(arguments) > 2:
        raise click.UsageError("give one QUERY, in quotes")
    path = Path(arguments[0]) if len(arguments) == 2 else store
    text = sys.stdin.read() if arguments[-1] == "-" else arguments[-1]
    if not path.is_file():
        raise click.UsageError(
            f"there is no store {path}; name one with --store (default {STORE}){near_path(path)}"
        )
    result = query.run_sql(path, text, timeout_s=timeout_s, max_rows=max_rows)
    shape = "json" if as_json else shape or ("table" if sys.stdout.isatty() else "csv")
    if shape == "csv":
        _csv(result, raw=raw)
    else:
        {"table": _table, "json": _json_lines}[shape](result)
    if result.truncated:
        click.echo(f"cut after {max_rows:,} rows; --max-rows gives more", err=True)


def _table(result: "QueryResult") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from taxocrawl.explanations.render import visible

    table = Table()
    for name, kind in zip(result.columns, result.types, strict=True):
        numeric = kind.startswith(("BIGINT", "INTEGER", "DOUBLE", "DECIMAL", "FLOAT", "HUGEINT"))
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in result.rows:
        table.add_row(*(Text(visible(_shown(value))) for value in row))
    # A pipe has no width of its own; half the paths would wrap at the 80 columns that rich assumes.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _json_lines(result: "QueryResult") -> None:
    for row in result.rows:
        named = dict(zip(result.columns, row, strict=True))
        click.echo(json.dumps(named, ensure_ascii=False, default=str))


def _csv(result: "QueryResult", *, raw: bool) -> None:
    from taxocrawl.store.csv_cells import disarmed

    writer = csv.writer(sys.stdout)
    writer.writerow(result.columns)
    writer.writerows(result.rows if raw else (map(disarmed, row) for row in result.rows))
