"""`taxocrawl export`: a store as files for other programs."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from taxocrawl.cli.options import STORE, StorePath
from taxocrawl.errors import TaxocrawlError
from taxocrawl.risks import PRESETS, RISKS

if TYPE_CHECKING:
    from taxocrawl.store.export import Export

FORMATS = ("jsonl", "csv", "parquet", "openrtb", "blocklist")
STDOUT = Path("-")


@click.command(name="export")
@click.argument(
    "store",
    type=StorePath(path_type=Path, dir_okay=False, exists=True),
    default=STORE,
    envvar="TAXOCRAWL_STORE",
)
@click.option("--format", "shape", type=click.Choice(FORMATS), help="[default: by FILE's suffix]")
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default=STDOUT,
    metavar="FILE",
    help="The file that is written.  [default: standard output]",
)
@click.option(
    "--category",
    "categories",
    multiple=True,
    help="Only sites in this category (name, path or id) or anything below it (repeatable).",
)
@click.option(
    "--risk",
    "risks",
    multiple=True,
    type=click.Choice(tuple(RISKS)),
    help="Only sites with this risk, or in such a category (repeatable).",
)
@click.option(
    "--preset",
    type=click.Choice(tuple(PRESETS)),
    help="; ".join(f"{name}: {preset.doc}" for name, preset in PRESETS.items()) + ".",
)
@click.option("--taxonomy", default="", help="Only this taxonomy, by crosswalk if need be.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Categories and risks count from this confidence up.",
)
@click.option("--raw", is_flag=True, help="CSV: leave cells that a spreadsheet would run as is.")
def command(
    store: Path,
    shape: str | None,
    target: Path,
    categories: tuple[str, ...],
    risks: tuple[str, ...],
    preset: str | None,
    taxonomy: str,
    min_confidence: float,
    raw: bool,
) -> None:
    """Write the newest answers of STORE for other programs; nothing is ever cut.

    jsonl: a site a line, as `classify` prints it. csv, parquet: a row a site and category, one row
    for a site without any. openrtb: `cat` and `cattax`. blocklist: a domain a line.
    """
    from taxocrawl.store.export import Export, Selection
    from taxocrawl.taxonomies.formats import stored_name

    shape = shape or _shape_of(target)
    if shape == "blocklist" and not (categories or risks or preset):
        raise click.UsageError(
            "a block-list needs --category, --risk or --preset, or it would block every site"
        )
    if risks and preset:
        raise click.UsageError("give --risk or --preset, which chooses risks itself, not both")
    if shape == "parquet" and target == STDOUT:
        raise click.UsageError("Parquet cannot be printed; name a file: -o sites.parquet")
    name = stored_name(taxonomy) if taxonomy else ""
    chosen = PRESETS[preset] if preset else None
    selection = Selection(
        taxonomy=name,
        categories=categories,
        min_confidence=min_confidence,
        risks=chosen.topics if chosen else risks,
        min_risk=max(chosen.min_confidence if chosen else 0.0, min_confidence),
    )
    with Export(store, selection) as export:
        if target == STDOUT:
            sys.stdout.writelines(_lines(export, shape, raw=raw))
            return
        # Under another name first: what was cut short by a full disk never looks whole.
        part = target.with_name(f"{target.name}.part")
        try:
            written = _write(export, shape, part, raw=raw)
            part.replace(target)
        except OSError as error:
            reason = error.strerror or error
            raise TaxocrawlError(f"{target} cannot be written: {reason}") from error
        finally:
            part.unlink(missing_ok=True)
    click.echo(f"{target}: {written:,} {'rows' if shape == 'parquet' else 'lines'}", err=True)


def _shape_of(target: Path) -> str:
    suffix = target.suffix.lower().removeprefix(".")
    by_suffix = {"jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv", "parquet": "parquet"}
    if suffix not in by_suffix:
        raise click.UsageError(f"say which format: --format {'|'.join(FORMATS)}")
    return by_suffix[suffix]


def _lines(export: "Export", shape: str, *, raw: bool) -> Iterable[str]:
    if shape == "csv":
        return export.csv(raw=raw)
    return {"jsonl": export.jsonl, "openrtb": export.openrtb, "blocklist": export.blocklist}[
        shape
    ]()


def _write(export: "Export", shape: str, path: Path, *, raw: bool) -> int:
    if shape == "parquet":
        return export.write_parquet(path)
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for line in _lines(export, shape, raw=raw):
            file.write(line)
            written += 1
        file.flush()
        os.fsync(file.fileno())
    return written
