"""From scores of single nodes to an answer in tiers: calibrated, consistent, or none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
        sums = np.clip(nodes.subtree_sums(shares), 1e-6, 1 - 1e-6)
        tier = np.minimum(nodes.tier - 1, len(self.slopes) - 1)
        slopes, offsets = np.array(self.slopes)[tier], np.array(self.offsets)[tier]
        result = 1 / (1 + np.exp(-(slopes * np.log(sums / (1 - sums)) + offsets)))
        result[nodes.subtree_sums(shares) <= 0] = 0
        for level in range(2, int(nodes.tier.max()) + 1):
            below = np.flatnonzero(nodes.tier == level)
            result[:, below] = np.minimum(result[:, below], result[:, nodes.parent[below]])
        return np.asarray(result, dtype=np.float32)

    def confidence_along(
        self, sums: NDArray[np.float64], tiers: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Confidence of the last node of a lineage, as `confidences` gives it, (n,).

        `sums` (n, n_nodes) are the shares of the subtrees of its nodes, the root first.
        """
        at = np.minimum(tiers - 1, len(self.slopes) - 1)
        slopes, offsets = np.array(self.slopes)[at], np.array(self.offsets)[at]
        clipped = np.clip(sums, 1e-6, 1 - 1e-6)
        each = 1 / (1 + np.exp(-(slopes * np.log(clipped / (1 - clipped)) + offsets)))
        result: NDArray[np.float64] = np.where(sums > 0, each, 0).min(axis=1)
        return result

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
    root = int(
        np.argmax(np.where(nodes.parent == NO_PARENT, nodes.subtree_sums(shares[None])[0], -1))
    )
    first = next(node for node in order if nodes.root[node] == root)
    return np.concatenate([[first], order[order != first]])[:N_RANKED].astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One document's numbers: ranked nodes, the confidence of every node, whether it is like
    anything that has a topic; if not, nothing is asserted.
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
    result = []
    for node, rank in _with_ancestors(answer.ranked, nodes):
        confidence = float(answer.confidences[node])
        tier = int(nodes.tier[node])
        needed = tiers.bar(tier, min_confidence=min_confidence, sensitive=node in sensitive)
        prediction = Prediction(
            taxonomy=taxonomy,
            node_id=nodes.ids[node],
            tier=tier,
            confidence=confidence,
            classifier=classifier,
            model_id=model_id,
            rank=rank,
            asserted=answer.in_scope and confidence >= needed,
        )
        result.append((node, prediction))
    return tuple(_consistent(result, nodes))


def _with_ancestors(
    ranked: Sequence[int] | NDArray[np.int64], nodes: NodeArrays
) -> Iterator[tuple[int, int | None]]:
    seen = {int(node) for node in ranked}
    yield from ((int(node), rank) for rank, node in enumerate(ranked, start=1))
    for node in ranked:
        parent = int(nodes.parent[node])
        while parent != NO_PARENT:
            if parent not in seen:
                seen.add(parent)
                yield parent, None
            parent = int(nodes.parent[parent])


def _consistent(found: Sequence[tuple[int, Prediction]], nodes: NodeArrays) -> Iterator[Prediction]:
    """A node is asserted only where all its ancestors are; with their positions."""
    asserted = {position for position, prediction in found if prediction.asserted}
    for position, prediction in found:
        node = int(nodes.parent[position])
        whole = True
        while node != NO_PARENT:
            whole = whole and node in asserted
            node = int(nodes.parent[node])
        if prediction.asserted and not whole:
            yield Prediction(
                taxonomy=prediction.taxonomy,
                node_id=prediction.node_id,
                tier=prediction.tier,
                confidence=prediction.confidence,
                classifier=prediction.classifier,
                model_id=prediction.model_id,
                rank=prediction.rank,
            )
        else:
            yield prediction
