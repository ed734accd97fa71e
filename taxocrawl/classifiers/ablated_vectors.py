"""Vectors of pages that lack some of their words, without making those of every field anew.

A field's vector is a sum of token vectors; a page's is a weighted mean of its fields' directions.
So a variant's is a mixture of the page's field vectors and of those of the words that go, and its
lengths follow from products that all variants share.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.reading import N_FIELDS
from taxocrawl.protocols import Vectors

_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What the words of pages are to one table.

    `fields` (n_pages, N_FIELDS, n_dims) sums over the whole pages; `words`
    (n_pages, n_words, n_dims) what goes with each word, zeros where a page has fewer.
    """

    fields: Vectors
    words: Vectors

    def scales(self, counts: Vectors, empty: NDArray[np.bool_]) -> Vectors:
        """1 / length of each field of each variant, 0 for an empty one, (n_pages, n_variants,
        N_FIELDS); `counts` (n_pages, n_variants, N_FIELDS, n_words) how often each word goes.
        """
        n_pages, n_variants = counts.shape[:2]
        crossed = self.fields @ self.words.transpose(0, 2, 1)
        among = self.words @ self.words.transpose(0, 2, 1)
        flat = counts.reshape(n_pages, n_variants * N_FIELDS, -1)
        own = ((flat @ among) * flat).sum(axis=2).reshape(n_pages, n_variants, N_FIELDS)
        both = (counts * crossed[:, None]).sum(axis=3)
        whole = (self.fields.astype(np.float64) ** 2).sum(axis=2)[:, None]
        squares = whole - 2 * both + own
        # Tokens without a vector leave nothing but rounding.
        gone = empty | (squares <= _ROUNDING**2 * whole)
        result = np.where(gone, 0, 1 / np.sqrt(np.where(gone, 1, squares)))
        return result.astype(np.float32)

    def mixtures(self, scales: Vectors, counts: Vectors, weights: Vectors) -> Vectors:
        """Means of the fields' directions in each variant by each row of `weights`
        (n_rows, N_FIELDS): (n_pages, n_rows, n_variants, n_dims).
        """
        n_pages, n_variants = counts.shape[:2]
        scaled = np.einsum("gf,pvf->pgvf", weights, scales, optimize=False)
        flat = scaled.reshape(n_pages, -1, N_FIELDS)
        lost = np.matmul(scaled.transpose(0, 2, 1, 3), counts).transpose(0, 2, 1, 3)
        result: Vectors = flat @ self.fields
        result -= lost.reshape(n_pages, flat.shape[1], -1) @ self.words
        return result.reshape(n_pages, len(weights), n_variants, -1)
