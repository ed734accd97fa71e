"""Nodes of a taxonomy by what people call them, in any language that it knows."""

import difflib
import functools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from taxocrawl.errors import TaxonomyError
from taxocrawl.taxonomies.tree import Taxonomy

Match = Literal["id", "name", "synonym", "translation", "keyword", "path"]

# What a hit in each place is worth; a whole match counts twice a match of some words.
_WORTH: dict[Match, float] = {
    "id": 2.0,
    "name": 1.0,
    "synonym": 0.9,
    "translation": 0.9,
    "keyword": 0.7,
    "path": 0.4,
}

_SHOWN = 5
"""Nodes that an error message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A node found: `matched` is the wording that matched, `where` what it is of the node."""

    node_id: str
    path: str
    where: Match
    matched: str
    score: float


class _Wording(NamedTuple):
    """One of the ways to call a node; `language` is '' for an id, which belongs to none."""

    where: Match
    language: str
    text: str
    folded: str


def search(
    taxonomy: Taxonomy, text: str, *, language: str = "", limit: int = 10
) -> tuple[Hit, ...]:
    """The best matches of a name, synonym, keyword or id, best first; ties in the tree's order.

    Every word of `text` must begin a word of the wording; in scripts without spaces it may stand
    anywhere. Case, width and accents do not matter. With a language only wordings in it count;
    TaxonomyError names the languages that the taxonomy has.
    """
    query = fold(text)
    if language and language not in languages(taxonomy):
        known = ", ".join(languages(taxonomy))
        raise TaxonomyError(
            f"taxonomy {taxonomy.name} has no words in {language!r}; it has {known}"
        )
    if not query:
        return ()
    hits = []
    for node_id, wordings in _folded(taxonomy):
        scored = (
            (_WORTH[wording.where] * closeness, wording.where, wording.text)
            for wording in wordings
            if not language or wording.language in ("", language)
            # Part of an id says nothing.
            if (closeness := _closeness(query, wording.folded)) == 1.0
            or (closeness and wording.where != "id")
        )
        if best := max(scored, key=lambda found: found[0], default=None):
            hits.append((best, node_id))
    hits.sort(key=lambda hit: -hit[0][0])
    return tuple(
        Hit(
            node_id=node_id,
            path=taxonomy.path(node_id),
            where=where,
            matched=wording,
            score=round(score, 3),
        )
        for (score, where, wording), node_id in hits[:limit]
    )


def languages(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Codes of the languages in which nodes have names or keywords, English always among them."""
    found = {"en"}
    for node_id in taxonomy.ids:
        texts = taxonomy.texts(node_id)
        found.update(texts.names, texts.keywords)
    return tuple(sorted(found))


def find(taxonomy: Taxonomy, text: str) -> str:
    """Id of the node with this id, path or name, in that order, written in any case.

    TaxonomyError where no node or more than one is called so; names the nearest ones.
    """
    if text in taxonomy:
        return text
    wanted = fold(text)
    for called in (lambda i: i, taxonomy.path, lambda i: taxonomy[i].name):
        if found := [node_id for node_id in taxonomy.ids if fold(called(node_id)) == wanted]:
            break
    else:
        raise TaxonomyError(
            f"taxonomy {taxonomy.name} has no node {text!r}{_nearest(taxonomy, text)}"
        )
    if len(found) > 1:
        paths = "; ".join(_named(taxonomy, node_id) for node_id in found[:_SHOWN])
        raise TaxonomyError(f"{text!r} may be any of {len(found)} nodes, give an id: {paths}")
    return found[0]


def _nearest(taxonomy: Taxonomy, text: str) -> str:
    whole = {fold(taxonomy[node_id].name): node_id for node_id in reversed(taxonomy.ids)}
    names = {word: node_id for name, node_id in whole.items() for word in name.split()} | whole
    ids = {node_id.casefold(): node_id for node_id in taxonomy.ids}
    alike = difflib.get_close_matches(fold(text), names, n=_SHOWN, cutoff=0.7)
    close = list(dict.fromkeys(names[wording] for wording in alike))
    close = close or [hit.node_id for hit in search(taxonomy, text, limit=_SHOWN)]
    close = close or [ids[i] for i in difflib.get_close_matches(text.casefold(), ids, n=_SHOWN)]
    shown = "; ".join(_named(taxonomy, node_id) for node_id in close)
    return f"; nearest: {shown}" if shown else ""


def _named(taxonomy: Taxonomy, node_id: str) -> str:
    return f"{node_id} ({taxonomy.path(node_id)})"


class _Folding(dict[int, int | None]):
    """What becomes of a character, found out once: accents go, what is no letter is a space."""

    def __missing__(self, code: int) -> int | None:
        letter = chr(code)
        # Only the accents of Latin, Greek and Cyrillic: the marks of other scripts are vowels.
        if "\u0300" <= letter <= "\u036f":
            self[code] = None
        elif letter.isalnum() or unicodedata.category(letter).startswith("M"):
            self[code] = code
        else:
            self[code] = ord(" ")
        return self[code]


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Text as it is compared: no case, width or accents, one space between words."""
    letters = unicodedata.normalize("NFKD", text.casefold()).translate(_FOLDING)
    return " ".join(unicodedata.normalize("NFC", letters).split())


@functools.lru_cache(maxsize=4)
def _folded(taxonomy: Taxonomy) -> tuple[tuple[str, tuple[_Wording, ...]], ...]:
    """(node, its wordings): 0.5 s for Google's 31 languages, once."""
    return tuple(
        (
            node_id,
            tuple(
                _Wording(where, language, text, fold(text))
                for where, language, text in _wordings(taxonomy, node_id)
            ),
        )
        for node_id in taxonomy.ids
    )


def _wordings(taxonomy: Taxonomy, node_id: str) -> Iterator[tuple[Match, str, str]]:
    yield "id", "", node_id
    yield "name", "en", taxonomy[node_id].name
    texts = taxonomy.texts(node_id)
    for synonym in texts.synonyms:
        yield "synonym", "en", synonym
    for language, name in texts.names.items():
        yield "translation", language, name
    for language, keywords in texts.keywords.items():
        for keyword in keywords:
            yield "keyword", language, keyword
    yield "path", "en", taxonomy.path(node_id)


def _closeness(query: str, wording: str) -> float:
    """1 for the whole wording, up to 0.5 for some words of it, 0 for none."""
    if query == wording:
        return 1.0
    # Most wordings do not match: one scan for the first word throws them out.
    first, *rest = query.split(" ")
    if first not in wording:
        return 0.0
    starts = f" {wording}"
    if all(
        f" {word}" in starts or (_unspaced(word) and word in wording) for word in (first, *rest)
    ):
        return 0.5 * len(query) / max(len(wording), len(query))
    return 0.0


def _unspaced(word: str) -> bool:
    """True for a word in a script without spaces: Thai, Lao, Burmese, Khmer, kana, Han."""
    return any(
        "\u0e00" <= c <= "\u109f" or "\u1780" <= c <= "\u17ff" or c >= "\u2e80" for c in word
    )
