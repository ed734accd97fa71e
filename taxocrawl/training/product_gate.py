"""Training of the gate: whether a page sells anything, by signs of a shop and its meaning."""

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.selling import Gate
from taxocrawl.protocols import Vectors

# Weight of the squared gate weights against one page's loss; of .1 to 30 the best on other folds.
RIDGE = 3.0


def fit_gate(table: Vectors, vectors: Vectors, sells: NDArray[np.bool_]) -> Gate:
    """Ridge logistic regression by Newton's method; the bias is free."""
    means = table.mean(axis=0)
    scales = np.maximum(table.std(axis=0), 1e-3)
    x = np.concatenate([(table - means) / scales, vectors, np.ones((len(table), 1))], axis=1)
    x = x.astype(np.float64)
    ridge = np.full(x.shape[1], RIDGE)
    ridge[-1] = 1e-6
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (p - sells) + ridge * weights
        hessian = x.T @ (x * (p * (1 - p))[:, None]) + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        weights -= step
        if np.abs(step).max() < 1e-6:
            break
    return Gate(
        weights=weights[:-1].astype(np.float32),
        bias=float(weights[-1]),
        means=means.astype(np.float32),
        scales=scales.astype(np.float32),
    )


def cross_fitted_gate(
    table: Vectors, vectors: Vectors, sells: NDArray[np.bool_], folds: NDArray[np.int64]
) -> Vectors:
    """Probability that each page sells by the gate of the other folds, (n_pages,)."""
    result = np.zeros(len(table), dtype=np.float32)
    for fold in np.unique(folds):
        rows, others = folds == fold, folds != fold
        gate = fit_gate(table[others], vectors[others], sells[others])
        result[rows] = gate.probabilities(table[rows], vectors[rows])
    return result
