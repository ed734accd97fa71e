"""Which words of a page are likeliest to move its answer: a look at token ids, no word is cut.

What stands between two spaces is a unit; in a script without spaces, a token. The tokens of units
are known, so one product with the linear head gives what all units of a batch say, and only those
that say most are looked at as text.
"""

import functools
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from taxocrawl import words
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.linear import LinearHead
from taxocrawl.protocols import Vectors

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

# The mean of all opinions keeps words whose sign or size the linear head does not see.
_SHARE_OF_MEAN = 0.1
# Of the words in one unit, "state-of-the-art", so many are looked at.
_WORDS_OF_UNIT = 2
# A run of letters without a space has many tokens.
_TOKENS_OF_RUN = 4
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Units:
    """Distinct units of documents: those of document i from `first[i]` to `first[i + 1]`, how
    prominent each is, in what text and as which unit of it one stands, all (n_units,); `tokens` of
    all units in a row, `lengths` (n_units,) how many each has.
    """

    first: Ints
    prominence: NDArray[np.float64]
    texts: Ints
    places: Ints
    tokens: Ints
    lengths: Ints


class TellingWords:
    """Words of pages that one linear head has read."""

    def __init__(self, head: LinearHead, encoder: StaticEncoder) -> None:
        self._head = head
        self._encoder = encoder

    def find(
        self,
        documents: Sequence[Sequence[tuple[str, ...]]],
        asked: Sequence[Vectors],
        *,
        most: int,
    ) -> list[list[list[str]]]:
        """At most `most` words of each document, the texts of its pages by field, for each question
        about it: weights of nodes, (n_questions, n_nodes).

        By the size of what a unit adds to the weighed sum of logits, times how prominent it stands.
        """
        texts = [text for document in documents for page in document for text in page]
        n_texts = [sum(map(len, document)) for document in documents]
        spaceless, units = self._units(texts, n_texts)
        known, place = _distinct(units.tokens, len(self._encoder.token_vectors))
        table = self._head.node_weights(np.concatenate(asked), self._encoder.token_vectors, known)
        starts = np.append(np.cumsum(units.lengths) - units.lengths, len(units.tokens))
        columns = iter(table.T)
        cut = _Cut(texts, spaceless, self._encoder)
        found: list[list[list[str]]] = []
        for number, questions in enumerate(asked):
            first, last = units.first[number : number + 2].tolist()
            begin, end = starts[first], starts[last]
            chosen: list[list[str]] = []
            for column in islice(columns, len(questions)):
                if first == last:
                    chosen.append([])
                    continue
                says = np.add.reduceat(column[place[begin:end]], starts[first:last] - begin)
                sizes = np.abs(says)
                sizes += _SHARE_OF_MEAN * sizes.mean()
                promise = sizes * units.prominence[first:last]
                order = first + np.argsort(-promise, kind="stable")[: 2 * most]
                chosen.append(
                    list(islice(dict.fromkeys(cut.words_of(units, order.tolist())), most))
                )
            found.append(chosen)
        return found

    def _units(self, texts: Sequence[str], n_texts: Sequence[int]) -> tuple[set[int], _Units]:
        """Numbers of the texts without spaces, and the units of all."""
        parts = self._encoder.tokens_by_word(texts)
        spaceless = set()
        for number, (text, (ids, lengths)) in enumerate(zip(texts, parts, strict=True)):
            if lengths.max(initial=0) >= _TOKENS_OF_RUN and words.is_spaceless(text):
                spaceless.add(number)
                parts[number] = ids, np.ones(len(ids), dtype=np.int64)
        counts = np.fromiter((len(lengths) for _, lengths in parts), dtype=np.int64)
        tokens = np.concatenate([ids for ids, _ in parts])
        lengths = np.concatenate([lengths for _, lengths in parts])
        text_of = np.repeat(np.arange(len(texts)), counts)
        document_of = np.repeat(np.arange(len(n_texts)), n_texts)[text_of]
        spoken = np.flatnonzero(lengths)
        starts = (np.cumsum(lengths) - lengths)[spoken]
        # Sorted by document first.
        keys = (_keys(tokens, starts, lengths[spoken]) >> np.uint64(16)) | (
            document_of[spoken].astype(np.uint64) << np.uint64(48)
        )
        _, one, number_of = np.unique(keys, return_index=True, return_inverse=True)
        weights = words.prominence(counts)[text_of[spoken]]
        some = spoken[one]
        of_some = lengths[some]
        within = np.arange(of_some.sum()) - np.repeat(np.cumsum(of_some) - of_some, of_some)
        return spaceless, _Units(
            first=np.searchsorted(document_of[some], np.arange(len(n_texts) + 1)),
            prominence=np.bincount(number_of, weights=weights).astype(np.float64),
            texts=text_of[some],
            places=some - (np.cumsum(counts) - counts)[text_of[some]],
            tokens=tokens[np.repeat(starts[one], of_some) + within],
            lengths=of_some,
        )


class _Cut:
    """Texts cut into words where that is asked for."""

    def __init__(self, texts: Sequence[str], spaceless: set[int], encoder: StaticEncoder) -> None:
        self._texts = texts
        self._spaceless = spaceless
        self._encoder = encoder
        self._units: dict[int, list[str]] = {}
        self._spans: dict[int, list[tuple[int, int]]] = {}

    def words_of(self, units: _Units, numbers: Sequence[int]) -> Iterator[str]:
        """Words worth a look in these units."""
        texts, places = units.texts[numbers].tolist(), units.places[numbers].tolist()
        for number, text, place in zip(numbers, texts, places, strict=True):
            if text in self._spaceless:
                starts = np.cumsum(units.lengths[: number + 1])
                yield from self._around(text, int(units.tokens[starts[-1] - 1]))
                continue
            cut = self._units.get(text)
            if cut is None:
                cut = self._units[text] = self._texts[text].split()
            yield from _worth_a_look(cut[place])

    def _around(self, number: int, token: int) -> Iterator[str]:
        """The words of a text without spaces that share letters with a token."""
        text = self._texts[number]
        [letters] = self._encoder.tokens(np.array([token]))
        start = text.casefold().find(letters)
        spans = self._spans.get(number)
        if spans is None:
            spans = self._spans[number] = words.spans(text)
        if start < 0:
            return
        first = max(0, bisect_right(spans, (start,)) - 1)
        for begin, end in spans[first:]:
            if begin >= start + len(letters):
                break
            if end > start:
                yield from _worth_a_look(text[begin:end])


def _keys(tokens: Ints, starts: Ints, lengths: Ints) -> Keys:
    """A number for each unit, the same for the same tokens and hardly ever for others."""
    within = np.arange(len(tokens)) - np.repeat(starts, lengths)
    mixed = (tokens + 1).astype(np.uint64) * (_ODD + 2 * within.astype(np.uint64))
    mixed ^= mixed >> np.uint64(29)
    mixed *= _ODD
    result: Keys = np.add.reduceat(mixed, starts) if len(starts) else mixed
    return result


def _distinct(tokens: Ints, n_tokens: int) -> tuple[Ints, Ints]:
    """The tokens that occur, sorted, and the place of each among them."""
    seen = np.zeros(n_tokens, dtype=np.bool_)
    seen[tokens] = True
    known = np.flatnonzero(seen)
    place = np.empty(n_tokens, dtype=np.int64)
    place[known] = np.arange(len(known))
    return known, place[tokens]


@functools.lru_cache(maxsize=50_000)
def _worth_a_look(unit: str) -> tuple[str, ...]:
    """Words in a unit that can mean something, the longest first."""
    if unit.isascii() and unit.isalpha():
        return (unit.lower(),) if words.is_worth_a_look(unit) else ()
    found = filter(words.is_worth_a_look, words.words(unit))
    return tuple(sorted(found, key=lambda word: -len(word)))[:_WORDS_OF_UNIT]
