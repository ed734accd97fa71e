"""From scores of single nodes to an answer in tiers: calibrated, consistent, or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.node_arrays import NO_PARENT, NodeArrays
from taxocrawl.protocols import Vectors
from taxocrawl.records import Prediction

# Nodes that are ranked in an answer; below, nothing was ever right in cross-validation.
N_RANKED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiers:
    """Calibration and thresholds of a model.

    Confidence of a node of tier t = sigmoid(slope[t] * logit(share) + offset[t]), where share is
    the part of the page's distribution that lies in the node's subtree (Platt 1999). The last entry
    serves deeper tiers. A node is asserted over `thresholds[t]`, sensitive ones over `sensitive`.
    """

    slopes: tuple[float, ...] = (1.0,)
    offsets: tuple[float, ...] = (0.0,)
    thresholds: tuple[float, ...] = (0.5,)
    sensitive: float = 0.7

    def confidences(self, shares: Vectors, nodes: NodeArrays) -> Vectors:
        """Calibrated probability of each node's subtree; a parent's is at least its child's.

        `shares` (n_pages, n_nodes) sum to at most 1 over the nodes of a page.
        """
        result = self._calibrated(nodes.subtree_sums(shares), nodes.tier)
        for level in range(2, int(nodes.tier.max()) + 1):
            below = np.flatnonzero(nodes.tier == level)
            result[:, below] = np.minimum(result[:, below], result[:, nodes.parent[below]])
        return np.asarray(result, dtype=np.float32)

    def confidences_of(
        self, wanted: Sequence[NDArray[np.int64]], shares: Vectors, nodes: NodeArrays
    ) -> Vectors:
        """What `confidences` gives of some nodes of each page and of those above them, zeros
        elsewhere, (n_pages, n_nodes): of some twenty nodes in thousands.
        """
        listed = np.zeros((len(wanted), max(map(len, wanted), default=0)), dtype=np.int64)
        for row, positions in enumerate(wanted):
            listed[row, : len(positions)] = positions
        lines = nodes.lineages(listed)
        flat = lines.reshape(len(lines), lines.shape[1] * lines.shape[2])
        each = self._calibrated(nodes.subtree_sums(shares, flat), nodes.tier[flat])
        along = np.minimum.accumulate(each.reshape(lines.shape)[:, :, ::-1], axis=2)[:, :, ::-1]
        result = np.zeros_like(shares)
        np.put_along_axis(result, flat, along.reshape(flat.shape).astype(np.float32), axis=1)
        return result

    def confidence_along(
        self, sums: NDArray[np.float64], tiers: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Confidence of the lowest node of a lineage, as `confidences` gives it, (...).

        `sums` (..., n_nodes) are the shares of the subtrees of its nodes, of these tiers.
        """
        result: NDArray[np.float64] = self._calibrated(sums, tiers).min(axis=-1)
        return result

    def _calibrated(
        self, sums: NDArray[np.floating[Any]], tiers: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Confidence of each subtree by itself from the sum of its shares; 0 without any."""
        at = np.minimum(tiers - 1, len(self.slopes) - 1)
        slopes, offsets = np.array(self.slopes)[at], np.array(self.offsets)[at]
        clipped = np.clip(sums, 1e-6, 1 - 1e-6)
        each = 1 / (1 + np.exp(-(slopes * np.log(clipped / (1 - clipped)) + offsets)))
        return np.where(sums > 0, each, 0)

    def threshold(self, tier: int) -> float:
        """Least confidence with which a node of that tier is asserted."""
        return self.thresholds[min(tier, len(self.thresholds)) - 1]

    def bar(self, tier: int, *, min_confidence: float | None, sensitive: bool) -> float:
        """Least confidence of a node, with a threshold of the user's own where there is one."""
        needed = self.threshold(tier) if min_confidence is None else min_confidence
        return max(needed, self.sensitive) if sensitive else needed


def ranking(scores: Vectors, shares: Vectors, nodes: NodeArrays) -> NDArray[np.int64]:
    """Positions of single nodes of one page, the preferred first; scores and shares (n_nodes,).

    The first comes from the root with the greatest share, so that the deepest answer and the
    answer of tier 1 never contradict each other.
    """
    spoken = np.flatnonzero(shares > 0)
    order = spoken[np.argsort(-scores[spoken], kind="stable")]
    if len(order) == 0:
        return order
    root = nodes.below(np.add, shares).argmax()
    first = int(np.argmax(nodes.root_place[order] == root))
    return np.concatenate([order[first : first + 1], np.delete(order, first)])[:N_RANKED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One document's numbers: ranked nodes, the confidence of every node, or at least of these and
    those above them, and whether it is like anything that has a topic; if not, nothing is asserted.
    """

    ranked: NDArray[np.int64]
    confidences: Vectors
    in_scope: bool = True


def predictions(
    answer: Answer,
    tiers: Tiers,
    nodes: NodeArrays,
    *,
    taxonomy: str,
    classifier: str,
    model_id: str,
    min_confidence: float | None = None,
    sensitive: frozenset[int] = frozenset(),
) -> tuple[Prediction, ...]:
    """Ranked nodes in order, then the ancestors of any of them that are not ranked themselves."""
    ranked = answer.ranked.tolist()
    listed = [*ranked, *_ancestors(ranked, nodes)]
    confidences = answer.confidences[listed].tolist()
    levels = nodes.tier[listed].tolist()
    asserted = {NO_PARENT} if answer.in_scope else set()
    # Only where its parent is asserted too: from the roots down.
    for tier, node, confidence in sorted(zip(levels, listed, confidences, strict=True)):
        if nodes.parents[node] in asserted and confidence >= tiers.bar(
            tier, min_confidence=min_confidence, sensitive=node in sensitive
        ):
            asserted.add(node)
    ranks = chain(range(1, len(ranked) + 1), repeat(None))
    return tuple(
        Prediction(
            taxonomy=taxonomy,
            node_id=nodes.ids[node],
            tier=tier,
            confidence=confidence,
            classifier=classifier,
            model_id=model_id,
            rank=rank,
            asserted=node in asserted,
        )
        for node, tier, confidence, rank in zip(listed, levels, confidences, ranks, strict=False)
    )


def _ancestors(ranked: Sequence[int], nodes: NodeArrays) -> list[int]:
    """What lies above ranked nodes and is not ranked itself, each once."""
    seen, found = set(ranked), []
    for node in ranked:
        parent = nodes.parents[node]
        while parent != NO_PARENT:
            if parent not in seen:
                seen.add(parent)
                found.append(parent)
            parent = nodes.parents[parent]
    return found
