"""Votes of the labelled pages that are most like a page."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from taxocrawl.protocols import Vectors

N_NEIGHBOURS = 30
# A page as like as the nearest has weight 1, one 0.1 of cosine further off exp(-1.5).
SHARPNESS = 15.0
ALTERNATIVE_SHARE = 0.4


class Neighbours:
    """Vectors of labelled pages (n_rows, dimension) and the nodes they stand for.

    `labels` (n_rows, n_labels) holds node positions, the primary first, padded by -1.
    """

    def __init__(self, vectors: Vectors, labels: NDArray[np.int64], n_nodes: int) -> None:
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.labels = labels
        shares = np.where(labels >= 0, ALTERNATIVE_SHARE, 0.0)
        if labels.shape[1]:
            shares[:, 0] = 1.0
        rows, columns = np.nonzero(labels >= 0)
        self.shares = shares.astype(np.float32)
        self.votes = np.zeros((len(labels), n_nodes), dtype=np.float32)
        np.maximum.at(self.votes, (rows, labels[rows, columns]), shares[rows, columns])

    def scores(
        self, vectors: Vectors, excluded: Sequence[NDArray[np.int64]] | None = None
    ) -> tuple[Vectors, Vectors, Vectors]:
        """Share of the votes for each node (n_pages, n_nodes), the nearest cosine (n_pages,), and
        all cosines (n_pages, n_rows).

        `excluded` rows of each page (its own site, in training) do not vote.
        """
        n_nodes = self.votes.shape[1]
        if len(self.vectors) == 0:
            shape = (len(vectors), n_nodes)
            nobody = np.zeros((len(vectors), 0), np.float32)
            return np.zeros(shape, np.float32), np.zeros(len(vectors), np.float32), nobody
        cosines = vectors @ self.vectors.T
        for row, rows in enumerate(excluded or ()):
            cosines[row, rows] = -1.0
        k = min(N_NEIGHBOURS, len(self.vectors))
        nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        near = np.take_along_axis(cosines, nearest, axis=1)
        best = near.max(axis=1)
        weights = np.exp(SHARPNESS * (near - best[:, None])).astype(np.float32)
        weights /= weights.sum(axis=1, keepdims=True)
        result = np.zeros((len(vectors), n_nodes), dtype=np.float32)
        for row in range(len(vectors)):
            result[row] = weights[row] @ self.votes[nearest[row]]
        result[~vectors.any(axis=1)] = 0
        return result, best.astype(np.float32), cosines
