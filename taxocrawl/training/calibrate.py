"""Probabilities from cross-fitted margins: temperature, calibration by tier, thresholds."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.ranker import spread
from taxocrawl.classifiers.tiers import Tiers
from taxocrawl.protocols import Vectors
from taxocrawl.training.evaluate import Truth

Ints = NDArray[np.int64]

TEMPERATURES = tuple(np.round(np.geomspace(0.4, 3.0, 25), 3).tolist())
# Precision asked of all asserted nodes of a tier, on cross-fitted pages: right means accepted.
PRECISION = (0.9, 0.85, 0.8, 0.8)
SENSITIVE_PRECISION = 0.95
# A node less likely is never asserted, whatever the precision: a person would not say it.
LEAST_THRESHOLD = 0.2
N_TIERS = len(PRECISION)
LONGEST_STEP = 10.0


def temperature(margins: Vectors, candidates: Ints, truth: Truth, nodes: NodeArrays) -> float:
    """The temperature with the greatest likelihood of the primary's root and of the primary."""
    rows = np.arange(len(candidates))
    best, best_loss = 1.0, np.inf
    for value in TEMPERATURES:
        shares = spread(margins, candidates, value, len(nodes))
        roots = nodes.subtree_sums(shares)[rows, nodes.root[truth.primary]]
        own = shares[rows, truth.primary]
        loss = -np.log(roots + 1e-3).mean() - np.log(own + 1e-3).mean()
        if loss < best_loss:
            best, best_loss = float(value), loss
    return best


def fit_tiers(shares: Vectors, truth: Truth, nodes: NodeArrays) -> Tiers:
    """Platt's line for each tier on the surest node there, then thresholds for PRECISION."""
    sums = np.clip(nodes.subtree_sums(shares), 1e-6, 1 - 1e-6)
    slopes, offsets = [], []
    for tier in range(1, N_TIERS + 1):
        surest, right = _surest(sums, truth, nodes, tier)
        slope, offset = platt(np.log(surest / (1 - surest)), right)
        slopes.append(slope)
        offsets.append(offset)
    tiers = Tiers(slopes=tuple(slopes), offsets=tuple(offsets))
    confidences = tiers.confidences(shares, nodes)
    right = _accepted_subtrees(truth, nodes)
    thresholds = []
    for tier, precision in enumerate(PRECISION, start=1):
        # Every node that would be asserted counts, not only a page's surest: several may be.
        of_tier = nodes.tier == tier
        pairs = of_tier & (confidences >= LEAST_THRESHOLD)
        thresholds.append(threshold(confidences[pairs], right[pairs], precision))
    roots = (nodes.tier == 1) & (confidences >= LEAST_THRESHOLD)
    sensitive = threshold(confidences[roots], right[roots], SENSITIVE_PRECISION)
    return replace(tiers, thresholds=tuple(thresholds), sensitive=max(thresholds[0], sensitive))


def _accepted_subtrees(truth: Truth, nodes: NodeArrays) -> NDArray[np.bool_]:
    """Whether a node holds an accepted node of a page, (n_pages, n_nodes)."""
    result = np.zeros((len(truth.primary), len(nodes)), dtype=np.bool_)
    for row, accepted in enumerate(truth.accepted):
        result[row] = nodes.above[sorted(accepted)].any(axis=0)
    return result


def _surest(
    values: Vectors, truth: Truth, nodes: NodeArrays, tier: int
) -> tuple[Vectors, NDArray[np.bool_]]:
    """Each page's best value in a tier, and whether the primary lies in that node's subtree."""
    of_tier = np.flatnonzero(nodes.tier == min(tier, int(nodes.tier.max())))
    best = of_tier[values[:, of_tier].argmax(axis=1)]
    return values[np.arange(len(best)), best], nodes.above[truth.primary, best] > 0


def platt(x: Vectors, right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the logistic regression of `right` on x, by Newton's method."""
    design = np.stack([x, np.ones_like(x)], axis=1).astype(np.float64)
    slope, offset = logistic(design, right, prior=np.array([1.0, 0.0]), ridge=1e-3)
    return float(max(slope, 0.05)), float(offset)


def logistic(
    design: NDArray[np.float64],
    right: NDArray[np.bool_],
    share: NDArray[np.float64] | float = 1.0,
    *,
    prior: NDArray[np.float64] | float = 0.0,
    ridge: float = 1.0,
    steps: int = 50,
) -> NDArray[np.float64]:
    """Weights of a logistic regression by Newton's method, drawn to `prior`.

    `share` weighs the rows, (n_rows,) or the same for all.
    """
    size = design.shape[1]
    weights = np.zeros(size) + prior
    for _ in range(steps):
        p = 1 / (1 + np.exp(-np.clip(design @ weights, -500, 500)))
        gradient = design.T @ (share * (p - right)) + ridge * (weights - prior)
        hessian = design.T @ (design * (share * p * (1 - p))[:, None]) + ridge * np.eye(size)
        step = np.linalg.solve(hessian, gradient)
        # Of a few rows that a line parts the wrong way round a whole step leads ever further off.
        step *= LONGEST_STEP / max(float(np.abs(step).max()), LONGEST_STEP)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def threshold(confidence: Vectors, right: NDArray[np.bool_], precision: float) -> float:
    """Least confidence over which the share of right ones reaches `precision`; .95 if none does."""
    order = np.argsort(-confidence, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    reached = np.flatnonzero(share >= precision)
    if len(reached) == 0:
        return 0.95
    return float(np.clip(confidence[order[reached[-1]]], LEAST_THRESHOLD, 0.95))
