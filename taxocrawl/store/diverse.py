"""A few of many, each of them useful and unlike those before it."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def choose(
    usefulness: Floats,
    rows: Ints,
    features: Ints,
    values: Floats,
    *,
    n: int,
    seen: NDArray[np.bool_],
) -> list[int]:
    """Positions of at most `n` things, in the order in which they were chosen.

    Always the one whose usefulness, times its distance to the nearest of those chosen or `seen`
    before, is greatest; the first of equals (greedy, after maximal marginal relevance: Carbonell
    and Goldstein 1998). Distance is 1 - cosine. A thing's vector is given by its entries: thing
    `rows[i]` has `values[i]` > 0 in `features[i]`, rows in ascending order, every thing in it.
    """
    lengths = np.sqrt(np.bincount(rows, weights=values**2, minlength=len(usefulness)))
    unit = values / lengths[rows]
    starts = np.searchsorted(rows, np.arange(len(usefulness) + 1))
    dense = np.zeros(int(features.max(initial=-1)) + 1)
    nearest = np.zeros(len(usefulness))
    left = ~seen
    chosen: list[int] = []
    known = np.flatnonzero(seen).tolist()
    while len(chosen) < n and left.any():
        if known:
            pick = known.pop()
        else:
            pick = int(np.argmax(np.where(left, usefulness * (1 - nearest), -1.0)))
            chosen.append(pick)
            left[pick] = False
        own = slice(starts[pick], starts[pick + 1])
        dense[features[own]] = unit[own]
        cosines = np.add.reduceat(unit * dense[features], starts[:-1])
        dense[features[own]] = 0
        np.maximum(nearest, np.minimum(cosines, 1), out=nearest)
    return chosen
