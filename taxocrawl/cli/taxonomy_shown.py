"""Taxonomies as people read them on a terminal."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from taxocrawl.taxonomies.tree import PATH_SEPARATOR, Taxonomy

if TYPE_CHECKING:
    from rich.console import Console
    from rich.tree import Tree

    from taxocrawl.taxonomies.check import Problem, Verdict

WORDS_SHOWN = 12


def called(taxonomy: Taxonomy, node_id: str, language: str) -> str:
    """The node's name in the language, else its first keyword in it, else its English name."""
    texts, name = taxonomy.texts(node_id), taxonomy[node_id].name
    keywords = texts.keywords.get(language, ()) if language not in ("", "en") else ()
    return texts.names.get(language) or next(iter(keywords), name)


def print_details(console: "Console", taxonomy: Taxonomy, node_id: str) -> None:
    from rich.table import Table
    from rich.text import Text

    node, texts = taxonomy[node_id], taxonomy.texts(node_id)
    keywords = {f"keywords {lang}": _some(words) for lang, words in texts.keywords.items()}
    lines = {
        "taxonomy": f"{taxonomy.title} ({taxonomy.name})",
        "path": taxonomy.path(node_id),
        "flags": ", ".join(sorted(node.flags)),
        "scope": texts.scope,
        "not": texts.not_scope,
        "note": node.note,
        "synonyms": _some(texts.synonyms),
        **keywords,
        "names": "; ".join(f"{lang} {name}" for lang, name in sorted(texts.names.items())),
        "source": taxonomy.source,
        "licence": taxonomy.licence,
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    for label, text in lines.items():
        if text:
            table.add_row(Text(label, style="dim"), Text(text))
    console.print(Text(f"{node.name}  {node.id}", style="bold"))
    console.print(table)


def _some(words: Sequence[str]) -> str:
    more = f" and {len(words) - WORDS_SHOWN} more" if len(words) > WORDS_SHOWN else ""
    return ", ".join(words[:WORDS_SHOWN]) + more


def tree(taxonomy: Taxonomy, shown: Sequence[str], language: str) -> "Tree":
    """The nodes as branches; `shown` has parents before children."""
    from rich.text import Text
    from rich.tree import Tree

    title = f"{taxonomy.title}: {len(taxonomy):,} nodes in {taxonomy.depth} tiers"
    top = Tree(Text(title, style="bold"), guide_style="dim")
    branches: dict[str | None, Tree] = {}
    for node_id in shown:
        node = taxonomy[node_id]
        label = Text.assemble(called(taxonomy, node_id, language), (f"  {node_id}", "dim"))
        if node.flags:
            label.append(f"  {' '.join(sorted(node.flags))}", style="yellow")
        branches[node_id] = branches.get(node.parent_id, top).add(label)
    return top


def print_verdict(verdict: "Verdict", shown: "Sequence[Problem]") -> None:
    tiers = ", ".join(f"{n:,} in tier {tier}" for tier, n in enumerate(verdict.by_tier, 1))
    say = click.echo
    say(f"{verdict.taxonomy}: {verdict.nodes:,} nodes ({tiers}), {verdict.roots:,} roots")
    say(f"{verdict.with_words:,} have more words than their name")
    say(f"{verdict.with_examples:,} have examples")
    counts = Counter(problem.kind for problem in verdict.problems)
    meanings = {problem.kind: problem.meaning for problem in verdict.problems}
    for kind, count in counts.most_common():
        say(f"{count:,} {kind}: {meanings[kind]}")
    for problem in shown:
        last = problem.path.split(PATH_SEPARATOR)[-1] if len(problem.path) > 200 else problem.path
        say(f"  {problem.kind:9}  {problem.node_id}  {last}")
    if left := len(verdict.problems) - len(shown):
        click.echo(f"and {left:,} more remarks; --all shows them", err=True)
    say("it can be used: taxocrawl crawl LIST --taxonomy FILE")
