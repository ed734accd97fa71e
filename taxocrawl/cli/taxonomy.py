"""`taxocrawl taxonomy`: what categories there are, what they mean, how they lead to others."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from taxocrawl.cli.main import EXIT_FAILED
from taxocrawl.cli.options import load_settings, of_settings
from taxocrawl.cli.taxonomy_shown import called, print_details, print_verdict, tree
from taxocrawl.errors import InputError, TaxonomyError
from taxocrawl.nearest import near_path
from taxocrawl.taxonomies.tree import Taxonomy

if TYPE_CHECKING:
    from rich.console import Console

    from taxocrawl.plugins.registry import Registry
    from taxocrawl.taxonomies.check import Verdict

Json = dict[str, object]

PIPE_WIDTH = 200
"""A pipe has no width of its own; paths would wrap at the 80 columns that rich assumes."""
PROBLEMS_SHOWN = 20

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(name="taxonomy")
def command() -> None:
    """List, show, search, map and check taxonomies.

    NAME is a taxonomy's name (`taxocrawl taxonomy list` shows them) or the path of your own CSV
    file with the columns id, parent, name and, if you like, synonyms and examples.
    """


@command.command(name="list")
@as_json_option
@of_settings("plugins_dir")
def list_command(as_json: bool, **options: Any) -> None:
    """List the taxonomies that can be answered in."""
    from rich.table import Table
    from rich.text import Text

    registry = _registry(options)
    found = [registry.taxonomy(c.name) for c in registry.components("taxonomies")]
    if as_json:
        _print_json([_about(taxonomy) for taxonomy in found])
        return
    table = Table("name", "title", "licence")
    for heading in ("nodes", "tiers", "cattax"):
        table.add_column(heading, justify="right")
    for taxonomy in found:
        numbers = (f"{len(taxonomy):,}", str(taxonomy.depth), str(taxonomy.cattax or ""))
        texts = (taxonomy.name, taxonomy.title, taxonomy.licence)
        table.add_row(*(Text(text) for text in texts), *numbers)
    _console().print(table)


@command.command(name="show")
@click.argument("name")
@click.argument("node", required=False)
@click.option("--depth", type=click.IntRange(1), help="Tiers shown.  [default: all]")
@click.option("--lang", "language", default="", help="Show names in this language (ISO 639-1).")
@as_json_option
@of_settings("plugins_dir")
def show_command(
    name: str, node: str | None, depth: int | None, language: str, as_json: bool, **options: Any
) -> None:
    """Show a taxonomy as a tree, or one NODE (id, path or name) with all that is known of it."""
    from taxocrawl.taxonomies import search

    taxonomy = _registry(options).taxonomy(name)
    if language and language not in search.languages(taxonomy):
        known = ", ".join(search.languages(taxonomy))
        raise TaxonomyError(
            f"taxonomy {taxonomy.name} has no names in {language!r}; it has {known}"
        )
    root = search.find(taxonomy, node) if node else None
    shown = list(taxonomy.subtree(root)) if root else list(taxonomy.ids)
    if depth:
        deepest = depth + (taxonomy[root].tier - 1 if root else 0)
        shown = [node_id for node_id in shown if taxonomy[node_id].tier <= deepest]
    if as_json and root:
        below = [_node(taxonomy, i, language) for i in shown[1:]]
        _print_json({**_node(taxonomy, root, language), **_details(taxonomy, root), "below": below})
    elif as_json:
        nodes = [_node(taxonomy, i, language) for i in shown]
        _print_json({**_about(taxonomy), "nodes": nodes})
    else:
        console = _console()
        if root:
            print_details(console, taxonomy, root)
        console.print(tree(taxonomy, shown, language))


@command.command(name="search")
@click.argument("text")
@click.option("--lang", "language", default="", help="Only words in this language (ISO 639-1).")
@click.option("--meaning", is_flag=True, help="By meaning, through the encoder, not by words.")
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True)
@as_json_option
@of_settings("taxonomies", "encoder", "model", "plugins_dir")
def search_command(
    text: str, language: str, meaning: bool, limit: int, as_json: bool, **options: Any
) -> None:
    """Find nodes by name, synonym, keyword or id, in any language the taxonomy knows."""
    from rich.table import Table
    from rich.text import Text

    registry = _registry(options)
    if meaning and language:
        raise click.UsageError("--lang chooses among words; --meaning knows no language")
    rows: list[Json] = []
    for name in registry.settings.taxonomies:
        taxonomy = registry.taxonomy(name)
        if meaning:
            rows += _by_meaning(registry, taxonomy, text, limit)
        else:
            rows += _by_words(taxonomy, text, language, limit)
    if as_json:
        _print_json(rows)
        return
    table = Table("taxonomy", "id", "path", "found by", "", box=None)
    for row in rows:
        cells = ("taxonomy", "id", "path", "found_by", "matched")
        table.add_row(*(Text(str(row[cell])) for cell in cells))
    if rows:
        _console().print(table)
    else:
        hint = "" if meaning else "; --meaning finds what is called otherwise"
        click.echo(f"nothing is called {text!r}{hint}", err=True)


@command.command(name="map")
@click.argument("node")
@click.option("--from", "source", default="iab-3.1", show_default=True, help="Taxonomy of NODE.")
@click.option("--to", "targets", multiple=True, help="The other taxonomy (repeatable).")
@as_json_option
@of_settings("plugins_dir")
def map_command(
    node: str, source: str, targets: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Say what NODE (id, path or name) is in another taxonomy, and how the two relate.

    exact: the same; broader: the other holds this one and more; narrower: the other is a part of
    it; related: they overlap. Without --to: in every version that answers can be given in.
    """
    from rich.table import Table
    from rich.text import Text

    from taxocrawl.taxonomies import crosswalks, formats, search

    own = _registry(options).taxonomy(source)
    node_id = search.find(own, node)
    targets = targets or crosswalks.VERSIONS.get(own.name, ())
    if not targets:
        raise click.UsageError("name the other taxonomy: --to NAME")
    rows: list[Json] = []
    for name in targets:
        crosswalk = crosswalks.load(own.name, name)
        target = formats.load(name)
        for answer in crosswalk.convert(node_id):
            row = _node(target, answer.node_id)
            more = {"relation": answer.relation, "rank": answer.rank, "cattax": target.cattax}
            rows.append({"from": node_id, "taxonomy": target.name, **row, **more})
    if as_json:
        _print_json(rows)
        return
    table = Table("taxonomy", "relation", "id", "path", box=None)
    for row in rows:
        table.add_row(*(Text(str(row[cell])) for cell in ("taxonomy", "relation", "id", "path")))
    click.echo(f"{own.name} {node_id}: {own.path(node_id)}", err=True)
    if rows:
        _console().print(table)
    else:
        click.echo(f"no node of {', '.join(targets)} answers to it", err=True)


@command.command(name="check")
@click.argument("file")
@click.option("--all", "everything", is_flag=True, help=f"More than {PROBLEMS_SHOWN} remarks.")
@as_json_option
@of_settings("plugins_dir")
def check_command(file: str, everything: bool, as_json: bool, **options: Any) -> None:
    """Check your own taxonomy: can it be read, and what will a classifier find hard?

    A fault that stops it (a cycle, a missing parent, an id twice, a bad encoding) is named with its
    line, and the exit code is 1. Remarks are no faults.
    """
    from taxocrawl.taxonomies.check import check

    if not Path(file).exists() and Path(file).suffix:
        known = {c.name for c in _registry(options).components("taxonomies")}
        if file not in known:
            raise InputError(f"there is no file {file}{near_path(file)}")
    try:
        verdict = check(_registry(options).taxonomy(file))
    except TaxonomyError as error:
        if not as_json:
            raise
        _print_json({"file": file, "readable": False, "fault": str(error)})
        sys.exit(EXIT_FAILED)
    if as_json:
        _print_json(_verdict(file, verdict))
    else:
        print_verdict(
            verdict, verdict.problems if everything else verdict.problems[:PROBLEMS_SHOWN]
        )


def _registry(options: dict[str, Any]) -> "Registry":
    from taxocrawl.plugins import loading

    return loading.load(load_settings(options))


def _console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))


def _about(taxonomy: Taxonomy) -> Json:
    return {
        "name": taxonomy.name,
        "title": taxonomy.title,
        "nodes": len(taxonomy),
        "tiers": taxonomy.depth,
        "cattax": taxonomy.cattax,
        "source": taxonomy.source,
        "licence": taxonomy.licence,
        "sha256": taxonomy.sha256,
    }


def _node(taxonomy: Taxonomy, node_id: str, language: str = "") -> Json:
    node = taxonomy[node_id]
    row: Json = {
        "id": node.id,
        "name": node.name,
        "path": taxonomy.path(node_id),
        "tier": node.tier,
        "parent_id": node.parent_id,
        "flags": sorted(node.flags),
    }
    if language:
        row["name_in_language"] = called(taxonomy, node_id, language)
    return row


def _details(taxonomy: Taxonomy, node_id: str) -> Json:
    texts = taxonomy.texts(node_id)
    return {
        "scope": texts.scope,
        "not_scope": texts.not_scope,
        "note": taxonomy[node_id].note,
        "synonyms": list(texts.synonyms),
        "keywords": {language: list(words) for language, words in texts.keywords.items()},
        "names": dict(texts.names),
        "examples": [*texts.site_examples, *texts.short_examples],
        "taxonomy": taxonomy.name,
        "cattax": taxonomy.cattax,
        "source": taxonomy.source,
        "licence": taxonomy.licence,
    }


def _by_words(taxonomy: Taxonomy, text: str, language: str, limit: int) -> list[Json]:
    from taxocrawl.taxonomies.search import search

    return [
        {
            "taxonomy": taxonomy.name,
            **_node(taxonomy, hit.node_id, language),
            "found_by": hit.where,
            "matched": hit.matched,
            "score": hit.score,
        }
        for hit in search(taxonomy, text, language=language, limit=limit)
    ]


def _by_meaning(registry: "Registry", taxonomy: Taxonomy, text: str, limit: int) -> list[Json]:
    from taxocrawl.classifiers.meaning import by_meaning

    return [
        {
            "taxonomy": taxonomy.name,
            **_node(taxonomy, node_id),
            "found_by": "meaning",
            "matched": f"{likeness:.2f}",
            "score": round(likeness, 3),
        }
        for node_id, likeness in by_meaning(taxonomy, text, registry.encoder(), limit=limit)
    ]


def _verdict(file: str, verdict: "Verdict") -> Json:
    return {
        "file": file,
        "readable": True,
        "taxonomy": verdict.taxonomy,
        "sha256": verdict.sha256,
        "nodes": verdict.nodes,
        "roots": verdict.roots,
        "by_tier": list(verdict.by_tier),
        "languages": list(verdict.languages),
        "with_words": verdict.with_words,
        "with_examples": verdict.with_examples,
        "ambiguous": verdict.ambiguous,
        "remarks": [
            {"id": p.node_id, "path": p.path, "kind": p.kind, "meaning": p.meaning}
            for p in verdict.problems
        ],
    }
