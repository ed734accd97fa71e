"""A linear model over the distinct tokens of a page: small, exact, and good with few pages.

Two bags a page, all fields and the head alone (title and address); each is a vector of weights by
rarity (idf), scaled to unit length, as in Joachims (1998) and Wang & Manning (2012).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.reading import N_FIELDS, Reading
from taxocrawl.protocols import Vectors
from taxocrawl.records import FIELD_NAMES

Ints = NDArray[np.int64]

HEAD: Final = (FIELD_NAMES.index("title"), FIELD_NAMES.index("url_words"))
BAGS: Final = (tuple(range(N_FIELDS)), HEAD)


class TokenBags:
    """Logits of each class, from named arrays: `tokens` (n,) of the encoder's vocabulary,
    `idf` (n,), `weights` (2, n, n_classes) int8, `scales` (2, n), `bias` (n_classes,).
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]], n_tokens: int) -> None:
        tokens = arrays["tokens"].astype(np.int64)
        self._row = np.full(n_tokens, -1, dtype=np.int64)
        self._row[tokens] = np.arange(len(tokens))
        self._idf = arrays["idf"].astype(np.float32)
        scales = arrays["scales"].astype(np.float32)
        self._weights = arrays["weights"].astype(np.float32) * scales[:, :, None]
        self._bias = arrays["bias"].astype(np.float32)

    def logits(self, reading: Reading) -> Vectors:
        """(n_pages, n_classes)."""
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
