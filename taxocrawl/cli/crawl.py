"""`taxocrawl crawl`: domains in, a store out."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from taxocrawl.cli.main import EXIT_ALL_FAILED, EXIT_INTERRUPTED
from taxocrawl.cli.options import Age, load_settings, of_settings, store_option
from taxocrawl.errors import InputError
from taxocrawl.nearest import near_path

if TYPE_CHECKING:
    from taxocrawl.crawler.run import RunSummary
    from taxocrawl.domains import Cell
    from taxocrawl.store.revisits import Revisit

_LIST_SUFFIXES = frozenset({".txt", ".csv", ".tsv", ".gz", ".list"})


@click.command(name="crawl")
@click.argument("sources", nargs=-1, metavar="[LIST|DOMAIN|-]...")
@store_option("-o", "The DuckDB file that is written.", must_exist=False)
@click.option("--column", default="", help="Column of a CSV or TSV list: its name, or its number.")
@click.option("--new-run", is_flag=True, help="Start anew even where a run can be resumed.")
@click.option("--retry", is_flag=True, help="Visit only sites whose last outcome may change.")
@click.option(
    "--older-than",
    "older_than_s",
    type=Age(),
    help="Visit only sites whose last visit is longer ago: 30d, 12h, 2w.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@of_settings(
    "contact",
    "taxonomies",
    "classifiers",
    "aspects",
    "preset",
    "explain",
    "max_pages",
    "concurrency",
    "workers",
    "min_confidence",
    "model",
    "forms_model",
    "encoder",
    "keep_text",
    "connect_to",
    "allow_private",
    "tls_verify",
    "request_timeout_s",
    "connect_timeout_s",
    "site_timeout_s",
    "retries",
    "plugins_dir",
    "block_plugins",
    "strict_plugins",
)
def command(
    sources: tuple[str, ...],
    store: Path,
    column: str,
    new_run: bool,
    retry: bool,
    older_than_s: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Crawl domains and write what each site is about, and why.

    LIST is a file with one domain or URL a line, or a CSV or TSV file with a column of them, also
    gzipped; `-` reads standard input. Starting again with the same list resumes an unfinished run.

    With --retry or --older-than, sites that the store knows keep their answer unless they are due;
    without a LIST all due sites of the store are visited.
    """
    from taxocrawl import domains, jobs
    from taxocrawl.cli.watching import watch
    from taxocrawl.store.revisits import Revisit

    revisit = None
    if retry or older_than_s is not None:
        revisit = Revisit(retry=retry, older_than_s=older_than_s)
    if not sources and revisit is None:
        raise click.UsageError("name a LIST or DOMAIN, or - for standard input")
    if not sources and not store.exists():
        raise InputError(f"there is no store {store} to find sites in{near_path(store)}")
    settings = load_settings(options)
    list_sha256, total = _known_list(sources, column, revisit)
    with watch(total) as watched:
        summary = jobs.crawl_into(
            store,
            domains.read_sites(_lines(sources, column)) if sources else None,
            settings=settings,
            list_sha256=list_sha256,
            new_run=new_run,
            revisit=revisit,
            on_outcome=watched.on_outcome,
            on_line=watched.on_line,
        )
    _report(summary, store, as_json=as_json)
    if summary.interrupted:
        sys.exit(EXIT_INTERRUPTED)
    if summary.all_failed:
        sys.exit(EXIT_ALL_FAILED)


def _known_list(
    sources: tuple[str, ...], column: str, revisit: "Revisit | None"
) -> tuple[str, int | None]:
    """Fingerprint by which the run is found again, and the number of lines that say anything.

    ('', None) where the list can be read only once: its run is never resumed.
    """
    from taxocrawl.store.writer import fingerprint

    if any(source == "-" or _is_pipe(Path(source)) for source in sources):
        return "", None
    total = 0

    def texts() -> Iterator[str]:
        nonlocal total
        if revisit is not None:
            yield str(revisit)
        for line in _lines(sources, column):
            text = line if isinstance(line, str) else line.text
            total += bool(text.strip()) and not text.startswith("#")
            yield text

    return fingerprint(texts()), total if sources else None


def _lines(sources: tuple[str, ...], column: str) -> "Iterator[str | Cell]":
    """Lines of every list, in order; what is no file is a domain itself."""
    from taxocrawl.lists import read_list

    for source in sources:
        path = Path(source)
        if source == "-":
            yield from read_list(sys.stdin.buffer, name="standard input", column=column)
        elif path.is_file() or _is_pipe(path):
            try:
                with path.open("rb") as file:
                    yield from read_list(file, name=source, column=column)
            except OSError as error:
                raise InputError(f"{source}: {error.strerror or error}") from error
        elif path.is_dir():
            raise InputError(f"{source} is a folder; give a file with one domain a line")
        elif path.suffix in _LIST_SUFFIXES or ("/" in source and "://" not in source):
            raise InputError(f"there is no file {source}{near_path(source)}")
        else:
            yield source


def _is_pipe(path: Path) -> bool:
    """True for what a shell makes of `<(zcat list.gz)`."""
    try:
        return path.is_fifo()
    except (OSError, ValueError):
        return False


def _report(summary: "RunSummary", store: Path, *, as_json: bool) -> None:
    import json

    from rich.console import Console
    from rich.table import Table

    if as_json:
        report = {
            "run_id": summary.run_id,
            "store": str(store),
            "lines": summary.lines,
            "kept": summary.kept,
            "pages": summary.pages,
            "seconds": round(summary.seconds, 3),
            "outcomes": dict(summary.outcomes),
        }
        click.echo(json.dumps(report))
        return
    if not logging.getLogger(__name__).isEnabledFor(logging.WARNING):
        return
    title = f"{summary.lines:,} lines, {summary.pages:,} pages in {summary.seconds:.1f} s"
    if summary.kept:
        title += f"; {summary.kept:,} sites kept their answer"
    table = Table("outcome", "lines", title=title)
    table.columns[1].justify = "right"
    for outcome, count in sorted(summary.outcomes.items(), key=lambda item: -item[1]):
        table.add_row(outcome, f"{count:,}")
    console = Console(stderr=True)
    console.print(table)
    query = '"select domain, path, confidence from site_categories"'
    hint = f"{store}: try  taxocrawl sql -s {store} {query}"
    console.print(hint, markup=False, highlight=False, soft_wrap=True)
