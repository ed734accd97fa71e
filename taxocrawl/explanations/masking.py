"""Documents without some of their words, many variants from one look at the text."""

import functools
import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from taxocrawl import words as text_words
from taxocrawl.protocols import Ablation
from taxocrawl.records import FIELD_NAMES, Document, Fields, PageText

_PHRASE_GAPS = frozenset({" ", "-", "\u00a0", "\u2010", ""})

# "3.5" and "e.g.x" hold no space after the stop; stops of scripts without spaces need none.
_END_OF_SENTENCE = re.compile("[\n.!?…。！？।؟۔][\"'”’»)\\]]*(?:(?=\\s)|(?<=[\n。！？।؟۔]))")
_AROUND_SENTENCE = " \t\r\n.!?…。！？।؟۔,;:|·•*–—-"

Tokens = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A sentence, on one line, and the page and field in which it stands."""

    page: PageText
    field: str
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
        """How much a reader sees of each word, (n_words,), where all words were cut.

        Stands in for a classifier's own opinion where it has none.
        """
        weights = text_words.prominence(np.bincount(self._text_of, minlength=len(self._texts)))
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

    def sentences(self, words: Collection[int], *, longest: int) -> tuple[Tokens, Tokens]:
        """Sentences that hold any of these words, by where they begin, and the words: each pair
        once, sorted. One that is far longer than so many characters is cut.
        """
        places = self.places(words)
        first, borders = self._borders
        at = first[self._text_of[places]] + self._starts[places]
        begin = borders[np.searchsorted(borders, at, side="right") - 1]
        begin += (at - begin) // longest * longest
        pairs = np.unique(begin * len(self.words) + self._word_of[places])
        sentence, word = np.divmod(pairs, len(self.words))
        return sentence, word

    def passage(self, sentence: int, *, longest: int) -> Passage:
        """What stands there."""
        firsts, borders = self._borders
        number = int(np.searchsorted(firsts, sentence, side="right")) - 1
        text = self._texts[number]
        at = int(np.searchsorted(borders, sentence, side="right"))
        start = sentence - int(firsts[number])
        end = min(start + int(borders[at]) - sentence, len(text))
        if end - start > longest:
            end = _after(text, start + longest, end)
        if borders[at - 1] < sentence:
            start = _before(text, start)
        page, field = divmod(number, len(FIELD_NAMES))
        return Passage(
            page=self._document.pages[page],
            field=FIELD_NAMES[field],
            text=" ".join(text[start:end].strip(_AROUND_SENTENCE).split()),
        )

    @functools.cached_property
    def _borders(self) -> tuple[Tokens, Tokens]:
        """Where each text begins and where all sentences do, counted through all texts, which stand
        on lines of their own; the end is a border too.
        """
        firsts = np.cumsum([0, *map(len, self._texts)]) + np.arange(len(self._texts) + 1)
        lines = "\n".join((*self._texts, ""))
        ends = [match.end() for match in _END_OF_SENTENCE.finditer(lines)]
        return firsts[:-1], np.array([0, *ends])

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
    while end > 0 and _joins_the_one_before(text, end):
        end -= 1
    return text[:end] + "…"


def _joins_the_one_before(text: str, index: int) -> bool:
    return unicodedata.category(text[index])[0] == "M" or "\u200d" in text[index - 1 : index + 1]


def _before(text: str, start: int) -> int:
    """The beginning of the word that stands there, if it is near."""
    space = text.rfind(" ", max(0, start - text_words.LONGEST_WORD), start + 1)
    if space >= 0:
        return space + 1
    while start > 0 and _joins_the_one_before(text, start):
        start -= 1
    return start


def _after(text: str, end: int, last: int) -> int:
    """The end of the word that stands there, if it is near."""
    space = text.find(" ", end, min(end + text_words.LONGEST_WORD, last))
    if space >= 0:
        return space
    while end < last and _joins_the_one_before(text, end):
        end += 1
    return end


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
