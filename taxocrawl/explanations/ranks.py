"""Ranks of numbers: what is left of them when only their order counts."""

import numpy as np
from numpy.typing import NDArray


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0, (n,); equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_rank: NDArray[np.float64] = np.cumsum(counts) - (counts + 1) / 2
    return mean_rank[inverse]


def spearman(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank correlation of every two columns, (n_columns, n_columns); 0 with a constant column."""
    ranked = np.apply_along_axis(ranks, 0, table)
    centred = ranked - ranked.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    correlation: NDArray[np.float64] = unit.T @ unit
    return correlation.clip(-1.0, 1.0)
