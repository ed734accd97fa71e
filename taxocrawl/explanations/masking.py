"""Documents without some of their words, many variants from one look at the text."""

import functools
import unicodedata
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from taxocrawl import words as text_words
from taxocrawl.protocols import Ablation
from taxocrawl.records import FIELD_NAMES, Document, Fields, PageText

LONGEST_WORD = 40  # characters; what is longer is an address, a hash or a stuffed token

_PHRASE_GAPS = frozenset({" ", "-", "\u00a0", "\u2010", ""})

Tokens = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A sentence, on one line, and the page and field in which it stands."""

    page: PageText
    field: str
    text: str


Sentence = tuple[int, int]
"""The places of its first and last word."""


class WordMask:
    """A document cut into words once. A word is known by its number in `words`.

    `words` stand in the order of their first appearance, written as `taxocrawl.words` compares
    them; `counts` (n_words,) how often each stands in all fields of all pages. Variants carry no
    `extracts`: the words that were left out would still stand there.
    """

    def __init__(self, document: Document) -> None:
        self._document = replace(document, extracts=())
        self._texts: list[str] = [
            text for page in document.pages for _, text in page.fields.items()
        ]
        # Gaps and words in turn; an empty word ends each text, so that the turns go on in the next.
        pieces: list[str] = []
        every: list[str] = []
        lengths: list[int] = []
        for text in self._texts:
            found, words = text_words.pieces(text) if text else ([""], [])
            pieces += found
            pieces.append("")
            every += words
            lengths.append(len(words))
        numbers = {word: number for number, word in enumerate(dict.fromkeys(every))}
        self.words: tuple[str, ...] = tuple(numbers)
        self._word_of: Tokens = np.array([numbers[word] for word in every], dtype=np.intp)
        self._first: Tokens = np.cumsum([0, *lengths])
        self._text_of: Tokens = np.repeat(np.arange(len(lengths)), lengths)
        edges = np.cumsum(np.fromiter(map(len, pieces), dtype=np.intp, count=len(pieces)))
        real = np.arange(len(every)) + self._text_of
        before = np.cumsum([0, *map(len, self._texts)])[self._text_of]
        self._starts: Tokens = edges[::2][real] - before
        self._ends: Tokens = edges[1::2][real] - before
        self._gaps = pieces[::2]
        self.counts: NDArray[np.intp] = np.bincount(self._word_of, minlength=len(self.words))

    def worth_a_look(self) -> list[int]:
        """Numbers of the words that can mean something: with a letter, neither a lone ASCII
        character nor longer than any real word.
        """
        return [number for number, word in enumerate(self.words) if _is_worth(word)]

    def prominence(self) -> NDArray[np.float64]:
        """How much a reader sees of each word, (n_words,): occurrences weighed by field, the less
        the more words that field has.

        Stands in for a classifier's own opinion where it has none.
        """
        lengths = np.diff(self._first)
        by_field = np.array([_FIELD_WEIGHTS[name] for name in FIELD_NAMES])
        weights = by_field[np.arange(len(lengths)) % len(FIELD_NAMES)]
        weights = weights / np.maximum(lengths, 1) ** _CROWDING
        total = np.bincount(
            self._word_of, weights=weights[self._text_of], minlength=len(self.words)
        )
        return total.astype(np.float64)  # an empty one comes as integers

    def without(self, words: Collection[int]) -> Document:
        """The document with no occurrence of these words."""
        return self.cut(self.places(words))

    def places(self, words: Collection[int] | Tokens) -> Tokens:
        """Where these words stand, as numbers of all occurrences in reading order."""
        if len(words) == 1:
            order, first = self._by_word
            [word] = words
            return order[first[word] : first[word + 1]]
        gone = np.zeros(len(self.words), dtype=bool)
        gone[words if isinstance(words, np.ndarray) else list(words)] = True
        return np.flatnonzero(gone[self._word_of])

    @functools.cached_property
    def _by_word(self) -> tuple[Tokens, list[int]]:
        """All places, those of each word together, and where each begins."""
        first = np.cumsum([0, *self.counts])
        return np.argsort(self._word_of, kind="stable"), first.tolist()

    def phrase_places(self, phrase: Sequence[int]) -> Tokens:
        """Where these words stand side by side, the places of all of them."""
        at = self._phrase_places(phrase)
        return np.unique(np.concatenate([at + step for step in range(len(phrase))]))

    def ablation(
        self, variants: Sequence[Tokens], taxonomy: str, node_ids: Sequence[str]
    ) -> Ablation:
        """The document and its variants, each without the words in some places."""
        gone = np.zeros((len(variants), len(self._word_of)), dtype=bool)
        for row, places in enumerate(variants):
            gone[row, places] = True
        page, field = np.divmod(self._text_of, len(FIELD_NAMES))
        return Ablation(
            document=self._document,
            pages=page,
            fields=field,
            starts=self._starts,
            ends=self._ends,
            gone=gone,
            taxonomy=taxonomy,
            node_ids=tuple(node_ids),
        )

    def phrases(self, words: Sequence[int]) -> list[tuple[int, int]]:
        """Pairs of these words that stand side by side, most frequent first, then those of the
        words given first.
        """
        rank = np.full(len(self.words), -1)
        rank[list(words)] = np.arange(len(words))
        first, second = self._word_of[:-1], self._word_of[1:]
        adjacent = (rank[first] >= 0) & (rank[second] >= 0) & (first != second)
        found: dict[tuple[int, int], int] = {}
        for token in np.flatnonzero(adjacent & (self._text_of[:-1] == self._text_of[1:])).tolist():
            if self._gap(token) is not None:
                pair = (int(first[token]), int(second[token]))
                found[pair] = found.get(pair, 0) + 1
        return sorted(found, key=lambda pair: (-found[pair], rank[pair[0]] + rank[pair[1]]))

    def phrase_text(self, phrase: Sequence[int]) -> str:
        """The words as they stand beside each other: with a space, or without one where the
        script has none.
        """
        places = self._phrase_places(phrase) if len(phrase) > 1 else np.zeros(0, dtype=np.intp)
        apart = " " if not len(places) or self._gap(int(places[0])) else ""
        return apart.join(self.words[number] for number in phrase)

    def sentences(self, words: Collection[int], *, longest: int) -> dict[Sentence, set[int]]:
        """Sentences in reading order, none of more than `longest` words, that hold any of these
        words, and which ones they hold.
        """
        borders = self._borders
        found: dict[Sentence, set[int]] = {}
        places = self.places(words)
        for place, word in zip(places.tolist(), self._word_of[places].tolist(), strict=True):
            at = bisect_left(borders, place)
            begin = borders[at - 1] + 1 if at else 0
            first = place - (place - begin) % longest
            found.setdefault((first, min(first + longest - 1, borders[at])), set()).add(word)
        return found

    def passage(self, sentence: Sentence) -> Passage:
        """What stands there."""
        first, last = sentence
        number = int(self._text_of[first])
        page, field = divmod(number, len(FIELD_NAMES))
        written = self._texts[number][self._starts[first] : self._ends[last]]
        return Passage(
            page=self._document.pages[page],
            field=FIELD_NAMES[field],
            text=" ".join(written.split()),
        )

    @functools.cached_property
    def _borders(self) -> list[int]:
        """The last word of each sentence of each text."""
        gaps = [i for i, gap in enumerate(self._gaps) if gap != " " and _ends_sentence(gap)]
        # A gap stands before each word, and one more ends each text.
        text = np.searchsorted(self._first + np.arange(len(self._first)), gaps, side="right") - 1
        ends = np.array(gaps, dtype=np.intp) - text - 1
        borders: list[int] = np.unique(np.concatenate([ends, self._first[1:] - 1])).tolist()
        return borders

    def _phrase_places(self, phrase: Sequence[int]) -> Tokens:
        count = len(self._word_of) - len(phrase) + 1
        if count <= 0:
            return np.zeros(0, dtype=np.intp)
        here = self._text_of[:count] == self._text_of[len(phrase) - 1 :]
        for step, word in enumerate(phrase):
            here &= self._word_of[step : step + count] == word
        return np.array(
            [
                token
                for token in np.flatnonzero(here).tolist()
                if all(self._gap(token + step) is not None for step in range(len(phrase) - 1))
            ],
            dtype=np.intp,
        )

    def _gap(self, token: int) -> str | None:
        """What stands between a word and the next, None where they make no phrase."""
        gap = self._gaps[token + self._text_of[token] + 1]
        return gap if gap in _PHRASE_GAPS else None

    def cut(self, tokens: Tokens) -> Document:
        """The document without the words in these places; pages that hold none stay the same
        objects, so a classifier that remembers pages need not look at them again.
        """
        changed: dict[int, dict[str, str]] = {}
        texts = self._text_of[tokens]
        for number in np.unique(texts).tolist():
            inside = tokens[texts == number]
            page, field = divmod(number, len(FIELD_NAMES))
            spans = zip(self._starts[inside].tolist(), self._ends[inside].tolist(), strict=True)
            changed.setdefault(page, {})[FIELD_NAMES[field]] = _cut(self._texts[number], spans)
        if not changed:
            return self._document
        pages = list(self._document.pages)
        for page, fields in changed.items():
            pages[page] = PageText(url=pages[page].url, fields=_changed(pages[page].fields, fields))
        return replace(self._document, pages=tuple(pages))


# Chosen on train pages with the ranker (see `screening`); exponents of .75 and 1 found fewer of the
# words that weigh most, other weights no more.
_FIELD_WEIGHTS = {
    "title": 1.5,
    "description": 1.0,
    "headings": 1.0,
    "body": 1.2,
    "link_texts": 0.6,
    "alt_texts": 0.3,
    "facts": 0.7,
    "url_words": 0.7,
}
_CROWDING = 0.5


def vocabulary(document: Document) -> dict[str, int]:
    """Words worth a look, with how often each stands in the document."""
    mask = WordMask(document)
    return {mask.words[number]: int(mask.counts[number]) for number in mask.worth_a_look()}


def without(document: Document, words: Iterable[str]) -> Document:
    """The document with no occurrence of these words; see `WordMask` for many variants of one."""
    mask = WordMask(document)
    gone = {" ".join(text_words.words(word)) for word in words}
    return mask.without([number for number, word in enumerate(mask.words) if word in gone])


def shortened(text: str, characters: int) -> str:
    """The text, or as much of its beginning as fits, cut between words and never inside what a
    reader sees as one character (C18).
    """
    if len(text) <= characters:
        return text
    end = characters - 1
    space = text.rfind(" ", characters // 2, end)
    if space > 0:
        return text[:space] + "…"
    while end > 0 and _joins_the_one_before(text, end):
        end -= 1
    return text[:end] + "…"


def _joins_the_one_before(text: str, index: int) -> bool:
    return unicodedata.category(text[index])[0] == "M" or "\u200d" in text[index - 1 : index + 1]


@functools.lru_cache(maxsize=50_000)
def _is_worth(word: str) -> bool:
    if len(word) > LONGEST_WORD or not any(character.isalpha() for character in word):
        return False
    return len(word) > 1 or not word.isascii()


@functools.lru_cache(maxsize=10_000)
def _ends_sentence(gap: str) -> bool:
    if "\n" in gap:
        return True
    # "3.5" and "e.g.x" hold no space after the stop; CJK stops need none (category Po, fullwidth).
    stop = gap.strip()[:1]
    if stop in {"。", "！", "？", "।", "؟", "۔"}:
        return True
    return stop in {".", "!", "?", "…"} and any(unicodedata.category(c) == "Zs" for c in gap)


def _cut(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text without these spans; what stood on both sides stays apart."""
    pieces: list[str] = []
    position = 0
    for start, end in spans:
        pieces.append(text[position:start].rstrip(" "))
        position = end
    pieces.append(text[position:])
    return " ".join(piece.lstrip(" ") for piece in pieces if piece)


def _changed(fields: Fields, texts: dict[str, str]) -> Fields:
    return replace(fields, **texts)
