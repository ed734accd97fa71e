"""Labels and pages as positions: what arrays of a training run are indexed by."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.reading import N_FIELDS, Reading
from taxocrawl.classifiers.tiers import ranking
from taxocrawl.protocols import Vectors
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training.dataset import LabelledPage
from taxocrawl.training.evaluate import Truth

Ints = NDArray[np.int64]


def truth_of(pages: Sequence[LabelledPage], taxonomy: Taxonomy) -> Truth:
    """Labels as positions."""
    index = taxonomy.index
    return Truth(
        primary=np.array([index[page.primary] for page in pages], dtype=np.int64),
        accepted=tuple(frozenset(index[i] for i in page.accepted) for page in pages),
        english=np.array([page.language == "en" for page in pages]),
    )


def select(truth: Truth, rows: Ints) -> Truth:
    """The truth of some pages."""
    return Truth(
        primary=truth.primary[rows],
        accepted=tuple(truth.accepted[i] for i in rows),
        english=truth.english[rows],
    )


def subset(reading: Reading, rows: Ints) -> Reading:
    """The reading of some pages."""
    return Reading(
        texts=tuple(reading.texts[i] for i in rows),
        vectors=reading.vectors[rows],
        token_ids=tuple(reading.token_ids[i * N_FIELDS + f] for i in rows for f in range(N_FIELDS)),
    )


def best_nodes(shares: Vectors, nodes: NodeArrays) -> Ints:
    """The one node given to each page, -1 for none."""
    return np.array(
        [next(iter(ranking(np.log(row + 1e-12), row, nodes).tolist()), -1) for row in shares],
        dtype=np.int64,
    )


def label_array(pages: Sequence[LabelledPage], taxonomy: Taxonomy) -> Ints:
    width = max((1 + len(page.alternatives) for page in pages), default=1)
    labels = np.full((len(pages), width), -1, dtype=np.int64)
    for row, page in enumerate(pages):
        own = [taxonomy.index[i] for i in (page.primary, *page.alternatives)]
        labels[row, : len(own)] = own
    return labels


def same_site_rows(pages: Sequence[LabelledPage]) -> list[Ints]:
    rows: dict[str, list[int]] = {}
    for row, page in enumerate(pages):
        rows.setdefault(page.domain, []).append(row)
    return [np.array(rows[page.domain], dtype=np.int64) for page in pages]


def relevance_of(
    candidates: Ints, pages: Sequence[LabelledPage], taxonomy: Taxonomy
) -> NDArray[np.float32]:
    """3 for the primary, 1 for an alternative, 0 else: (n_pages, n_candidates)."""
    relevance = np.zeros(candidates.shape, dtype=np.float32)
    for row, page in enumerate(pages):
        for node in page.alternatives:
            relevance[row, candidates[row] == taxonomy.index[node]] = 1
        relevance[row, candidates[row] == taxonomy.index[page.primary]] = 3
    return relevance
