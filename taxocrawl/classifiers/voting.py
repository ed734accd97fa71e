"""How the pages of a site vote: one rule for every classifier."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxocrawl.protocols import Vectors
from taxocrawl.records import Document, PageText

# A site's first page is its home page, which says most about the site.
HOME_WEIGHT = 2.0


def distinct_pages(
    documents: Sequence[Document],
) -> tuple[tuple[PageText, ...], list[list[int]]]:
    """Each page once, however many documents hold it, and the places of each document's pages."""
    pages: dict[int, PageText] = {id(page): page for d in documents for page in d.pages}
    position = {key: i for i, key in enumerate(pages)}
    return tuple(pages.values()), [[position[id(page)] for page in d.pages] for d in documents]


def votes(said: NDArray[Any]) -> Vectors:
    """Weight of each page of a site, the home page first; 0 for one that says nothing but zeros.

    `said` (n_pages, anything), or (n_pages, n_variants, anything) of variants of the site.
    """
    weights: Vectors = np.any(said, axis=-1).astype(np.float32)
    weights[:1] *= HOME_WEIGHT
    return weights
