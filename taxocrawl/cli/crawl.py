"""`taxocrawl crawl`: domains in, a store out."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from taxocrawl.cli.main import EXIT_ALL_FAILED, EXIT_INTERRUPTED
from taxocrawl.cli.options import load_settings, of_settings, store_option
from taxocrawl.errors import InputError
from taxocrawl.nearest import near_path

if TYPE_CHECKING:
    from taxocrawl.crawler.run import RunSummary


@click.command(name="crawl")
@click.argument("sources", nargs=-1, required=True, metavar="LIST|DOMAIN...|-")
@store_option("-o", "The DuckDB file that is written.", must_exist=False)
@click.option("--new-run", is_flag=True, help="Start anew even where a run can be resumed.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@of_settings(
    "contact",
    "taxonomies",
    "classifiers",
    "explain",
    "max_pages",
    "concurrency",
    "workers",
    "min_confidence",
    "model",
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
    sources: tuple[str, ...], store: Path, new_run: bool, as_json: bool, **options: Any
) -> None:
    """Crawl domains and write what each site is about, and why.

    LIST is a file with one domain or URL a line; `-` reads standard input. Starting again with the
    same list resumes an unfinished run.
    """
    from taxocrawl import domains, jobs
    from taxocrawl.cli.watching import watch
    from taxocrawl.store.writer import fingerprint

    settings = load_settings(options)
    # Standard input cannot be read twice, so a run on it has no fingerprint and is never resumed.
    list_sha256 = "" if "-" in sources else fingerprint(_lines(sources))
    with watch() as on_outcome:
        summary = jobs.crawl_into(
            store,
            domains.read_sites(_lines(sources)),
            settings=settings,
            list_sha256=list_sha256,
            new_run=new_run,
            on_outcome=on_outcome,
        )
    _report(summary, store, as_json=as_json)
    if summary.interrupted:
        sys.exit(EXIT_INTERRUPTED)
    if summary.all_failed:
        sys.exit(EXIT_ALL_FAILED)


def _lines(sources: tuple[str, ...]) -> Iterator[str]:
    """Lines of every list, in order; what is no file is a domain itself."""
    from taxocrawl import domains

    for source in sources:
        if source == "-":
            yield from domains.lines_of(sys.stdin.buffer)
        elif Path(source).is_file():
            try:
                with Path(source).open("rb") as file:
                    yield from domains.lines_of(file)
            except OSError as error:
                raise InputError(f"{source}: {error.strerror or error}") from error
        elif Path(source).is_dir():
            raise InputError(f"{source} is a folder; give a file with one domain a line")
        elif Path(source).suffix in {".txt", ".csv", ".tsv", ".gz", ".list"} or (
            "/" in source and "://" not in source
        ):
            raise InputError(f"there is no file {source}{near_path(source)}")
        else:
            yield source


def _report(summary: "RunSummary", store: Path, *, as_json: bool) -> None:
    import json

    from rich.console import Console
    from rich.table import Table

    if as_json:
        report = {
            "run_id": summary.run_id,
            "store": str(store),
            "lines": summary.lines,
            "pages": summary.pages,
            "seconds": round(summary.seconds, 3),
            "outcomes": dict(summary.outcomes),
        }
        click.echo(json.dumps(report))
        return
    table = Table("outcome", "sites", title=f"{summary.lines} lines in {summary.seconds:.1f} s")
    table.columns[1].justify = "right"
    for outcome, count in sorted(summary.outcomes.items(), key=lambda item: -item[1]):
        table.add_row(outcome, f"{count:,}")
    console = Console(stderr=True)
    console.print(table)
    query = '"select domain, path, confidence from site_categories"'
    hint = f"{store}: try  taxocrawl sql -s {store} {query}"
    console.print(hint, markup=False, highlight=False, soft_wrap=True)
