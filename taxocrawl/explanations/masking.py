"""Documents without some of their words, many variants from one look at the text."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from taxocrawl import words as text_words
from taxocrawl.records import FIELD_NAMES, Document, Fields, PageText

LONGEST_WORD = 40  # characters; what is longer is an address, a hash or a stuffed token

_PHRASE_GAPS = frozenset({" ", "-", "\u00a0", "\u2010", ""})

Tokens = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A run of words of one field: characters `start` to `end` of it, words as their numbers."""

    page: PageText
    field: str
    text: str
    words: tuple[int, ...]


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
        numbers: dict[str, int] = {}
        by_surface: dict[str, int] = {}
        starts: list[int] = []
        ends: list[int] = []
        word_of: list[int] = []
        lengths: list[int] = []
        for text in self._texts:
            spans = text_words.spans(text)
            lengths.append(len(spans))
            for start, end in spans:
                surface = text[start:end]
                number = by_surface.get(surface)
                if number is None:
                    number = numbers.setdefault(_normal(surface), len(numbers))
                    by_surface[surface] = number
                starts.append(start)
                ends.append(end)
                word_of.append(number)
        self.words: tuple[str, ...] = tuple(numbers)
        self._starts: Tokens = np.array(starts, dtype=np.intp)
        self._ends: Tokens = np.array(ends, dtype=np.intp)
        self._word_of: Tokens = np.array(word_of, dtype=np.intp)
        self._first: Tokens = np.concatenate([[0], np.cumsum(lengths)]).astype(np.intp)
        self._text_of: Tokens = np.repeat(np.arange(len(lengths), dtype=np.intp), lengths)
        self.counts: NDArray[np.intp] = np.bincount(self._word_of, minlength=len(self.words))

    def worth_a_look(self) -> list[int]:
        """Numbers of the words that can mean something: with a letter, neither a lone ASCII
        character nor longer than any real word.
        """
        return [number for number, word in enumerate(self.words) if _is_worth(word)]

    def prominence(self) -> NDArray[np.float64]:
        """How much a reader sees of each word, (n_words,): occurrences weighed by field and place.

        Stands in for a classifier's own opinion where it has none.
        """
        # A word of the title counts as much as some of the text, the first words of a field more
        # than later ones: half as much at its hundredth word.
        by_field = np.array([_FIELD_WEIGHTS[name] for name in FIELD_NAMES])
        place = np.arange(len(self._word_of)) - self._first[self._text_of]
        weights = by_field[self._text_of % len(FIELD_NAMES)] / (1.0 + place / 100.0)
        total = np.bincount(self._word_of, weights=weights, minlength=len(self.words))
        return total.astype(np.float64)  # an empty one comes as integers

    def without(self, words: Collection[int]) -> Document:
        """The document with no occurrence of these words; pages that hold none stay the same
        objects, so a classifier that remembers pages need not look at them again.
        """
        gone = np.zeros(len(self.words), dtype=bool)
        gone[list(words)] = True
        return self._cut(np.flatnonzero(gone[self._word_of]))

    def without_phrase(self, phrase: Sequence[int]) -> Document:
        """The document without the places where these words stand side by side."""
        at = self._phrase_places(phrase)
        return self._cut(np.unique(np.concatenate([at + step for step in range(len(phrase))])))

    def phrases(self, words: Collection[int]) -> list[tuple[int, int]]:
        """Pairs of these words that stand side by side, most frequent first."""
        wanted = np.zeros(len(self.words), dtype=bool)
        wanted[list(words)] = True
        first, second = self._word_of[:-1], self._word_of[1:]
        adjacent = wanted[first] & wanted[second] & (first != second)
        found: dict[tuple[int, int], int] = {}
        for token in np.flatnonzero(adjacent & (self._text_of[:-1] == self._text_of[1:])).tolist():
            if self._gap(token) is not None:
                pair = (int(first[token]), int(second[token]))
                found[pair] = found.get(pair, 0) + 1
        return sorted(found, key=lambda pair: -found[pair])

    def phrase_text(self, phrase: Sequence[int]) -> str:
        """The words as they stand beside each other: with a space, or without one where the
        script has none.
        """
        places = self._phrase_places(phrase) if len(phrase) > 1 else np.zeros(0, dtype=np.intp)
        apart = " " if not len(places) or self._gap(int(places[0])) else ""
        return apart.join(self.words[number] for number in phrase)

    def passages(self, fields: Collection[str], *, longest: int) -> Iterator[Passage]:
        """Sentences of these fields in reading order, none of more than `longest` words."""
        for number, text in enumerate(self._texts):
            page = self._document.pages[number // len(FIELD_NAMES)]
            field = FIELD_NAMES[number % len(FIELD_NAMES)]
            if field not in fields:
                continue
            for first, last in self._sentences(number, longest):
                words = tuple(self._word_of[first : last + 1].tolist())
                written = text[self._starts[first] : self._ends[last]]
                yield Passage(page=page, field=field, text=" ".join(written.split()), words=words)

    def _sentences(self, number: int, longest: int) -> Iterator[tuple[int, int]]:
        text, last = self._texts[number], int(self._first[number + 1]) - 1
        begin = int(self._first[number])
        for token in range(begin, last + 1):
            ends_here = token == last or token - begin + 1 >= longest
            if ends_here or _ends_sentence(text[self._ends[token] : self._starts[token + 1]]):
                yield begin, token
                begin = token + 1

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
        gap = self._texts[self._text_of[token]][self._ends[token] : self._starts[token + 1]]
        return gap if gap in _PHRASE_GAPS else None

    def _cut(self, tokens: Tokens) -> Document:
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


_FIELD_WEIGHTS = {
    "title": 8.0,
    "description": 4.0,
    "headings": 2.0,
    "body": 1.0,
    "link_texts": 0.5,
    "alt_texts": 0.5,
    "facts": 1.0,
    "url_words": 4.0,
}


def vocabulary(document: Document) -> dict[str, int]:
    """Words worth a look, with how often each stands in the document."""
    mask = WordMask(document)
    return {mask.words[number]: int(mask.counts[number]) for number in mask.worth_a_look()}


def without(document: Document, words: Iterable[str]) -> Document:
    """The document with no occurrence of these words; see `WordMask` for many variants of one."""
    mask = WordMask(document)
    gone = {_normal(word) for word in words}
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


def _normal(surface: str) -> str:
    # The one word of a span; a span that holds none by the rules for whole texts stays itself.
    return " ".join(text_words.words(surface)) or surface


def _is_worth(word: str) -> bool:
    if len(word) > LONGEST_WORD or not any(character.isalpha() for character in word):
        return False
    return len(word) > 1 or not word.isascii()


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
