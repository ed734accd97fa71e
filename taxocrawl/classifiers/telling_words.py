"""Which words of a page are likeliest to move its answer: a look at token ids, few words are cut.

What stands between two spaces is a unit; in a script without spaces, a token; a word itself in
texts where punctuation alone parts many words, and where the tokenizer does not part at spaces. The
tokens of units are known, so one product with the linear head gives what all units of a batch say,
and only those that say most are looked at as text.
"""

import functools
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from taxocrawl import words
from taxocrawl.classifiers.ablated_pages import PageRead
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.linear import LinearHead, standard_deviations
from taxocrawl.classifiers.ranges import ranges
from taxocrawl.classifiers.reading import N_FIELDS, unit
from taxocrawl.protocols import Vectors

Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]
Weights = NDArray[np.float64]

# Units that are looked at beyond those wanted: some hold no word, or one that others hold as well.
_SPARE = 6
# Of the words in one unit, "state-of-the-art", so many are looked at.
_WORDS_OF_UNIT = 2
# A run of letters without a space has many tokens; several words that punctuation joins, or an
# address, have more than nearly all words.
_TOKENS_OF_RUN = 4
_TOKENS_OF_MANY = 6
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Units:
    """Distinct units of documents: those of document i from `first[i]` to `first[i + 1]`, what
    one token weighs in them all together by each view of the head, `weights` (n_views, n_units); in
    what text and as which unit of it one stands, both (n_units,); `tokens` of all units in a row,
    where each unit's begin, `starts`, and how many they are, `lengths`, both (n_units,).
    """

    first: Ints
    weights: Weights
    texts: Ints
    places: Ints
    tokens: Ints
    starts: Ints
    lengths: Ints


class TellingWords:
    """Words of pages that one linear head has read."""

    def __init__(self, head: LinearHead, encoder: StaticEncoder) -> None:
        self._head = head
        self._encoder = encoder

    def find(
        self, documents: Sequence[Sequence[PageRead]], asked: Sequence[Vectors], *, most: int
    ) -> list[list[list[str]]]:
        """At most `most` words of each document for each question about it: weights of nodes,
        (n_questions, n_nodes).

        By the size of what all places of a unit add to the weighed sum of logits, the fields' and
        the pages' lengths held as they are.
        """
        cut, units = self._units(documents)
        known, place = _distinct(units.tokens, len(self._encoder.token_vectors))
        tables = self._head.view_weights(np.concatenate(asked), self._encoder.token_vectors, known)
        starts = np.append(units.starts, len(units.tokens))
        columns = zip(*(table.T for table in tables), strict=True)
        found: list[list[list[str]]] = []
        for number, questions in enumerate(asked):
            first, last = units.first[number : number + 2].tolist()
            own = place[starts[first] : starts[last]]
            firsts = starts[first:last] - starts[first]
            chosen: list[list[str]] = []
            for of_views in islice(columns, len(questions)):
                says = np.zeros(last - first)
                if len(own):
                    for column, weights in zip(of_views, units.weights, strict=True):
                        says += np.add.reduceat(column[own], firsts) * weights[first:last]
                order = first + np.argsort(-np.abs(says), kind="stable")[: most + _SPARE]
                told = dict.fromkeys(cut.words_of(units, order))
                chosen.append(list(islice(told, most)))
            found.append(chosen)
        return found

    def _units(self, documents: Sequence[Sequence[PageRead]]) -> "tuple[_Texts, _Units]":
        """The texts of all documents, and their units."""
        texts = [text for document in documents for page in document for text in page.texts]
        parts = self._encoder.tokens_by_word(texts)
        cut = _Texts(texts, self._encoder)
        parted = self._encoder.parts_at_spaces
        for number, (text, (ids, lengths)) in enumerate(zip(texts, parts, strict=True)):
            longest = lengths.max(initial=0)
            if parted and longest >= _TOKENS_OF_RUN and words.is_spaceless(text):
                cut.spaceless.add(number)
                parts[number] = ids, np.ones(len(ids), dtype=np.int64)
            elif longest >= _TOKENS_OF_MANY or not parted:
                parts[number] = self._encoder.tokenize_words(cut.cut_into_words(number))
        counts = np.fromiter((len(lengths) for _, lengths in parts), dtype=np.int64)
        tokens = np.concatenate([ids for ids, _ in parts])
        lengths = np.concatenate([lengths for _, lengths in parts])
        text_of = np.repeat(np.arange(len(texts)), counts)
        n_texts = [len(document) * N_FIELDS for document in documents]
        document_of = np.repeat(np.arange(len(documents)), n_texts)[text_of]
        spoken = np.flatnonzero(lengths)
        starts = (np.cumsum(lengths) - lengths)[spoken]
        # Sorted by document first.
        keys = (_keys(tokens, starts, lengths[spoken]) >> np.uint64(24)) | (
            document_of[spoken].astype(np.uint64) << np.uint64(40)
        )
        _, one, number_of = np.unique(keys, return_index=True, return_inverse=True)
        weights = self._weights([page for document in documents for page in document])
        some = spoken[one]
        of_some = lengths[some]
        return cut, _Units(
            first=np.searchsorted(document_of[some], np.arange(len(documents) + 1)),
            weights=np.stack(
                [np.bincount(number_of, weights=row[text_of[spoken]]) for row in weights]
            ),
            texts=text_of[some],
            places=some - (np.cumsum(counts) - counts)[text_of[some]],
            tokens=tokens[ranges(starts[one], of_some)],
            starts=np.cumsum(of_some) - of_some,
            lengths=of_some,
        )

    def _weights(self, pages: Sequence[PageRead]) -> Weights:
        """What one token weighs in each text of the pages by each view, (n_views, n_texts): the
        field's weight over the length of its sum, over the page's deviation.
        """
        lengths = self._encoder.lengths([text for page in pages for text in page.texts])
        sums = np.stack([page.token_sums for page in pages])
        rows = []
        for view, units, of_sums in (
            (
                self._head.encoder_view,
                np.stack([page.vectors for page in pages]),
                lengths.reshape(len(pages), N_FIELDS),
            ),
            (self._head.token_view, unit(sums), np.linalg.norm(sums, axis=2)),
        ):
            deviations = standard_deviations(np.matmul(view.fields, units))[:, None]
            rows.append(view.fields / np.where(of_sums > 0, of_sums, np.inf) / deviations)
        return np.stack(rows).reshape(len(rows), -1).astype(np.float64)


class _Texts:
    """Texts in which words are looked up; the numbers of those without spaces are `spaceless`."""

    def __init__(self, texts: Sequence[str], encoder: StaticEncoder) -> None:
        self.spaceless: set[int] = set()
        self._texts = texts
        self._encoder = encoder
        self._cut: dict[int, list[str]] = {}
        self._placed: dict[int, list[tuple[int, int, str]]] = {}

    def cut_into_words(self, number: int) -> list[str]:
        """Its words, which are its units from now on."""
        self._cut[number] = words.words(self._texts[number])
        return self._cut[number]

    def words_of(self, units: _Units, numbers: Ints) -> Iterator[str]:
        """Words worth a look in these units."""
        starts, ends = units.starts[numbers], (units.starts + units.lengths)[numbers]
        rows = (row.tolist() for row in (starts, ends, units.texts[numbers], units.places[numbers]))
        for start, end, text, place in zip(*rows, strict=True):
            letters = "".join(self._encoder.tokens(units.tokens[start:end]))
            written = self._texts[text]
            if text in self.spaceless:
                yield from self._around(text, letters)
            elif text in self._cut:
                yield from _worth_a_look(self._cut[text][place])
            elif written.isascii() and (end - start == 1 or letters in written.lower()):
                yield from _worth_a_look(letters)
            else:  # several words, or letters that the tokenizer writes in another way
                yield from _worth_a_look(written.split()[place])

    def _around(self, number: int, letters: str) -> Iterator[str]:
        """The word of a text without spaces that these letters are, or those of which they are a
        part where they stand first.
        """
        if number not in self._placed:
            self._placed[number] = words.placed(self._texts[number])
        placed = self._placed[number]
        if any(letters == word for _, _, word in placed):
            yield from _worth_a_look(letters)
            return
        start = self._texts[number].casefold().find(letters)
        for begin, end, word in placed[max(0, bisect_right(placed, (start,)) - 1) :]:
            if start < 0 or begin >= start + len(letters):
                break
            if end > start:
                yield from _worth_a_look(word)


def _keys(tokens: Ints, starts: Ints, lengths: Ints) -> Keys:
    """A number for each unit, the same for the same tokens and hardly ever for others."""
    within = ranges(np.zeros_like(starts), lengths)
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
