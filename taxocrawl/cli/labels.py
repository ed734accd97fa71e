"""`taxocrawl labels`: labels into and out of files, and how far people agree."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from taxocrawl.cli.labelling import by_option, speaker, taxonomy_for, taxonomy_option
from taxocrawl.cli.main import EXIT_FAILED
from taxocrawl.cli.options import store_option
from taxocrawl.errors import InputError
from taxocrawl.nearest import near_path

if TYPE_CHECKING:
    from taxocrawl.store.agreement import Agreement
    from taxocrawl.store.label_files import RowVerdict

PROBLEMS_SHOWN = 50
DIFFERENCES_SHOWN = 20


@click.group(name="labels")
def command() -> None:
    """Export and import labels; see how far two people agree."""


@command.command(name="export")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="[default: standard output]")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["csv", "jsonl"]),
    help="[default: by the file's name, else csv]",
)
@store_option("-s", "The store that is read.", must_exist=True)
def export_command(output: Path | None, shape: Literal["csv", "jsonl"] | None, store: Path) -> None:
    """Write all labels as CSV or JSON Lines; `labels import` reads both."""
    from taxocrawl.store import label_files, labels

    by_name = output is not None and output.suffix in {".jsonl", ".ndjson", ".json"}
    shape = shape or ("jsonl" if by_name else "csv")
    said = labels.read_labels(store)
    if output is None:
        label_files.write(said, sys.stdout, shape=shape)
        return
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            count = label_files.write(said, file, shape=shape)
    except OSError as error:
        raise InputError(f"{output}: {error.strerror or error}{near_path(output)}") from error
    click.echo(f"{output}: {count:,} labels", err=True)


@command.command(name="import")
@click.argument("file", metavar="FILE|-")
@taxonomy_option
@by_option
@click.option("--partial", is_flag=True, help="Import the good rows although some are bad.")
@click.option("--json", "as_json", is_flag=True, help="Print a verdict on every row, as JSON.")
@store_option("-s", "The store that is written to.", must_exist=True)
def import_command(
    file: str, taxonomy: str | None, by: str | None, partial: bool, as_json: bool, store: Path
) -> None:
    """Read labels from CSV (with a header row) or JSON Lines.

    Columns: domain; node_id or path (an id, name or path); if you like taxonomy, verdict (is,
    is_not, none), labelled_by, note, url (of a page), created_at. Each bad row is named with its
    number and the exit code is 1; then nothing is imported, unless with --partial.
    """
    from taxocrawl.store import label_files, labels

    rows = label_files.read(_bytes(file), name=file)
    verdicts = label_files.judge(
        rows,
        load=lambda name: taxonomy_for(store, name),
        taxonomy=taxonomy_for(store, taxonomy).name,
        labelled_by=speaker(by),
    )
    bad = [verdict for verdict in verdicts if verdict.problem]
    good = [verdict.label for verdict in verdicts if verdict.label]
    imported = not bad or partial
    if imported and good:
        labels.add_labels(store, good, replace=True)
    if as_json:
        _print_verdicts(verdicts, imported=imported)
    else:
        for verdict in bad[:PROBLEMS_SHOWN]:
            click.echo(f"{file}, row {verdict.row}: {verdict.problem}", err=True)
        if len(bad) > PROBLEMS_SHOWN:
            click.echo(f"and {len(bad) - PROBLEMS_SHOWN:,} more; --json tells all", err=True)
    click.echo(
        f"{len(good) if imported else 0:,} labels imported, {len(bad):,} bad rows"
        + ("" if imported else "; --partial imports the others"),
        err=True,
    )
    if bad:
        sys.exit(EXIT_FAILED)


@command.command(name="agreement")
@taxonomy_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each pair and level.")
@store_option("-s", "The store that is read.", must_exist=True)
def agreement_command(taxonomy: str | None, as_json: bool, store: Path) -> None:
    """Show how far people agree on the sites that both labelled.

    Per cent of sites with the same categories, and Cohen's kappa, which takes off what chance
    would give (0 chance, 1 full agreement); at tier 1 and at the category itself.
    """
    from taxocrawl.cli.tables import print_json_lines
    from taxocrawl.store import agreement

    name = taxonomy_for(store, taxonomy).name if taxonomy else None
    found = agreement.agreements(store, taxonomy=name)
    if as_json:
        print_json_lines(found)
    elif found:
        _print_agreements(found)
    else:
        click.echo("no two people have labelled the same site; try review --second", err=True)


def _bytes(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except FileNotFoundError:
        raise InputError(f"there is no file {file}{near_path(file)}") from None
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}") from error


def _print_verdicts(verdicts: Sequence["RowVerdict"], *, imported: bool) -> None:
    from taxocrawl.cli.tables import print_json_lines

    good = "imported" if imported else "good"
    print_json_lines(
        {
            "row": verdict.row,
            "verdict": "bad" if verdict.problem else good,
            "problem": verdict.problem,
            "domain": verdict.label.domain if verdict.label else None,
            "node_id": verdict.label.node_id if verdict.label else None,
        }
        for verdict in verdicts
    )


def _print_agreements(found: Sequence["Agreement"]) -> None:
    from taxocrawl.cli.tables import print_rows

    print_rows(
        ("taxonomy", "level", "a", "b", "sites", "agree", "kappa"),
        [(x.taxonomy, x.level, x.a, x.b, x.n_sites, f"{x.share:.0%}", x.kappa) for x in found],
    )
    rows = [
        (x.a, " + ".join(d.a) or "none", x.b, " + ".join(d.b) or "none", d.domain)
        for x in found
        if x.level == "node"
        for d in x.disagreements
    ]
    if rows:
        columns = ("a", "says", "b", "says", "domain")
        print_rows(columns, rows[:DIFFERENCES_SHOWN])
    if len(rows) > DIFFERENCES_SHOWN:
        more = len(rows) - DIFFERENCES_SHOWN
        click.echo(f"and {more:,} more sites; --json tells all", err=True)
