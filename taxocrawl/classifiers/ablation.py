"""A page that was read once, without some of its words: many variants for little.

A field's vector is a sum of token vectors, so a variant's is that sum less the word's own. Nothing
is tokenised again but the words that go, and only the page's candidates get new features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import xgboost
from numpy.typing import NDArray

from taxocrawl.classifiers.ablated_features import AblatedFeatures, Near, Variants
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.keywords import FIELD_WEIGHTS, MAX_HITS_OF_A_WORD, Places
from taxocrawl.classifiers.reading import N_FIELDS, Reading, unit
from taxocrawl.classifiers.sources import Pairs, Sources
from taxocrawl.protocols import Ablation, Vectors

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Candidates whose margin is worked out anew in each variant, the likeliest of a page: on 160 gate
# pages they hold .88 of the probability (6: .92, for half as much again). The others follow where
# the likeliest lost more than a part.
MOVING = 4
LEAST_KEPT = 0.75
# Letters beside a word that the tokenizer may join with it, where no border parts them.
CONTEXT = 16

_ROUNDING = 1e-5
_KEYWORDS = FEATURE_NAMES.index("keywords")
_LETTERS = FEATURE_NAMES.index("letters")
_FIELD_WEIGHTS = tuple(FIELD_WEIGHTS.values())

Kind = tuple[str, str, str]
"""A word with what it touches on its left and right, no border between."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PageRead:
    """All that is needed of a page to ask about its words: its texts by field, their tokens, where
    keywords stand, and the candidates with their features and margins.
    """

    texts: tuple[str, ...]
    token_ids: tuple[Ints, ...]
    keyword_places: Sequence[Places]
    candidates: Ints
    features: Vectors
    margins: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """Words of a page by field, start and end in its text (n_words,), and the variants that lack
    some of them, `gone` (n_variants, n_words).
    """

    fields: Ints
    starts: Ints
    ends: Ints
    gone: Bools


def cuts_of(ablation: Ablation, page: int) -> Cuts:
    """The words of one page that go in any variant."""
    own = np.flatnonzero((ablation.pages == page) & ablation.gone.any(axis=0))
    return Cuts(
        fields=ablation.fields[own],
        starts=ablation.starts[own],
        ends=ablation.ends[own],
        gone=ablation.gone[:, own],
    )


def pages_read(reading: Reading, pairs: Pairs, margins: Vectors) -> list[PageRead]:
    """Each page of a batch with what the ranker made of it."""
    return [
        PageRead(
            texts=texts,
            token_ids=reading.token_ids[row * N_FIELDS : (row + 1) * N_FIELDS],
            keyword_places=pairs.evidence.keyword_places[row],
            candidates=pairs.candidates[row],
            features=pairs.features[row],
            margins=margins[row],
        )
        for row, texts in enumerate(reading.texts)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """What all variants of a page share: token sums of each field by table, the numbers of tokens,
    and its keywords, each once a field.

    `hits` (n_hits, 4): number of the keyword, field, start, end; `counts` (n_keywords,) how often
    each stands there, `weights` (n_keywords, n_candidates) what one time is worth.
    """

    sums: tuple[Vectors, ...]
    n_tokens: Ints
    hits: Ints
    counts: Ints
    weights: Vectors
    neighbours: Near


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
        self._tables = (encoder.token_vectors, sources.linear.table)
        # Words are asked about twice, one by one and together, so a page is prepared once.
        self._prepared: WeakKeyDictionary[PageRead, _Prepared] = WeakKeyDictionary()

    def shares(self, pages: Sequence[PageRead], cuts: Sequence[Cuts]) -> list[Vectors]:
        """Share of each of the page's candidates in each variant, (n_variants, n_candidates)."""
        if not pages:
            return []
        prepared = [self._prepare(page) for page in pages]
        most = 1 + max(len(cut.gone) for cut in cuts)
        variants = self._variants(pages, prepared, cuts, most)
        candidates = np.stack([page.candidates for page in pages])
        whole = np.stack([page.features for page in pages])
        near = [one.neighbours for one in prepared]
        table = self._features.table(candidates, whole, variants, near)
        margins = np.repeat(np.stack([page.margins for page in pages])[:, None], most, axis=1)
        touched = np.zeros(margins.shape[:2], dtype=bool)
        for page, cut in enumerate(cuts):
            touched[page, 1 : 1 + len(cut.gone)] = cut.gone.any(axis=1)
        weights = self._weights(table, margins, touched)
        weights[~variants.encoder.any(axis=(2, 3))] = 0
        return [weights[page, 1 : 1 + len(cut.gone)] for page, cut in enumerate(cuts)]

    def _weights(self, table: Vectors, margins: Vectors, touched: Bools) -> Vectors:
        """Softmax of the margins, (n_pages, n_variants, n_candidates), new ones where `touched`."""
        likely = np.argsort(np.argsort(-margins, axis=2, kind="stable"), axis=2) < MOVING
        before = _softmax(margins / self._temperature)
        moved = margins.copy()
        for rest in (False, True):
            moving = touched[:, :, None] & (likely != rest)
            if moving.any():
                moved[moving] = self._booster.inplace_predict(table[moving], predict_type="margin")
            top = np.where(likely, moved - margins, -np.inf)
            kept = (before * np.exp(top / self._temperature)).sum(axis=2)
            touched = touched & (kept < LEAST_KEPT * (before * likely).sum(axis=2))
        return _softmax(moved / self._temperature)

    def _prepare(self, page: PageRead) -> _Prepared:
        known = self._prepared.get(page)
        if known is None:
            hits, counts, weights = self._keywords(page)
            sums = tuple(_sums(table, page.token_ids) for table in self._tables)
            known = _Prepared(
                sums=sums,
                n_tokens=np.array([len(ids) for ids in page.token_ids]),
                hits=hits,
                counts=counts,
                weights=weights,
                neighbours=self._features.near(page.candidates, unit(sums[0])),
            )
            self._prepared[page] = known
        return known

    def _variants(
        self,
        pages: Sequence[PageRead],
        prepared: Sequence[_Prepared],
        cuts: Sequence[Cuts],
        most: int,
    ) -> Variants:
        """Variant 0 is each page itself; pages with fewer variants than the most repeat it."""
        vectors = [
            np.repeat(np.stack([one.sums[number] for one in prepared])[:, None], most, axis=1)
            for number in range(len(self._tables))
        ]
        features = np.stack([page.features for page in pages])
        keywords = np.repeat(np.expm1(features[:, None, :, _KEYWORDS]), most, axis=1)
        letters = np.repeat(np.expm1(features[:, None, 0, _LETTERS]), most, axis=1)
        for row, (page, one, cut) in enumerate(zip(pages, prepared, cuts, strict=True)):
            if len(cut.fields) == 0:
                continue
            here = slice(1, 1 + len(cut.gone))
            gone = cut.gone.astype(np.float32)
            letters[row, here] -= gone @ (cut.ends - cut.starts + 1).astype(np.float32)
            keywords[row, here] -= _lost_keywords(one, cut, gone)
            words, kinds = _distinct(page.texts, cut)
            before, after, lengths = self._tokens(kinds)
            counts = _counts(cut, words, len(kinds))
            empty = one.n_tokens <= counts @ lengths
            for found, table, whole in zip(vectors, self._tables, one.sums, strict=True):
                lost = before.sums(table)
                if after is not None:
                    lost = lost - after.sums(table)
                found[row, here] -= counts @ lost
                # Tokens that the encoder gives no vector leave nothing but rounding.
                length, least = (np.linalg.norm(v, axis=-1) for v in (found[row, here], whole))
                found[row, here][empty | (length <= _ROUNDING * least)] = 0
        return Variants(
            encoder=unit(vectors[0]),
            tokens=unit(vectors[1]),
            keywords=np.maximum(keywords, 0),
            letters=np.maximum(letters, 0),
        )

    def _tokens(self, kinds: Sequence[Kind]) -> tuple["_Bags", "_Bags | None", Vectors]:
        """Tokens of each kind of word with what it touches, of what is left, how many fewer."""
        before = _Bags(*self._encoder.tokenize_words(["".join(kind) for kind in kinds]))
        if not any(left or right for left, _, right in kinds):
            return before, None, before.lengths.astype(np.float32)
        left_over = self._encoder.tokenize(
            [f"{left} {right}" if left or right else "" for left, _, right in kinds]
        )
        after = _Bags(np.concatenate(left_over), np.array([len(ids) for ids in left_over]))
        return before, after, (before.lengths - after.lengths).astype(np.float32)

    def _keywords(self, page: PageRead) -> tuple[Ints, Ints, Vectors]:
        rows = [
            (field, *place) for field, places in enumerate(page.keyword_places) for place in places
        ]
        keys: dict[tuple[int, int], int] = {}
        numbers = [keys.setdefault((field, word), len(keys)) for field, word, _, _ in rows]
        hits = np.array(rows, dtype=np.int64).reshape(-1, 4)[:, [0, 0, 2, 3]]
        hits[:, 0] = numbers
        place = np.full(len(self._sources.nodes), -1)
        place[page.candidates] = np.arange(len(page.candidates))
        which, nodes, amounts = self._sources.keywords.spread(
            [word for _, word in keys], [_FIELD_WEIGHTS[field] for field, _ in keys]
        )
        known = place[nodes] >= 0
        weights = np.zeros((len(keys), len(page.candidates)), dtype=np.float32)
        weights[which[known], place[nodes[known]]] = amounts[known]
        return hits, np.bincount(hits[:, 0], minlength=len(keys)), weights


def _softmax(values: Vectors) -> Vectors:
    weights: Vectors = np.exp(values - values.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


@dataclass(frozen=True, slots=True)
class _Bags:
    """Tokens of texts one after the other, and how many each text has."""

    tokens: Ints
    lengths: Ints

    def sums(self, table: Vectors) -> Vectors:
        """Sum of the vectors of each text's tokens, (n_texts, n_dims)."""
        of_text = np.repeat(np.arange(len(self.lengths)), self.lengths)
        members = np.zeros((len(self.lengths), len(self.tokens)), dtype=np.float32)
        members[of_text, np.arange(len(self.tokens))] = 1
        result: Vectors = members @ table.take(self.tokens, axis=0)
        return result


def _lost_keywords(page: _Prepared, cut: Cuts, gone: Vectors) -> Vectors:
    """Keyword weight that goes with the words, (n_variants, n_candidates).

    A keyword goes with any of its words; a shorter one that stood in it does not come up.
    """
    numbers, fields, starts, ends = page.hits.T[:, :, None]
    overlap = (fields == cut.fields) & (starts < cut.ends) & (ends > cut.starts)
    touched = np.flatnonzero(overlap.any(axis=1))
    if len(touched) == 0:
        return np.zeros((len(gone), page.weights.shape[1]), dtype=np.float32)
    hit = (gone @ overlap[touched].T.astype(np.float32)) > 0
    keys, key_of = np.unique(numbers[touched, 0], return_inverse=True)
    members = np.zeros((len(touched), len(keys)), dtype=np.float32)
    members[np.arange(len(touched)), key_of] = 1
    counts = page.counts[keys].astype(np.float32)
    left = np.minimum(counts - hit.astype(np.float32) @ members, MAX_HITS_OF_A_WORD)
    result: Vectors = (np.minimum(counts, MAX_HITS_OF_A_WORD) - left) @ page.weights[keys]
    return result


def _sums(table: Vectors, ids: Sequence[Ints]) -> Vectors:
    """Sum of the vectors of each text's tokens, (n_texts, n_dims)."""
    result = np.zeros((len(ids), table.shape[1]), dtype=np.float32)
    for row, of_text in enumerate(ids):
        if len(of_text):
            table.take(of_text, axis=0).sum(axis=0, out=result[row])
    return result


def _distinct(texts: Sequence[str], cut: Cuts) -> tuple[NDArray[np.intp], list[Kind]]:
    """The kind of each word that goes, and all kinds."""
    kinds: dict[Kind, int] = {}
    numbers = []
    rows = zip(cut.fields.tolist(), cut.starts.tolist(), cut.ends.tolist(), strict=True)
    for field, start, end in rows:
        text = texts[field]
        # In scripts with spaces borders part nearly every word from its neighbours.
        joined = (start > 0 and _is_word(text[start - 1])) or _is_word(text[end : end + 1])
        kind = _in_context(text, start, end) if joined else ("", text[start:end], "")
        numbers.append(kinds.setdefault(kind, len(kinds)))
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
