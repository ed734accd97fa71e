"""Documents without some of their words, many variants from one look at the text."""

import functools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from taxocrawl import words as text_words
from taxocrawl.explanations.sentences import Sentences, joins_the_one_before
from taxocrawl.protocols import Ablation
from taxocrawl.records import FIELD_NAMES, Document, Fields, PageText

_PHRASE_GAPS = frozenset({" ", "-", "\u00a0", "\u2010", ""})

_HAS_SENTENCES = np.array(
    [name in ("title", "description", "headings", "body") for name in FIELD_NAMES]
)
# In the order of FIELD_NAMES. Chosen on train pages, by how many of the words that weigh most are
# found; exponents of .75 and 1 found fewer, other weights no more.
_FIELD_WEIGHTS = np.array((1.5, 1.0, 1.0, 1.2, 0.6, 0.3, 0.7, 0.7))
_CROWDING = 0.5

Tokens = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A sentence, on one line, and the page on which it stands."""

    page: PageText
    text: str


Bools = NDArray[np.bool_]
Phrase = tuple[int, int]
"""Two words that stand side by side."""


class WordMask:
    """A document cut into words once. A word is known by its number in `words`.

    `words` stand in the order of their first appearance, written as `taxocrawl.words` compares
    them, or are those given, where no others are looked for; `counts` (n_words,) how often each
    stands in all fields of all pages. Variants carry no `extracts`: the words that were left out
    would still stand there.
    """

    def __init__(self, document: Document, words: Sequence[str] | None = None) -> None:
        self._document = replace(document, extracts=())
        self._texts = [text for page in document.pages for _, text in page.fields.items()]
        if words is None:
            self._cut_all()
        else:
            self._find(words)
        self.counts: NDArray[np.intp] = np.bincount(self._word_of, minlength=len(self.words))

    def _cut_all(self) -> None:
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
        self.words = tuple(numbers)
        self._word_of: Tokens = np.array([numbers[word] for word in every], dtype=np.intp)
        self._text_of: Tokens = np.repeat(np.arange(len(lengths)), lengths)
        edges = np.cumsum(np.fromiter(map(len, pieces), dtype=np.intp, count=len(pieces)))
        real = np.arange(len(every)) + self._text_of
        before = np.cumsum([0, *map(len, self._texts)])[self._text_of]
        self._starts: Tokens = edges[::2][real] - before
        self._ends: Tokens = edges[1::2][real] - before

    def _find(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        found = [
            (number, *place)
            for number, text in enumerate(self._texts)
            for place in text_words.places(text, words)
        ]
        rows = np.array(found, dtype=np.intp).reshape(-1, 4)
        self._text_of, self._starts, self._ends, self._word_of = rows.T

    def worth_a_look(self) -> list[int]:
        """Numbers of the words that can mean something."""
        return [n for n, word in enumerate(self.words) if text_words.is_worth_a_look(word)]

    def prominence(self) -> NDArray[np.float64]:
        """How much a reader sees of each word, (n_words,), where all words were cut: occurrences
        weighed by field, the less the more words that field has.

        Stands in for a classifier's own opinion where it has none.
        """
        lengths = np.bincount(self._text_of, minlength=len(self._texts))
        weights = np.resize(_FIELD_WEIGHTS, len(lengths)) / np.maximum(lengths, 1) ** _CROWDING
        total = np.bincount(
            self._word_of, weights=weights[self._text_of], minlength=len(self.words)
        )
        return total.astype(np.float64)  # an empty one comes as integers

    def without(self, words: Collection[int]) -> Document:
        """The document with no occurrence of these words."""
        return self.cut(self.places(words))

    def places(self, words: Collection[int] | Tokens) -> Tokens:
        """Where these words stand, as numbers of all occurrences in reading order."""
        gone = np.zeros(len(self.words), dtype=np.bool_)
        gone[words if isinstance(words, np.ndarray) else list(words)] = True
        return np.flatnonzero(gone[self._word_of])

    def gone(self, words: Bools) -> Bools:
        """Whether the word in each place goes, (n_variants, n_places), from the words that go,
        (n_variants, n_words).
        """
        return words[:, self._word_of]

    def ablation(self, gone: Bools, taxonomy: str, node_ids: Sequence[str]) -> Ablation:
        """The document and its variants, each without the words in some places, (n_variants,
        n_places).
        """
        page, field = np.divmod(self._text_of, len(FIELD_NAMES))
        return Ablation(
            document=self._document,
            words=self._word_of,
            pages=page,
            fields=field,
            starts=self._starts,
            ends=self._ends,
            gone=gone,
            taxonomy=taxonomy,
            node_ids=tuple(node_ids),
        )

    def phrases(self, words: Sequence[int], *, most: int) -> dict[Phrase, Tokens]:
        """Pairs of these words that stand side by side, most frequent first, then those of the
        words given first; and the places of both wherever they do.
        """
        rank = np.full(len(self.words), -1)
        rank[list(words)] = np.arange(len(words))
        first, second = self._word_of[:-1], self._word_of[1:]
        near = (rank[first] >= 0) & (rank[second] >= 0) & (first != second)
        near &= (self._starts[1:] - self._ends[:-1] <= 1) & (
            self._text_of[1:] == self._text_of[:-1]
        )
        found: dict[Phrase, list[int]] = {}
        numbers = self._word_of.tolist()
        for place in np.flatnonzero(near).tolist():
            if self._gap(place) in _PHRASE_GAPS:
                found.setdefault((numbers[place], numbers[place + 1]), []).append(place)
        order = sorted(found, key=lambda pair: (-len(found[pair]), rank[pair[0]] + rank[pair[1]]))
        return {
            pair: np.array([at + step for at in found[pair] for step in (0, 1)])
            for pair in order[:most]
        }

    def phrase_text(self, phrase: Phrase, places: Tokens) -> str:
        """The words as they stand beside each other: with a space, or without one where the
        script has none.
        """
        apart = " " if self._gap(int(places[0])) else ""
        return apart.join(self.words[number] for number in phrase)

    def sentences(self, weights: NDArray[np.float64]) -> Iterator[tuple[int, float, list[int]]]:
        """Sentences with the sum of the weights of their words, each counted once, the greatest
        first, and these words; `weights` (n_words,), 0 for those that do not count.
        """
        held = (weights[self._word_of] != 0) & (self._sentence_of >= 0)
        if not held.any():
            return
        pairs = np.unique(self._sentence_of[held] * len(weights) + self._word_of[held])
        sentence, word = np.divmod(pairs, len(weights))
        borders = np.flatnonzero(sentence[1:] != sentence[:-1]) + 1
        firsts, lasts = [0, *borders.tolist()], [*borders.tolist(), len(pairs)]
        sums = np.add.reduceat(weights[word], firsts)
        for number in np.argsort(-sums, kind="stable").tolist():
            first, last = firsts[number], lasts[number]
            yield int(sentence[first]), float(sums[number]), word[first:last].tolist()

    def passage(self, sentence: int) -> Passage:
        """What stands there."""
        number, text = self._sentences.read(sentence)
        return Passage(page=self._document.pages[number // len(FIELD_NAMES)], text=text)

    @functools.cached_property
    def _sentences(self) -> Sentences:
        shown = np.resize(_HAS_SENTENCES, len(self._texts)).tolist()
        return Sentences([t if show else "" for t, show in zip(self._texts, shown, strict=True)])

    @functools.cached_property
    def _sentence_of(self) -> Tokens:
        """The sentence of each place, (n_places,), -1 in fields that are no sentences."""
        found = self._sentences.of(self._text_of, self._starts)
        return np.where(_HAS_SENTENCES[self._text_of % len(FIELD_NAMES)], found, -1)

    def _gap(self, place: int) -> str:
        """What stands between a word and the next in the same text."""
        text = self._texts[int(self._text_of[place])]
        return text[int(self._ends[place]) : int(self._starts[place + 1])]

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
    while end > 0 and joins_the_one_before(text, end):
        end -= 1
    return text[:end] + "…"


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
