"""The few nodes of a page that are worth ranking, from every source that knows something."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.keywords import Places
from taxocrawl.classifiers.node_arrays import NO_PARENT, NodeArrays
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
    `keyword_places` where the keywords stand, for each page by field.
    """

    linear: Vectors
    linear_fields: Vectors
    prototypes: Vectors
    title_prototypes: Vectors
    neighbours: Vectors
    nearest_page: Vectors
    cosines: Vectors
    keywords: Vectors
    keyword_places: tuple[list[Places], ...] = ()


def choose(evidence: Evidence, nodes: NodeArrays, n: int = N_CANDIDATES) -> Ints:
    """(n_pages, n) positions of nodes, no node twice in a row, the likeliest first.

    A node's place is its best place in any source (the linear head's place counts double), and the
    parents of the first few come along.
    """
    n = min(n, len(nodes))
    n_pages = len(evidence.linear)
    places = np.full((n_pages, len(nodes)), np.inf, dtype=np.float32)
    sources = [
        (evidence.linear, 0.4),
        (evidence.linear_fields.max(axis=0), 1.0),
        (evidence.prototypes.mean(axis=0), 1.0),
        (evidence.title_prototypes.mean(axis=0), 1.5),
        (evidence.neighbours, 1.0),
        (evidence.keywords, 1.5),
    ]
    for scores, factor in sources:
        k = min(n, len(nodes))
        top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(scores, top, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(k)[None, :].repeat(n_pages, 0), axis=1)
        place = np.where(values > scores.min(axis=1, keepdims=True), rank * factor, np.inf)
        np.put_along_axis(
            places, top, np.minimum(np.take_along_axis(places, top, axis=1), place), axis=1
        )
    _add_parents(places, nodes)
    order = np.argsort(places, axis=1, kind="stable")[:, :n]
    return order.astype(np.int64)


def _add_parents(places: Vectors, nodes: NodeArrays) -> None:
    """Give a parent a place shortly after its best child, deepest tiers first."""
    for tier in range(int(nodes.tier.max()), 1, -1):
        children = np.flatnonzero(nodes.tier == tier)
        parents = nodes.parent[children]
        kept = parents != NO_PARENT
        np.minimum.at(places.T, parents[kept], places.T[children[kept]] + 4)
