"""The linear head: which tokens speak for which nodes, learnt from labelled texts.

Two views of a page add up: the encoder's vectors, and those of a small table of the head's own that
training moved. Both are weighted means over fields, normalised, then one matrix: so what a word
adds to a node is exact up to the normalisation's scale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.reading import N_FIELDS, Reading, unit
from taxocrawl.protocols import Vectors

TokenIds = NDArray[np.int64]

_EPSILON = 1e-5  # of torch.nn.LayerNorm, with which the head is trained


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Weights of one view: fields (N_FIELDS,), nodes (n_nodes, n_dims)."""

    fields: Vectors
    nodes: Vectors

    def mix(self, vectors: Vectors, fields: Sequence[int] | None = None) -> Vectors:
        """Weighted sum over fields, mean 0 and variance 1 along dims: (n_pages, n_dims).

        `fields` says which ones `vectors` hold where they do not hold all.
        """
        weights = self.fields if fields is None else self.fields[list(fields)]
        mixed: Vectors = np.einsum("pfd,f->pd", vectors, weights)
        return standard(mixed)


class LinearHead:
    """Log-probabilities of every node for a page, from named arrays (see `arrays`)."""

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        def get(name: str) -> Vectors:
            return np.ascontiguousarray(arrays[name], dtype=np.float32)

        self.encoder_view = View(fields=get("encoder_fields"), nodes=get("encoder_nodes"))
        self.token_view = View(fields=get("token_fields"), nodes=get("token_nodes"))
        self.table = get("table") * get("table_scale")[:, None]
        self.bias = get("bias")

    def logits(self, reading: Reading, fields: Sequence[int] | None = None) -> Vectors:
        """(n_pages, n_nodes); with `fields`, as if a page had only those.

        Zeros for a page without any of them.
        """
        encoder, tokens = reading.vectors, self.token_vectors(reading)
        if fields is not None:
            kept = np.zeros((1, N_FIELDS, 1), dtype=np.float32)
            kept[:, list(fields)] = 1
            encoder, tokens = encoder * kept, tokens * kept
        empty = ~encoder.any(axis=(1, 2))
        result: Vectors = (
            self.encoder_view.mix(encoder) @ self.encoder_view.nodes.T
            + self.token_view.mix(tokens) @ self.token_view.nodes.T
            + self.bias
        )
        result[empty] = 0
        return result

    def token_vectors(self, reading: Reading) -> Vectors:
        """Unit vectors of every field by the head's own table, (n_pages, N_FIELDS, n_dims)."""
        pooled: dict[int, Vectors] = {}
        rows = np.zeros((len(reading.token_ids), self.table.shape[1]), dtype=np.float32)
        for i, ids in enumerate(reading.token_ids):
            if len(ids) == 0:
                continue
            # One array object a distinct text, so that variants of one page are summed once.
            if id(ids) not in pooled:
                pooled[id(ids)] = self.table.take(ids, axis=0).sum(axis=0)
            rows[i] = pooled[id(ids)]
        return unit(rows).reshape(len(reading.texts), N_FIELDS, -1)

    def node_weights(
        self, node: int | Vectors, encoder_table: Vectors, tokens: TokenIds | None = None
    ) -> Vectors:
        """What one occurrence of each token adds to a node's logit, up to a page's own scale; or to
        sums of logits, weighed by `node` (n_sums, n_nodes).

        (n_tokens,) or (n_tokens, n_sums), of these tokens or of all: the linear part of both views,
        centred as their normalisation centres.
        """
        parts = []
        for view, table in ((self.encoder_view, encoder_table), (self.token_view, self.table)):
            weights = view.nodes[node] if isinstance(node, int) else node @ view.nodes
            rows = table if tokens is None else table.take(tokens, axis=0)
            parts.append(rows @ (weights - weights.mean(axis=-1, keepdims=True)).T)
        result: Vectors = parts[0] + parts[1]
        return result


def standard(mixed: Vectors) -> Vectors:
    """Mean 0 and variance 1 along the last axis, in place."""
    mixed -= mixed.mean(axis=-1, keepdims=True)
    mixed /= np.sqrt(mixed.var(axis=-1, keepdims=True) + _EPSILON)
    return mixed


def log_softmax(logits: Vectors) -> Vectors:
    """Logarithm of the softmax along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Vectors = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result
