"""Runs of rows in one long array."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """`starts[i]`, `starts[i] + 1` and so on, `lengths[i]` of them, for each i, all in a row."""
    firsts = np.cumsum(lengths) - lengths
    result: Ints = np.repeat(starts - firsts, lengths) + np.arange(lengths.sum())
    return result
