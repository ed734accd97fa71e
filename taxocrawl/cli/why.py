"""`taxocrawl why`: the reasons for one site's answer."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from taxocrawl.cli.main import EXIT_FAILED
from taxocrawl.cli.options import load_settings, of_settings, store_option

if TYPE_CHECKING:
    from taxocrawl.explanations.pictures import Picture
    from taxocrawl.explanations.render import Answer
    from taxocrawl.reasons import Reasons

PICTURES = ("waterfall", "force")
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(name="why")
@click.argument("domain")
@store_option("-s", "The store that is asked.", must_exist=True)
@click.option(
    "--explain",
    "methods",
    multiple=True,
    metavar="METHOD",
    help="Show this method, worked out now where it is not stored: words, shap, lime, anchors, "
    "one of a plugin, or all (repeatable).",
)
@click.option(
    "--compare", is_flag=True, help="The methods side by side, and what it means where they differ."
)
@click.option("--interactions", is_flag=True, help="What pairs of features say only together.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--html", "html_file", type=_FILE, help="Write one self-contained page.")
@click.option(
    "--plot",
    "plots",
    type=(click.Choice(PICTURES), _FILE),
    multiple=True,
    metavar="waterfall|force FILE",
    help="Draw the features (or words) into FILE.svg or FILE.png (repeatable).",
)
@of_settings("classifiers", "model", "encoder", "plugins_dir", "block_plugins", "strict_plugins")
def command(
    domain: str,
    store: Path,
    methods: tuple[str, ...],
    compare: bool,
    interactions: bool,
    as_json: bool,
    html_file: Path | None,
    plots: tuple[tuple[str, Path], ...],
    **options: Any,
) -> None:
    """Show how a site ended, its categories, and the words and features that decided them."""
    from taxocrawl import domains, reasons

    wanted = reasons.Wanted(methods=methods, compare=compare, interactions=interactions)
    settings = load_settings(options)
    given = {name for name, value in options.items() if value not in (None, ())}
    host = domains.canonical_host(domain) or domain
    found = reasons.asked(store, host, wanted, settings, given=given)
    if found is None:
        _unknown(domain, store)
        return
    answer = reasons.shown(found)
    for kind, path in plots:
        _draw(kind, path, answer)
    if html_file is not None:
        _write_page(html_file, answer)
    if as_json:
        click.echo(json.dumps(_as_json(found), ensure_ascii=False, default=str))
    elif html_file is None and not plots:
        _print(answer, found)


def _unknown(domain: str, store: Path) -> None:
    from taxocrawl.store.reader import StoreReader

    near = StoreReader(store).similar_domains(domain)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    click.echo(f"taxocrawl: {store} holds no site {domain!r}{hint}", err=True)
    sys.exit(EXIT_FAILED)


def _print(answer: "Answer", found: "Reasons") -> None:
    from rich.console import Console

    from taxocrawl.explanations.render import render_answer, visible

    Console().print(render_answer(answer))
    for failure in found.failures:
        said = f"{failure.component} of plugin {failure.plugin} failed: {failure.message}"
        click.echo(visible(said))


def _as_json(found: "Reasons") -> dict[str, object]:
    """The stored answer, its explanations those that were asked for, and what came beside."""
    table = asdict(found.answer)
    table["explanations"] = [asdict(explanation) for explanation in found.explanations]
    table["plugin_failures"] = [asdict(failure) for failure in found.failures]
    table["comparisons"] = [asdict(comparison) for comparison in found.comparisons]
    table["interactions"] = [asdict(answer) for answer in found.interactions]
    table["remarks"] = list(found.remarks)
    return table


def _write_page(path: Path, answer: "Answer") -> None:
    from taxocrawl.errors import InputError
    from taxocrawl.explanations.html_page import page

    try:
        path.write_text(page(answer), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
    click.echo(f"wrote {path}", err=True)


def _draw(kind: str, path: Path, answer: "Answer") -> None:
    from taxocrawl.explanations.pictures import write

    write(_picture(kind, answer), path)
    click.echo(f"wrote {path}", err=True)


def _picture(kind: str, answer: "Answer") -> "Picture":
    """Of the first features that are explained, or of the first words where there are none."""
    from taxocrawl.errors import InputError
    from taxocrawl.explanations import charts

    drawn = [e for e in answer.explanations if any(a.kind != "sentence" for a in e.attributions)]
    first = next((e for e in drawn if e.unit != "probability"), next(iter(drawn), None))
    if first is None:
        raise InputError(f"{answer.title} has no explanation to draw; ask with --explain shap")
    names = {(c.taxonomy, c.node_id): c.path[-1] for c in answer.categories}
    title = f"{answer.title}: {names.get((first.taxonomy, first.node_id), first.node_id)}"
    draw = charts.waterfall if kind == "waterfall" else charts.force
    return draw(first, title, names=answer.feature_names)
