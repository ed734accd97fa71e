"""`taxocrawl reclassify`: the text that a store kept, classified once more."""

import json
from pathlib import Path
from typing import Any

import click

from taxocrawl.cli.options import load_settings, of_settings, store_option


@click.command(name="reclassify")
@store_option("-s", "The DuckDB file, read and written.", must_exist=True)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@of_settings(
    "taxonomies",
    "classifiers",
    "min_confidence",
    "explain",
    "model",
    "forms_model",
    "aspects",
    "preset",
    "encoder",
    "workers",
    "keep_text",
    "plugins_dir",
    "block_plugins",
    "strict_plugins",
)
def command(store: Path, as_json: bool, **options: Any) -> None:
    """Classify every site of a store once more, from its kept text: nothing is fetched.

    For a new model, another taxonomy or another threshold. The answers are a run of their own:
    `taxocrawl changes` shows what changed. A store that was crawled with `--keep-text all` gives
    exactly what a new crawl of the same pages would.
    """
    from taxocrawl import jobs
    from taxocrawl.cli.watching import watch

    settings = load_settings(options)
    with watch(None) as watched:
        n_sites = jobs.reclassify(store, settings, on_outcome=watched.on_outcome)
    counts = dict(watched.outcomes.most_common())
    if as_json:
        click.echo(json.dumps({"sites": n_sites, "outcomes": counts}))
    else:
        told = ", ".join(f"{kind} {count}" for kind, count in counts.items()) or "no text was kept"
        click.echo(f"{n_sites} sites: {told}")
