"""Linear models of a page's words: small, exact, and good with few pages.

One over its distinct tokens, in two bags, all fields and the head alone (title and address), each a
vector of weights by rarity (idf) scaled to unit length, as in Joachims (1998) and Wang & Manning
(2012). The other over the encoder's vectors, field by field, which speaks for languages of which
few pages were labelled.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.linear import log_softmax
from taxocrawl.classifiers.reading import N_FIELDS, Reading
from taxocrawl.protocols import Vectors
from taxocrawl.records import FIELD_NAMES

Ints = NDArray[np.int64]

HEAD: Final = (FIELD_NAMES.index("title"), FIELD_NAMES.index("url_words"))
BAGS: Final = (tuple(range(N_FIELDS)), HEAD)


class TokenBags:
    """Logits of each class, from named arrays: `tokens` (n,) of the encoder's vocabulary,
    `idf` (n,), `weights` (2, n, n_classes) int8, `scales` (2, n), `bias` (n_classes,);
    `dense_weights` (N_FIELDS * n_dims, n_classes), `dense_bias` (n_classes,).
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]], n_tokens: int) -> None:
        tokens = arrays["tokens"].astype(np.int64)
        self._row = np.full(n_tokens, -1, dtype=np.int64)
        self._row[tokens] = np.arange(len(tokens))
        self._idf = arrays["idf"].astype(np.float32)
        scales = arrays["scales"].astype(np.float32)
        self._weights = arrays["weights"].astype(np.float32) * scales[:, :, None]
        self._bias = arrays["bias"].astype(np.float32)
        self._dense_weights = arrays["dense_weights"].astype(np.float32)
        self._dense_bias = arrays["dense_bias"].astype(np.float32)

    def log_shares(self, reading: Reading) -> Vectors:
        """Log-probabilities by tokens, then by vectors, (n_pages, 2 * n_classes)."""
        dense = reading.vectors.reshape(len(reading.texts), -1) @ self._dense_weights
        by_vectors = log_softmax(dense + self._dense_bias)
        return np.concatenate([log_softmax(self._token_logits(reading)), by_vectors], axis=1)

    def _token_logits(self, reading: Reading) -> Vectors:
        result = np.tile(self._bias, (len(reading.texts), 1))
        for page in range(len(reading.texts)):
            for bag, fields in enumerate(BAGS):
                rows = self._row[distinct(reading, page, fields)]
                rows = rows[rows >= 0]
                if len(rows):
                    idf = self._idf[rows]
                    result[page] += idf @ self._weights[bag, rows] / np.linalg.norm(idf)
        return result


def distinct(reading: Reading, page: int, fields: tuple[int, ...]) -> Ints:
    """Distinct token ids of some fields of a page, sorted."""
    ids = np.concatenate([reading.token_ids[page * N_FIELDS + field] for field in fields])
    return np.unique(ids)
