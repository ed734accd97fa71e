"""A verdict on a taxonomy: what a classifier will find hard, before anybody trains one."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from taxocrawl.taxonomies.tree import PATH_SEPARATOR, Taxonomy

ProblemKind = Literal["same_path", "same_name", "one_child", "no_words", "long_name", "separator"]

LONG_NAME = 100

MEANINGS: dict[ProblemKind, str] = {
    "same_path": "another node has the same path: no text can tell them apart",
    "same_name": "nodes in other branches have the same name: the path must tell them apart",
    "one_child": "has one child only: one of the two is never the better answer",
    "no_words": "has neither synonyms, keywords nor examples: only its name speaks for it",
    "long_name": f"name over {LONG_NAME} characters: probably a description in the wrong column",
    "separator": f"name holds {PATH_SEPARATOR!r}, which separates the names of a path",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing about one node that makes it hard to classify into."""

    node_id: str
    path: str
    kind: ProblemKind

    @property
    def meaning(self) -> str:
        return MEANINGS[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `check` found. `by_tier` counts nodes from tier 1 down; `languages` are those of names
    and keywords; `with_words` counts nodes with synonyms, keywords or examples.
    """

    taxonomy: str
    sha256: str
    nodes: int
    roots: int
    by_tier: tuple[int, ...]
    languages: tuple[str, ...]
    with_words: int
    with_examples: int
    problems: tuple[Problem, ...]

    @property
    def ambiguous(self) -> bool:
        """True where two nodes cannot be told apart by anything."""
        return any(problem.kind == "same_path" for problem in self.problems)


def check(taxonomy: Taxonomy) -> Verdict:
    """The verdict on a taxonomy that could be read (duplicates and cycles stop it before)."""
    languages: set[str] = set()
    with_words = with_examples = 0
    for node in taxonomy:
        texts = taxonomy.texts(node.id)
        languages.update(texts.names, texts.keywords)
        with_examples += bool(texts.site_examples or texts.short_examples)
        with_words += _has_words(taxonomy, node.id)
    tiers = Counter(node.tier for node in taxonomy)
    return Verdict(
        taxonomy=taxonomy.name,
        sha256=taxonomy.sha256,
        nodes=len(taxonomy),
        roots=len(taxonomy.roots),
        by_tier=tuple(tiers[tier] for tier in range(1, taxonomy.depth + 1)),
        languages=tuple(sorted(languages)),
        with_words=with_words,
        with_examples=with_examples,
        problems=tuple(_problems(taxonomy)),
    )


def _problems(taxonomy: Taxonomy) -> Iterator[Problem]:
    names = Counter(node.name.casefold() for node in taxonomy)
    siblings = Counter((node.parent_id, node.name.casefold()) for node in taxonomy)
    for node in taxonomy:
        name = node.name.casefold()
        kinds: dict[ProblemKind, bool] = {
            "same_path": siblings[node.parent_id, name] > 1,
            "same_name": names[name] > siblings[node.parent_id, name],
            "one_child": len(taxonomy.children(node.id)) == 1,
            "no_words": not _has_words(taxonomy, node.id),
            "long_name": len(node.name) > LONG_NAME,
            "separator": PATH_SEPARATOR in node.name,
        }
        for kind, found in kinds.items():
            if found:
                yield Problem(node_id=node.id, path=taxonomy.path(node.id), kind=kind)


def _has_words(taxonomy: Taxonomy, node_id: str) -> bool:
    texts = taxonomy.texts(node_id)
    examples = texts.site_examples or texts.short_examples
    return bool(texts.synonyms or texts.keywords or texts.scope or examples)
