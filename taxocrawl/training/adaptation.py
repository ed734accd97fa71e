"""Token vectors adapted to unlabelled texts by CBOW with negative sampling (Mikolov et al. 2013).

A token is predicted from the mean of those around it. Only directions move: a vector's length is
the weight of its token in a text, which stays. What no text says keeps its vector.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.reading import unit
from taxocrawl.errors import InputError
from taxocrawl.protocols import Vectors

Ints = NDArray[np.int64]

WINDOW = 5
NEGATIVES = 5
BATCH = 512
RATE = 0.05
LEAST_TOKENS = 2_000
# How far a vector may leave its place: the words beside those of the texts keep their sense only
# where both stay in one space.
PULL_BACK = 0.5


def adapted(
    encoder: StaticEncoder,
    texts: Sequence[str],
    *,
    epochs: int = 3,
    cpu_seconds: float = float("inf"),
    seed: int = 0,
) -> Vectors:
    """The encoder's table, (n_tokens, dimension), moved by the texts; stops at the CPU limit.

    InputError where the texts say too little to learn from.
    """
    ids = encoder.tokenize(texts)
    total = sum(map(len, ids))
    if total < LEAST_TOKENS:
        raise InputError(f"{total} tokens to adapt to are too few; {LEAST_TOKENS} at least")
    rng = np.random.default_rng(seed)
    end = time.process_time() + cpu_seconds
    table = encoder.token_vectors
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    start = unit(table)
    inner, outer = start.copy(), start.copy()
    centres, contexts = _windows(ids)
    counts = np.bincount(centres, minlength=len(table)) ** 0.75
    ends = np.cumsum(counts / counts.sum())
    for _ in range(epochs):
        order = rng.permutation(len(centres))
        for begin in range(0, len(order), BATCH):
            if time.process_time() >= end:
                break
            rows = order[begin : begin + BATCH]
            drawn = np.searchsorted(ends, rng.random((len(rows), NEGATIVES)))
            negatives = np.minimum(drawn, len(table) - 1)
            _step(inner, outer, centres[rows], contexts[rows], negatives)
    moved = unit((1 - PULL_BACK) * inner + PULL_BACK * start)
    return np.asarray(moved * lengths, dtype=np.float32)


def save_adapted(encoder: StaticEncoder, source: Path, table: Vectors, folder: Path) -> None:
    """An encoder folder like `source` with that table."""
    # Imports torch.
    from taxocrawl.training.distil import save_encoder

    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    save_encoder(folder, tokenizer, table, base_model=encoder.name)


def _windows(ids: Sequence[Ints]) -> tuple[Ints, Ints]:
    """Every token (n,) and the tokens around it (n, 2 * WINDOW), -1 beyond a text's ends."""
    centres, contexts = [], []
    for text in ids:
        if len(text) < 2:
            continue
        padded = np.pad(text, WINDOW, constant_values=-1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * WINDOW + 1)
        centres.append(text)
        contexts.append(np.delete(windows, WINDOW, axis=1))
    return np.concatenate(centres), np.concatenate(contexts)


def _step(inner: Vectors, outer: Vectors, centres: Ints, contexts: Ints, negatives: Ints) -> None:
    """One gradient step, in place."""
    known = contexts >= 0
    sizes = known.sum(axis=1, keepdims=True)
    means = (inner[contexts] * known[:, :, None]).sum(axis=1) / sizes
    targets = np.concatenate([centres[:, None], negatives], axis=1)
    wanted = np.zeros(targets.shape, dtype=np.float32)
    wanted[:, 0] = 1
    vectors = outer[targets]
    guesses = 1 / (1 + np.exp(-np.einsum("bd,btd->bt", means, vectors)))
    errors = (RATE * (wanted - guesses)).astype(np.float32)
    back = np.einsum("bt,btd->bd", errors, vectors) / sizes
    np.add.at(outer, targets, errors[:, :, None] * means[:, None, :])
    rows, places = np.nonzero(known)
    np.add.at(inner, contexts[rows, places], back[rows])
