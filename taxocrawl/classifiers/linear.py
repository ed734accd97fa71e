"""The linear head: which tokens speak for which nodes, learnt from labelled texts.

Two views of a page add up: the encoder's vectors, and those of a small table of the head's own that
training moved. Both are weighted means over fields, normalised, then one matrix: so what a word
adds to a node is exact up to the normalisation's scale.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.reading import N_FIELDS, Reading, unit
from taxocrawl.protocols import Vectors

TokenIds = NDArray[np.int64]

_ALL_FIELDS = np.ones((1, N_FIELDS), dtype=np.float32)
_EPSILON = 1e-5  # of torch.nn.LayerNorm, with which the head is trained


@dataclass(frozen=True, kw_only=True)
class View:
    """Weights of one view: fields (N_FIELDS,), nodes (n_nodes, n_dims)."""

    fields: Vectors
    nodes: Vectors

    @functools.cached_property
    def centred(self) -> Vectors:
        """`nodes` about their means, which gives what the centred page gives with `nodes`."""
        result: Vectors = self.nodes - self.nodes.mean(axis=1, keepdims=True)
        return result


class LinearHead:
    """Log-probabilities of every node for a page, from named arrays (see `arrays`)."""

    def __init__(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        def get(name: str) -> Vectors:
            return np.ascontiguousarray(arrays[name], dtype=np.float32)

        self.encoder_view = View(fields=get("encoder_fields"), nodes=get("encoder_nodes"))
        self.token_view = View(fields=get("token_fields"), nodes=get("token_nodes"))
        self.table = get("table") * get("table_scale")[:, None]
        self.bias = get("bias")

    def logits(self, reading: Reading) -> Vectors:
        """(n_pages, n_nodes); zeros for a page without a known word."""
        return self.logits_apart(reading, _ALL_FIELDS)[:, 0]

    def logits_apart(
        self, reading: Reading, fields: Vectors, token_sums: Vectors | None = None
    ) -> Vectors:
        """Of each page as if it had only some of its fields, (n_pages, n_readings, n_nodes).

        `fields` (n_readings, N_FIELDS), 1 for those that are read; `token_sums` of the reading, if
        they are known. Zeros for a page without any.
        """
        if token_sums is None:
            token_sums = self.token_sums(reading)
        result = np.tile(self.bias, (len(reading.texts) * len(fields), 1))
        for view, vectors in (
            (self.encoder_view, reading.vectors),
            (self.token_view, unit(token_sums)),
        ):
            mixed: Vectors = np.matmul(fields * view.fields, vectors)
            result += standard(mixed).reshape(len(result), -1) @ view.nodes.T
        result[(reading.present @ fields.T == 0).ravel()] = 0
        return result.reshape(len(reading.texts), len(fields), -1)

    def token_sums(self, reading: Reading) -> Vectors:
        """Sums of the vectors of every field's tokens by the head's own table,
        (n_pages, N_FIELDS, n_dims).
        """
        pooled: dict[int, Vectors] = {}
        rows = np.zeros((len(reading.token_ids), self.table.shape[1]), dtype=np.float32)
        for i, ids in enumerate(reading.token_ids):
            if len(ids) == 0:
                continue
            # One array object a distinct text, so that variants of one page are summed once.
            if id(ids) not in pooled:
                pooled[id(ids)] = self.table.take(ids, axis=0).sum(axis=0)
            rows[i] = pooled[id(ids)]
        return rows.reshape(len(reading.texts), N_FIELDS, -1)

    def node_weights(self, node: int, encoder_table: Vectors) -> Vectors:
        """What one occurrence of each token adds to a node's logit, up to a page's own scale,
        (n_tokens,): the linear part of both views.
        """
        parts = (self.encoder_view, encoder_table), (self.token_view, self.table)
        result: Vectors = sum(table @ view.centred[node] for view, table in parts)
        return result

    def view_weights(
        self, sums: Vectors, encoder_table: Vectors, tokens: TokenIds
    ) -> tuple[Vectors, Vectors]:
        """The same by each view apart, of these tokens and of sums of logits, weighed by `sums`
        (n_sums, n_nodes): (n_tokens, n_sums).
        """
        of_encoder = encoder_table.take(tokens, axis=0) @ (sums @ self.encoder_view.centred).T
        of_tokens = self.table.take(tokens, axis=0) @ (sums @ self.token_view.centred).T
        return of_encoder, of_tokens


def standard(mixed: Vectors) -> Vectors:
    """Mean 0 and variance 1 along the last axis, in place."""
    mixed -= mixed.mean(axis=-1, keepdims=True)
    mixed /= standard_deviations(mixed)[..., None]
    return mixed


def standard_deviations(mixed: Vectors) -> Vectors:
    """Of the last axis."""
    result: Vectors = np.sqrt(mixed.var(axis=-1) + _EPSILON)
    return result


def softmax(logits: Vectors) -> Vectors:
    """Shares along the last axis, which sum to 1."""
    result: Vectors = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result /= result.sum(axis=-1, keepdims=True)
    return result


def log_softmax(logits: Vectors) -> Vectors:
    """Logarithm of the softmax along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Vectors = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result
