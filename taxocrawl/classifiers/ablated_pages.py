"""What is remembered of a page that was read, and which of its words go."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.keywords import Places
from taxocrawl.classifiers.reading import N_FIELDS, Reading
from taxocrawl.classifiers.sources import Pairs
from taxocrawl.protocols import Ablation, Vectors

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class PageRead:
    """All that is needed of a page to ask about its words: its texts by field, their tokens and
    unit vectors (N_FIELDS, n_dims), where keywords stand, cosines to the labelled pages, and the
    candidates with their features and margins.
    """

    texts: tuple[str, ...]
    token_ids: tuple[Ints, ...]
    vectors: Vectors
    keyword_places: Sequence[Places]
    cosines: Vectors
    candidates: Ints
    features: Vectors
    margins: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """Words of a page by field, start and end in its text (n_words,), whether they touch another
    word, and the variants that lack some of them, `gone` (n_variants, n_words).
    """

    fields: Ints
    starts: Ints
    ends: Ints
    joined: Bools
    gone: Bools


def cuts_of(ablation: Ablation, page: int) -> Cuts:
    """The words of one page that go in any variant."""
    own = np.flatnonzero((ablation.pages == page) & ablation.gone.any(axis=0))
    fields, starts, ends = ablation.fields, ablation.starts, ablation.ends
    # In scripts with spaces nearly every word stands alone.
    touching = (ends[:-1] == starts[1:]) & (fields[:-1] == fields[1:])
    joined = np.append(touching, False) | np.insert(touching, 0, False)
    return Cuts(
        fields=fields[own],
        starts=starts[own],
        ends=ends[own],
        joined=joined[: len(fields)][own],
        gone=ablation.gone[:, own],
    )


def pages_read(reading: Reading, pairs: Pairs, margins: Vectors) -> list[PageRead]:
    """Each page of a batch with what the ranker made of it."""
    return [
        PageRead(
            texts=texts,
            token_ids=reading.token_ids[row * N_FIELDS : (row + 1) * N_FIELDS],
            vectors=reading.vectors[row],
            keyword_places=pairs.evidence.keyword_places[row],
            cosines=pairs.evidence.cosines[row],
            candidates=pairs.candidates[row],
            features=pairs.features[row],
            margins=margins[row],
        )
        for row, texts in enumerate(reading.texts)
    ]
