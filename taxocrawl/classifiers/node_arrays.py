"""A taxonomy as arrays, so that a batch of pages is handled without a loop over nodes."""

import functools

import numpy as np
from numpy.typing import NDArray

from taxocrawl.taxonomies.tree import Taxonomy

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

NO_PARENT = -1


class NodeArrays:
    """Positions in `taxonomy.ids` take the place of ids.

    `parent` (as a list, `parents`) is NO_PARENT for roots; `root` is the node itself there.
    `children` of each node, and of NO_PARENT the roots, stand in depth-first order; `root_place` is
    the place of each node's root among them.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        index = taxonomy.index
        self.ids = taxonomy.ids
        self.tier: Ints = np.array([node.tier for node in taxonomy], dtype=np.int64)
        self.parent: Ints = np.array(
            [index.get(node.parent_id or "", NO_PARENT) for node in taxonomy], dtype=np.int64
        )
        self.parents: list[int] = self.parent.tolist()
        self.n_children: Ints = np.array([len(taxonomy.children(i)) for i in taxonomy.ids])
        self.root: Ints = np.arange(len(taxonomy))
        sizes: Ints = np.ones(len(taxonomy), dtype=np.int64)
        for i, parent in enumerate(self.parent):  # parents come first
            if parent != NO_PARENT:
                self.root[i] = self.root[parent]
        for i in range(len(taxonomy) - 1, -1, -1):
            if self.parent[i] != NO_PARENT:
                sizes[self.parent[i]] += sizes[i]
        self._depth_first = _depth_first(taxonomy)
        self._starts = np.argsort(self._depth_first)
        self._ends = self._starts + sizes
        self.children = _children(self.parent, self._depth_first)
        first_of_roots = self._starts[self.children[NO_PARENT]]
        self.root_place: Ints = np.searchsorted(first_of_roots, self._starts, side="right") - 1

    @functools.cached_property
    def above(self) -> Floats:
        """1 in [i, j] where node j is node i or one of its ancestors; n x n, so not for the many
        nodes of a user's taxonomy.
        """
        result: Floats = np.eye(len(self), dtype=np.float32)
        for i, parent in enumerate(self.parent):
            if parent != NO_PARENT:
                result[i] += result[parent]
        return result

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def depth_first(self) -> Ints:
        """Positions in the order in which every subtree is one interval."""
        return self._depth_first

    @property
    def intervals(self) -> tuple[Ints, Ints]:
        """First and last (exclusive) place of each node's subtree in `depth_first`."""
        return self._starts, self._ends

    @functools.cached_property
    def families(self) -> tuple[tuple[Ints, Ints, Ints], ...]:
        """Of each tier but the last, the deepest first: nodes with children, all these children one
        after the other, and where those of each node begin.
        """
        result = []
        for tier in range(int(self.tier.max()) - 1, 0, -1):
            parents = np.flatnonzero((self.tier == tier) & (self.n_children > 0))
            counts = self.n_children[parents]
            children = np.concatenate([self.children[parent] for parent in parents])
            result.append((parents, children, np.cumsum(counts) - counts))
        return tuple(result)

    def lineages(self, nodes: Ints) -> Ints:
        """Each node, its parent and so on up to its root, which is repeated: (..., n_tiers)."""
        line = [nodes]
        for _ in range(1, int(self.tier.max())):
            above = self.parent[line[-1]]
            line.append(np.where(above == NO_PARENT, line[-1], above))
        return np.stack(line, axis=-1)

    def subtree_sums(self, shares: Floats, wanted: Ints | None = None) -> Floats:
        """Each node's share with those of all nodes below it, same shape (n_pages, n_nodes); or of
        the `wanted` nodes of each page, (n_pages, n).

        In depth-first order a subtree is one interval, so a cumulative sum holds them all: 30 times
        as fast as a product with `above`.
        """
        sums = np.zeros((len(shares), len(self) + 1), dtype=np.float64)
        np.cumsum(shares.take(self._depth_first, axis=1), axis=1, dtype=np.float64, out=sums[:, 1:])
        if wanted is None:
            result = sums.take(self._ends, axis=1) - sums.take(self._starts, axis=1)
        else:
            pages = np.arange(len(shares))[:, None]
            result = sums[pages, self._ends[wanted]] - sums[pages, self._starts[wanted]]
        return result.astype(np.float32)

    def below(self, operation: np.ufunc, values: Floats, node: int = NO_PARENT) -> Floats:
        """The sum (np.add) or the greatest (np.maximum) of all values in the subtree of each child
        of a node, or of each root: (..., n_children) for `values` (..., n_nodes).
        """
        children = self.children[node]
        starts = self._starts[children]
        ordered = values.take(self._depth_first[starts[0] : self._ends[children[-1]]], axis=-1)
        result: Floats = operation.reduceat(ordered, starts - starts[0], axis=-1, dtype=np.float64)
        return result.astype(np.float32)

    def lies_in(self, nodes: Ints, above: Ints) -> NDArray[np.bool_]:
        """Whether each node is that other one or lies below it; the two are broadcast."""
        starts = self._starts[nodes]
        result: NDArray[np.bool_] = (self._starts[above] <= starts) & (starts < self._ends[above])
        return result


def _children(parent: Ints, depth_first: Ints) -> tuple[Ints, ...]:
    """Children of each node, then the roots: where NO_PARENT points."""
    by_parent = depth_first[np.argsort(parent[depth_first], kind="stable")]
    counts = np.bincount(parent + 1, minlength=len(parent) + 1)
    roots, *others = np.split(by_parent, np.cumsum(counts)[:-1])
    return (*others, roots)


def _depth_first(taxonomy: Taxonomy) -> Ints:
    order = [node for root in taxonomy.roots for node in taxonomy.subtree(root)]
    return np.array([taxonomy.index[node] for node in order], dtype=np.int64)
