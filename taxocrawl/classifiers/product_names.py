"""Which short text that stands for a product is nearest: a name, a synonym, a word people use."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.linear import LinearHead, softmax
from taxocrawl.classifiers.node_rows import NodeRows
from taxocrawl.classifiers.reading import Reading, unit
from taxocrawl.classifiers.sources import page_vectors
from taxocrawl.protocols import Vectors

Ints = NDArray[np.int64]

# Both chosen on titles of two shops and of invented ones and on train pages, all unseen; 20 to 30
# and a half to two thirds are alike.
SHARPNESS = 25.0
NAMES_PART = 0.5

# Whom a thing fits says nothing of what it is, and "adult" alone is a word of its own.
_AUDIENCE = re.compile(
    r"\bunisex[\s-]{0,2}(?:adults?|kids?|children|baby)\b(?:['’]s)?|\bfor (?:men|women|kids|adults)"
    r"(?: (?:and|&) (?:men|women|kids|adults))?\b",
    re.IGNORECASE,
)
_SPACES = re.compile(r"[^\S\n]+")  # lines end sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortTexts:
    """Texts as the encoder's tokens, a third of the bytes of their vectors.

    `tokens` of all texts in a row, `lengths` (n_texts,), `nodes` (n_texts,) in rising order.
    """

    tokens: Ints
    lengths: Ints
    nodes: Ints

    @classmethod
    def of(cls, token_ids: Sequence[Ints], nodes: Sequence[int]) -> "ShortTexts":
        """Texts without a known word are left out."""
        kept = [i for i in np.argsort(nodes, kind="stable") if len(token_ids[i])]
        return cls(
            tokens=np.concatenate([np.zeros(0, dtype=np.int64), *(token_ids[i] for i in kept)]),
            lengths=np.array([len(token_ids[i]) for i in kept], dtype=np.int64),
            nodes=np.array([nodes[i] for i in kept], dtype=np.int64),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """What `from_arrays` reads."""
        return {
            "tokens": self.tokens.astype(np.int32),
            "lengths": self.lengths.astype(np.int16),
            "nodes": self.nodes.astype(np.int16),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> "ShortTexts":
        """The texts again."""
        return cls(**{name: arrays[name].astype(np.int64) for name in cls.__slots__})


class NearestNames:
    """Each node's share by its text that is nearest in meaning."""

    def __init__(self, texts: ShortTexts, encoder_table: Vectors, n_nodes: int) -> None:
        starts = np.cumsum(texts.lengths) - texts.lengths
        sums = encoder_table[:0]
        if len(starts):
            sums = np.add.reduceat(encoder_table[texts.tokens], starts, axis=0)
        self._vectors = unit(sums.astype(np.float32))
        self._rows = NodeRows(texts.nodes, n_nodes)

    def __bool__(self) -> bool:
        return len(self._rows) > 0

    def shares(self, vectors: Vectors) -> Vectors:
        """(n_pages, n_nodes) for unit vectors of pages."""
        return softmax(SHARPNESS * self._rows.greatest(self._vectors @ vectors.T, absent=-1))


def plain_title(title: str) -> str:
    """The name of a product without whom it is for; as it was where nothing else is said."""
    if not _AUDIENCE.search(title):
        return title
    plain = _SPACES.sub(" ", _AUDIENCE.sub(" ", title)).strip()
    return plain or title


def node_shares(head: LinearHead, names: NearestNames, reading: Reading) -> Vectors:
    """Share of each node by the head and by names, (n_pages, n_nodes); zeros without a known word.

    The head knows what shops call things, names what it has never seen in a shop. Shares are added,
    not logarithms: the surer of the two decides.
    """
    result = softmax(head.logits(reading))
    if names:
        result *= 1 - NAMES_PART
        result += NAMES_PART * names.shares(page_vectors(reading))
    result[~reading.present.any(axis=1)] = 0
    return result
