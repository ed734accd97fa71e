"""Rows on a terminal or in a pipe, and as JSON Lines."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

import click

PIPE_WIDTH = 200
"""A pipe has no width of its own; half the paths would wrap at the 80 columns rich assumes."""


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; numbers to the right, what controls a terminal written out (FAULTS C16)."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from taxocrawl.explanations.render import visible

    cells = [[*row] for row in rows]
    table = Table()
    for place, name in enumerate(columns):
        numeric = any(isinstance(row[place], int | float) for row in cells)
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    for row in cells:
        table.add_row(*(Text(visible(shown(value), console.encoding)) for value in row))
    console.print(table)


def print_tabs(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Tab-separated, with a header, for other programs; no cell holds a tab or a line's end."""
    from taxocrawl.explanations.render import visible

    for row in (columns, *rows):
        cells = ("" if value is None else str(value) for value in row)
        click.echo("\t".join(visible(cell, "utf-8") for cell in cells))


def shown(value: object) -> str:
    """A value in few characters; '' for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def print_json_lines(records: Iterable[Any]) -> None:
    """One JSON object a line for each record (a dataclass) or mapping."""
    for record in records:
        values = dataclasses.asdict(record) if dataclasses.is_dataclass(record) else record  # type: ignore[arg-type]
        click.echo(json.dumps(values, ensure_ascii=False, default=_json))


def _json(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
