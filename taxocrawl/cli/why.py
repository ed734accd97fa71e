"""`taxocrawl why`: the reasons for one site's answer."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from taxocrawl.cli.main import EXIT_FAILED
from taxocrawl.cli.options import store_option

if TYPE_CHECKING:
    from taxocrawl.explanations.render import Answer
    from taxocrawl.store.reader import SiteAnswer


@click.command(name="why")
@click.argument("domain")
@store_option("-s", "The store that is asked.", must_exist=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(domain: str, store: Path, as_json: bool) -> None:
    """Show how a site ended, its categories, and the words and features that decided them."""
    from rich.console import Console

    from taxocrawl import domains
    from taxocrawl.explanations.render import render_answer, visible
    from taxocrawl.store.reader import StoreReader

    reader = StoreReader(store)
    answer = reader.site(domains.canonical_host(domain))
    if answer is None:
        near = reader.similar_domains(domain)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        click.echo(f"taxocrawl: {store} holds no site {domain!r}{hint}", err=True)
        sys.exit(EXIT_FAILED)
    if as_json:
        click.echo(json.dumps(asdict(answer), ensure_ascii=False, default=str))
        return
    Console().print(render_answer(_shown(answer)))
    for failure in answer.plugin_failures:
        said = f"{failure.component} of plugin {failure.plugin} failed: {failure.message}"
        click.echo(visible(said))


def _shown(answer: "SiteAnswer") -> "Answer":
    from taxocrawl.explanations.render import Answer, CategoryLine
    from taxocrawl.taxonomies.tree import PATH_SEPARATOR

    asserted = {(c.taxonomy, c.node_id) for c in answer.categories}
    rows = answer.categories or answer.candidates[:5]
    lines = tuple(
        CategoryLine(
            taxonomy=row.taxonomy,
            node_id=row.node_id,
            path=tuple(row.path.split(PATH_SEPARATOR)),
            confidence=row.confidence,
            asserted=(row.taxonomy, row.node_id) in asserted,
        )
        for row in rows
    )
    about = (answer.language, f"{len(answer.pages)} pages" if answer.pages else "", answer.message)
    return Answer(
        title=answer.domain,
        outcome=answer.kind,
        detail=answer.detail,
        url=answer.final_url,
        about=tuple(part for part in about if part),
        categories=lines,
        explanations=answer.explanations,
    )
