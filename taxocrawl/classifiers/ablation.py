"""A page that was read once, without some of its words: many variants for little.

A field's vector is a sum of token vectors, so a variant's is that sum less the word's own. Nothing
is tokenised again but the words that go, and only the page's candidates get new features.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xgboost
from numpy.typing import NDArray

from taxocrawl.classifiers.ablated_features import AblatedFeatures, Variants, nearest
from taxocrawl.classifiers.ablated_keywords import AblatedKeywords
from taxocrawl.classifiers.ablated_pages import Cuts, PageRead
from taxocrawl.classifiers.ablated_vectors import Lost, lengths_of
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.linear import softmax
from taxocrawl.classifiers.reading import N_FIELDS, unit
from taxocrawl.classifiers.sources import Sources
from taxocrawl.protocols import Vectors

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Candidates whose margin is worked out anew in each variant, the likeliest of a page: on 160 gate
# pages four hold .88 of the probability. Where they keep less than a part of their weight others
# may come up, and more are looked at. Six and twenty bring falls from .009 to .007 off, on average,
# and take a third more time.
LIKELY = 4
MORE = 12
LEAST_KEPT = 0.75
# Letters beside a word that the tokenizer may join with it, where no border parts them.
CONTEXT = 16

_KEYWORDS = FEATURE_NAMES.index("keywords")
_LETTERS = FEATURE_NAMES.index("letters")

Kind = tuple[str, str, str]
"""A word with what it touches on its left and right, no border between."""


class PageAblation:
    """Answers of one ranker to pages without some of their words."""

    def __init__(
        self,
        *,
        sources: Sources,
        encoder: StaticEncoder,
        booster: xgboost.Booster,
        temperature: float,
    ) -> None:
        self._sources = sources
        self._encoder = encoder
        self._booster = booster
        self._temperature = temperature
        self._features = AblatedFeatures(sources)
        self._keywords = AblatedKeywords(sources.keywords, len(sources.nodes))

    def shares(self, pages: Sequence[PageRead], cuts: Sequence[Cuts]) -> list[Vectors]:
        """Share of each of the page's candidates in each variant, (n_variants, n_candidates)."""
        if not pages:
            return []
        touched = [np.flatnonzero(cut.gone.any(axis=1)) for cut in cuts]
        few = [replace(cut, gone=cut.gone[rows]) for cut, rows in zip(cuts, touched, strict=True)]
        variants = self._variants(pages, few)
        batch = _Batch(
            candidates=np.stack([page.candidates for page in pages]),
            features=np.stack([page.features for page in pages]),
            near=nearest(np.stack([page.cosines for page in pages])),
        )
        margins = np.stack([page.margins for page in pages])
        likely = np.argsort(-margins, axis=1, kind="stable")
        before = _parts(margins[:, None], likely[:, :LIKELY], self._temperature)
        moved = np.repeat(margins[:, None], variants.letters.shape[1], axis=1)
        n_touched = np.array([len(rows) for rows in touched])[:, None]
        number = np.arange(moved.shape[1])
        asked = (number > 0) & (number <= n_touched)
        for n_moving in (LIKELY, MORE):
            self._move(moved, asked, likely[:, :n_moving], batch, variants)
            kept = _parts(moved, likely[:, :LIKELY], self._temperature)
            asked &= kept < LEAST_KEPT * before
        weights = softmax(moved / self._temperature)
        weights[~variants.present.any(axis=2)] = 0
        result = []
        for cut, rows, own in zip(cuts, touched, weights, strict=True):
            shares = np.repeat(own[:1], len(cut.gone), axis=0)
            shares[rows] = own[1 : 1 + len(rows)]
            result.append(shares)
        return result

    def _move(
        self, margins: Vectors, asked: Bools, moving: Ints, batch: "_Batch", variants: Variants
    ) -> None:
        """Put new margins of the moving candidates where `asked` (n_pages, n_variants)."""
        if not asked.any():
            return
        pages = np.arange(len(asked))
        columns = np.tile(np.arange(asked.shape[1]), (len(pages), 1))
        if 2 * asked.sum() < asked.size:  # to copy those takes less than all that is not asked
            pages = np.flatnonzero(asked.any(axis=1))
            most = asked.sum(axis=1).max()
            columns = np.argsort(~asked[pages], axis=1, kind="stable")[:, :most]
            columns = np.insert(columns, 0, 0, axis=1)  # the page itself, which is never asked
            variants = variants.of(pages, columns)
        chosen = np.take_along_axis(asked[pages], columns, axis=1)
        candidates, places = batch.candidates[pages], moving[pages]
        near = self._features.near(
            np.take_along_axis(candidates, places, axis=1), batch.near[pages]
        )
        table = self._features.table(candidates, places, batch.features[pages], variants, near)
        found = self._booster.inplace_predict(
            table[chosen].reshape(-1, table.shape[3]), predict_type="margin"
        )
        page, column = np.nonzero(chosen)
        variant = columns[page, column]
        margins[pages[page, None], variant[:, None], places[page]] = found.reshape(len(page), -1)

    def _variants(self, pages: Sequence[PageRead], cuts: Sequence[Cuts]) -> Variants:
        """Variant 0 is each page itself; pages with fewer variants than the most repeat it."""
        words, kinds = zip(
            *(_distinct(page.texts, cut) for page, cut in zip(pages, cuts, strict=True)),
            strict=True,
        )
        most = 1 + max(len(cut.gone) for cut in cuts)
        n_kinds = max(1, *map(len, kinds))
        counts = np.zeros((len(pages), most, N_FIELDS, n_kinds), dtype=np.float32)
        features = np.stack([page.features for page in pages])
        keywords = np.repeat(np.expm1(features[:, None, :, _KEYWORDS]), most, axis=1)
        letters = np.repeat(np.expm1(features[:, None, 0, _LETTERS]), most, axis=1)
        for row, (page, cut) in enumerate(zip(pages, cuts, strict=True)):
            if len(cut.fields) == 0:
                continue
            here = slice(1, 1 + len(cut.gone))
            gone = cut.gone.astype(np.float32)
            counts[row, here] = _counts(cut, words[row], n_kinds)
            letters[row, here] -= gone @ (cut.ends - cut.starts + 1).astype(np.float32)
            keywords[row, here] -= self._keywords.lost(page, cut)
        every = [kind for of_page in kinds for kind in of_page]
        at = (
            np.repeat(np.arange(len(pages)), [len(of_page) for of_page in kinds]),
            np.array(
                [number for of_page in kinds for number in range(len(of_page))], dtype=np.intp
            ),
        )
        whole = _Bags.of([ids for page in pages for ids in page.token_ids])
        n_lost, tables = self._lost(pages, whole, every, at, n_kinds)
        empty = whole.lengths.reshape(len(pages), 1, N_FIELDS) <= (counts @ n_lost)[..., 0]
        scales = [table.scales(counts, empty) for table in tables]
        encoder, tokens = (
            table.mixtures(scale, counts, weights)
            for table, scale, weights in zip(tables, scales, self._features.weights, strict=True)
        )
        return Variants(
            encoder=encoder,
            tokens=tokens,
            present=scales[0] > 0,
            keywords=np.maximum(keywords, 0),
            letters=np.maximum(letters, 0),
        )

    def _lost(
        self,
        pages: Sequence[PageRead],
        whole: "_Bags",
        kinds: Sequence[Kind],
        at: tuple[Ints, Ints],
        n_kinds: int,
    ) -> tuple[Vectors, tuple[Lost, Lost]]:
        """What goes with each kind of word, which is the n-th of a page `at`: how many tokens,
        (n_pages, 1, n_kinds, 1), and vectors by the encoder and by the head's own table; `whole`
        are the tokens of all fields of the pages.
        """
        before = _Bags(*self._encoder.tokenize_words(["".join(kind) for kind in kinds]))
        joined = [number for number, (left, _, right) in enumerate(kinds) if left or right]
        after = _Bags(
            *self._encoder.tokenize_words([f"{kinds[n][0]} {kinds[n][2]}" for n in joined])
        )
        n_tokens = before.lengths.copy()
        n_tokens[joined] -= after.lengths
        n_lost = np.zeros((len(pages), 1, n_kinds, 1), dtype=np.float32)
        n_lost[at[0], 0, at[1], 0] = n_tokens
        fields = np.stack([page.vectors for page in pages])
        shape = fields.shape[:2]
        encoder, own = self._encoder.token_vectors, self._sources.linear.table
        sums = whole.sums(own)
        of_fields = fields.reshape(len(whole.lengths), -1)
        tables = []
        for table, units, lengths in (
            (encoder, fields, lengths_of(encoder, whole.tokens, whole.lengths, of_fields)),
            (own, unit(sums).reshape(*shape, -1), np.sqrt((sums**2).sum(axis=1))),
        ):
            lost = before.sums(table)
            lost[joined] -= after.sums(table)
            words = np.zeros((len(pages), n_kinds, table.shape[1]), dtype=np.float32)
            words[at] = lost
            tables.append(Lost(fields=units, lengths=lengths.reshape(shape), words=words))
        return n_lost, (tables[0], tables[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Pages as they are: candidates, their features, rows of the nearest labelled pages."""

    candidates: Ints
    features: Vectors
    near: Ints


def _parts(margins: Vectors, places: Ints, temperature: float) -> Vectors:
    """The weight of some candidates, unscaled, (n_pages, n_variants)."""
    chosen = np.take_along_axis(margins, places[:, None], axis=2)
    weights: Vectors = np.exp(chosen / temperature).sum(axis=2)
    return weights


@dataclass(frozen=True, slots=True)
class _Bags:
    """Tokens of texts one after the other, and how many each text has."""

    tokens: Ints
    lengths: Ints

    @classmethod
    def of(cls, ids: Sequence[Ints]) -> "_Bags":
        """Of texts that are token ids already."""
        lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
        return cls(np.concatenate(ids), lengths)

    def sums(self, table: Vectors) -> Vectors:
        """Sum of the vectors of each text's tokens, (n_texts, n_dims)."""
        result = np.zeros((len(self.lengths), table.shape[1]), dtype=np.float32)
        spoken = self.lengths > 0
        if spoken.any():
            starts = (np.cumsum(self.lengths) - self.lengths)[spoken]
            result[spoken] = np.add.reduceat(table.take(self.tokens, axis=0), starts)
        return result


def _distinct(texts: Sequence[str], cut: Cuts) -> tuple[NDArray[np.intp], list[Kind]]:
    """The kind of each word that goes, and all kinds."""
    kinds: dict[Kind, int] = {}
    underscored = ["_" in text for text in texts]  # which joins words to some tokenizers
    rows = zip(
        cut.fields.tolist(),
        cut.starts.tolist(),
        cut.ends.tolist(),
        cut.joined.tolist(),
        strict=True,
    )
    numbers = [
        kinds.setdefault(
            _in_context(texts[field], start, end)
            if joined or underscored[field]
            else ("", texts[field][start:end].lower(), ""),
            len(kinds),
        )
        for field, start, end, joined in rows
    ]
    return np.array(numbers, dtype=np.intp), list(kinds)


def _in_context(text: str, start: int, end: int) -> Kind:
    """The word with the letters that it touches."""
    first, last = start, end
    while first > 0 and start - first < CONTEXT and _is_word(text[first - 1]):
        first -= 1
    while last < len(text) and last - end < CONTEXT and _is_word(text[last]):
        last += 1
    return text[first:start], text[start:end], text[end:last]


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def _counts(cut: Cuts, words: NDArray[np.intp], n_kinds: int) -> Vectors:
    """How many words of each kind each variant lacks, (n_variants, N_FIELDS, n_kinds)."""
    variants, places = np.nonzero(cut.gone)
    flat = (variants * N_FIELDS + cut.fields[places]) * n_kinds + words[places]
    counts = np.bincount(flat, minlength=len(cut.gone) * N_FIELDS * n_kinds)
    result: Vectors = counts.reshape(-1, N_FIELDS, n_kinds).astype(np.float32)
    return result
