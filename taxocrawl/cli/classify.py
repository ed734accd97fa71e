"""`taxocrawl classify`: URLs, files, texts in; one JSON line each out."""

import itertools
import json
from typing import TYPE_CHECKING, Any

import click

from taxocrawl.cli.options import load_settings, of_settings

if TYPE_CHECKING:
    from taxocrawl.answers import Json
    from taxocrawl.explanations.render import Answer

FORMATS = ("json", "text")


@click.command(name="classify")
@click.argument("inputs", nargs=-1, metavar="URL|FILE|FOLDER|-...")
@click.option("--text", "texts", multiple=True, help="A text to classify (repeatable).")
@click.option(
    "--format",
    "shape",
    type=click.Choice(FORMATS),
    default="json",
    help="json: a line each; text: for people, categories and tags as bars.  [default: json]",
)
@click.option("--top", type=click.IntRange(0), default=0, help="Ranked nodes in `candidates`.")
@of_settings(
    "taxonomies",
    "classifiers",
    "min_confidence",
    "kind",
    "aspects",
    "preset",
    "explain",
    "model",
    "forms_model",
    "encoder",
    "workers",
    "connect_to",
    "allow_private",
    "contact",
    "plugins_dir",
    "block_plugins",
    "strict_plugins",
)
def command(
    inputs: tuple[str, ...], texts: tuple[str, ...], shape: str, top: int, **options: Any
) -> None:
    """Classify pages and texts; print one JSON line for each input, in order.

    Inputs are URLs (fetched), HTML and text files, folders of them, and JSON Lines with any of id,
    url, html, text, title, description (`-`: on standard input).
    """
    from taxocrawl import answers, archives, jobs
    from taxocrawl.plugins import loading

    if not inputs and not texts:
        raise click.UsageError("nothing to classify: give a URL, a file, `-` or --text")
    explained = bool(options.get("explain"))
    settings = load_settings(options)
    items = [archives.text_item(text, str(n)) for n, text in enumerate(texts, start=1)]
    registry = loading.load(settings)
    told = answers.AnswerOptions(top=top, explained=explained)

    stream = itertools.chain(items, archives.read(inputs))
    for item, outcome in jobs.classify(stream, settings):
        as_told = answers.as_shown if shape == "text" else answers.as_json
        _print(as_told(outcome, answer_id=item.id, taxonomy=registry.taxonomy, options=told))


def _print(answer: "Answer | Json") -> None:
    if isinstance(answer, dict):
        print(json.dumps(answer, ensure_ascii=False), flush=True)  # noqa: T201 - the data
        return
    from rich.console import Console

    from taxocrawl.explanations.render import render_answer

    Console().print(render_answer(answer), "")
