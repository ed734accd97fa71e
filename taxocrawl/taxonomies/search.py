"""Nodes of a taxonomy by what people call them, in any language that it knows."""

import functools
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A node found: `matched` is the wording that matched, `where` what it is of the node."""

    node_id: str
    path: str
    where: Match
    matched: str
    score: float


def search(taxonomy: Taxonomy, text: str, *, limit: int = 10) -> tuple[Hit, ...]:
    """The best matches of a name, synonym, keyword or id, best first; ties in the tree's order.

    Every word of `text` must begin a word of the wording; in scripts without spaces it may stand
    anywhere. Case, width and accents do not matter.
    """
    query = fold(text)
    if not query:
        return ()
    hits = []
    for node_id, wordings in _folded(taxonomy):
        scored = (
            (_WORTH[where] * closeness, where, wording)
            for where, wording, folded in wordings
            # Part of an id says nothing.
            if (closeness := _closeness(query, folded)) == 1.0 or (closeness and where != "id")
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
def _folded(taxonomy: Taxonomy) -> tuple[tuple[str, tuple[tuple[Match, str, str], ...]], ...]:
    """(node, ((where, wording, folded wording), ...)): 0.5 s for Google's 31 languages, once."""
    return tuple(
        (node_id, tuple((where, text, fold(text)) for where, text in _wordings(taxonomy, node_id)))
        for node_id in taxonomy.ids
    )


def _wordings(taxonomy: Taxonomy, node_id: str) -> Iterable[tuple[Match, str]]:
    yield "id", node_id
    yield "name", taxonomy[node_id].name
    texts = taxonomy.texts(node_id)
    for synonym in texts.synonyms:
        yield "synonym", synonym
    for name in texts.names.values():
        yield "translation", name
    for keywords in texts.keywords.values():
        for keyword in keywords:
            yield "keyword", keyword
    yield "path", taxonomy.path(node_id)


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
