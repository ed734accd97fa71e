"""The few nodes of a page that are worth ranking, from every source that knows something."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.keywords import Places
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.protocols import Vectors

Ints = NDArray[np.int64]

N_CANDIDATES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the sources say of each node for each page: all (n_pages, n_nodes) unless said.

    `linear` are log-probabilities; `linear_fields` (n_groups, n_pages, n_nodes) the same read from
    a group of fields alone; `prototypes` (n_kinds, n_pages, n_nodes) cosines, `title_prototypes`
    those of the title; `nearest_page` (n_pages,) the cosine of the nearest labelled page, `cosines`
    (n_pages, n_labelled) those of all;
    `keyword_places` where the keywords stand, for each page by field; `token_sums`
    (n_pages, n_fields, n_dims) of the linear head.
    """

    linear: Vectors
    linear_fields: Vectors
    prototypes: Vectors
    title_prototypes: Vectors
    neighbours: Vectors
    nearest_page: Vectors
    cosines: Vectors
    keywords: Vectors
    keyword_places: tuple[list[Places], ...]
    token_sums: Vectors


def choose(evidence: Evidence, nodes: NodeArrays, n: int = N_CANDIDATES) -> Ints:
    """(n_pages, n) positions of nodes, no node twice in a row, the likeliest first.

    A node's place is its best place in any source (the linear head's place counts double), and the
    parents of the first few come along.
    """
    n = min(n, len(nodes))
    sources = (
        (evidence.linear, 0.4),
        (evidence.linear_fields.max(axis=0), 1.0),
        (evidence.prototypes.mean(axis=0), 1.0),
        (evidence.title_prototypes.mean(axis=0), 1.5),
        (evidence.neighbours, 1.0),
        (evidence.keywords, 1.5),
    )
    scores = np.stack([of_source for of_source, _ in sources])
    factors = np.array([factor for _, factor in sources])[:, None, None]
    top = np.argpartition(-scores, n - 1, axis=2)[:, :, :n]
    values = np.take_along_axis(scores, top, axis=2)
    order = np.argsort(-values, axis=2, kind="stable")
    values = np.take_along_axis(values, order, axis=2)
    place = np.where(values > scores.min(axis=2, keepdims=True), factors * np.arange(n), np.inf)
    of_sources = np.full(scores.shape, np.inf, dtype=np.float32)
    np.put_along_axis(of_sources, np.take_along_axis(top, order, axis=2), place, axis=2)
    places = of_sources.min(axis=0)
    _add_parents(places, nodes)
    order = np.argsort(places, axis=1, kind="stable")[:, :n]
    return order.astype(np.int64)


def _add_parents(places: Vectors, nodes: NodeArrays) -> None:
    """Give a parent a place shortly after its best child, deepest tiers first."""
    for parents, children, firsts in nodes.families:
        best = np.minimum.reduceat(places.take(children, axis=1), firsts, axis=1)
        places[:, parents] = np.minimum(places[:, parents], best + 4)
