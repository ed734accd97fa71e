"""A page that was read once, without some of its words: many variants for little.

A field's vector is a sum of token vectors, so a variant's is that sum less the word's own. Nothing
is tokenised again but the words that go, and only the page's candidates get new features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xgboost
from numpy.typing import NDArray

from taxocrawl.classifiers.ablated_features import AblatedFeatures, Variants, nearest
from taxocrawl.classifiers.ablated_keywords import AblatedKeywords
from taxocrawl.classifiers.ablated_pages import Cuts, PageRead
from taxocrawl.classifiers.ablated_vectors import Lost
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.linear import softmax
from taxocrawl.classifiers.reading import N_FIELDS
from taxocrawl.classifiers.sources import Sources
from taxocrawl.protocols import Vectors

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Candidates whose margin is worked out anew in each variant, the likeliest of a page. On 48 gate
# pages falls are .0075 off on average, with four .010, with eight .0055.
LIKELY = 6
# Candidates that those are compared with, as likely; with forty .0071.
KNOWN = 30
# Letters beside a word that the tokenizer may join with it, where no border parts them.
CONTEXT = 16

_KEYWORDS = FEATURE_NAMES.index("keywords")


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

    def shares(self, pages: Sequence[PageRead], cuts: Cuts, n_variants: int) -> Vectors:
        """Share of each page's candidates in each of its document's variants,
        (n_pages, n_variants, n_candidates).
        """
        margins = np.stack([page.margins for page in pages])
        order = np.argsort(-margins, axis=1, kind="stable")[:, :KNOWN]
        likely = order[:, :LIKELY]
        table, speaks = self._table(pages, cuts, order)
        page, number = np.nonzero(cuts.lacking)
        variant = cuts.variants[page, number]
        moved = np.repeat(margins[:, None], n_variants, axis=1)
        moved[page[:, None], variant[:, None], likely[page]] = self._booster.inplace_predict(
            table[page, 1 + number].reshape(-1, table.shape[-1]), predict_type="margin"
        ).reshape(len(page), likely.shape[1])
        shares = softmax(moved / self._temperature)
        shares[~speaks[:, 0]] = 0
        shares[page, variant] *= speaks[page, 1 + number][:, None]
        return shares

    def _table(self, pages: Sequence[PageRead], cuts: Cuts, order: Ints) -> tuple[Vectors, Bools]:
        """Features of the likely candidates, (n_pages, n_variants, n_likely, n_features), each page
        itself first, and whether any word is left, (n_pages, n_variants).
        """
        known = np.take_along_axis(np.stack([page.candidates for page in pages]), order, axis=1)
        features = np.stack([page.features[own] for page, own in zip(pages, order, strict=True)])
        n_moving = min(LIKELY, known.shape[1])
        near = self._features.near(
            known[:, :n_moving], nearest(np.stack([page.cosines for page in pages]))
        )
        variants = self._variants(pages, cuts, known, features)
        table = self._features.table(known, n_moving, features, variants, near)
        return table, np.any(variants.present, axis=2)

    def _variants(
        self, pages: Sequence[PageRead], cuts: Cuts, candidates: Ints, features: Vectors
    ) -> Variants:
        """Of each page, itself first."""
        words = self._words(pages, cuts)
        variant, place = np.nonzero(cuts.gone)
        page, field = cuts.pages[place], cuts.fields[place]
        shape = (len(pages), 1 + len(cuts.gone), N_FIELDS, words.n_tokens.shape[1])
        counts = np.zeros(shape, dtype=np.float32)
        np.add.at(counts, (page, 1 + variant, field, words.numbers[place]), 1)
        n_tokens = np.stack([page.n_tokens for page in pages])
        empty = n_tokens[:, None] <= (counts @ words.n_tokens[:, None, :, None])[..., 0]
        lengths = self._encoder.lengths([text for page in pages for text in page.texts])
        units = np.stack([page.vectors for page in pages])
        tables = (
            Lost(fields=units * lengths.reshape(len(pages), N_FIELDS, 1), words=words.encoder),
            Lost(fields=np.stack([page.token_sums for page in pages]), words=words.head),
        )
        scales = [table.scales(counts, empty) for table in tables]
        encoder, tokens = (
            table.mixtures(scale, counts, weights)
            for table, scale, weights in zip(tables, scales, self._features.weights, strict=True)
        )
        keywords = np.repeat(np.expm1(features[:, None, :, _KEYWORDS]), shape[1], axis=1)
        keywords[:, 1:] -= self._keywords.lost(pages, cuts, candidates)
        return Variants(
            encoder=encoder,
            tokens=tokens,
            present=scales[0] > 0,
            keywords=np.maximum(keywords, 0),
        )

    def _words(self, pages: Sequence[PageRead], cuts: Cuts) -> "_Words":
        """What a word touches, so that the tokenizer may join them, is what it touches where it
        stands first on its page.
        """
        keys = cuts.pages * (cuts.words.max(initial=0) + 1) + cuts.words
        _, first, number = np.unique(keys, return_index=True, return_inverse=True)
        page = cuts.pages[first]
        within = np.arange(len(first)) - np.searchsorted(page, page)
        rows = (row[first].tolist() for row in (cuts.fields, cuts.starts, cuts.ends, cuts.joined))
        whole, rest, joined = [], [], []
        for n, (of, field, start, end, touches) in enumerate(
            zip(page.tolist(), *rows, strict=True)
        ):
            text = pages[of].texts[field]
            left, right = start, end
            if touches or "_" in text:  # which joins words to some tokenizers
                left, right = _in_context(text, start, end)
            whole.append(text[left:right].lower())
            if right - left > end - start:
                joined.append(n)
                rest.append(f"{text[left:start]} {text[end:right]}".lower())
        before = _Bags(*self._encoder.tokenize_words(whole))
        after = _Bags(*self._encoder.tokenize_words(rest))
        shape = (len(pages), within.max(initial=0) + 1)
        n_tokens = np.zeros(shape, dtype=np.float32)
        n_tokens[page, within] = before.lengths
        n_tokens[page[joined], within[joined]] -= after.lengths
        vectors = []
        for table in (self._encoder.token_vectors, self._sources.linear.table):
            lost = np.zeros((*shape, table.shape[1]), dtype=np.float32)
            lost[page, within] = before.sums(table)
            lost[page[joined], within[joined]] -= after.sums(table)
            vectors.append(lost)
        return _Words(
            numbers=within[number], n_tokens=n_tokens, encoder=vectors[0], head=vectors[1]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """Distinct words of each page: `numbers` among them of all places (n_places,); what goes with
    one, `n_tokens` (n_pages, n_words) and sums of vectors by the encoder and by the linear head,
    (n_pages, n_words, n_dims), zeros where a page has fewer.
    """

    numbers: Ints
    n_tokens: Vectors
    encoder: Vectors
    head: Vectors


@dataclass(frozen=True, slots=True)
class _Bags:
    """Tokens of texts one after the other, and how many each text has."""

    tokens: Ints
    lengths: Ints

    def sums(self, table: Vectors) -> Vectors:
        """Sum of the vectors of each text's tokens, (n_texts, n_dims)."""
        result = np.zeros((len(self.lengths), table.shape[1]), dtype=np.float32)
        spoken = self.lengths > 0
        if spoken.any():
            starts = (np.cumsum(self.lengths) - self.lengths)[spoken]
            result[spoken] = np.add.reduceat(table.take(self.tokens, axis=0), starts)
        return result


def _in_context(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the letters begin and end that a word touches."""
    first, last = start, end
    while first > 0 and start - first < CONTEXT and _is_word(text[first - 1]):
        first -= 1
    while last < len(text) and last - end < CONTEXT and _is_word(text[last]):
        last += 1
    return first, last


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"
