"""What is remembered of a page that was read, and which of its words go."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

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
    """All that is needed of a page to ask about its words: its texts by field, how many tokens each
    has, their unit vectors by the encoder and sums by the linear head, (N_FIELDS, n_dims), where
    keywords stand, cosines to the labelled pages, and the candidates with their features and
    margins.
    """

    texts: tuple[str, ...]
    n_tokens: Ints
    vectors: Vectors
    token_sums: Vectors
    keyword_places: Sequence[Places]
    cosines: Vectors
    candidates: Ints
    features: Vectors
    margins: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """Words that go from the pages of a batch, page by page: each word's page, its number there,
    field, start and end in its text, and whether it touches another word, all (n_words,). `gone`
    (n_variants, n_words) says in which variants of its page it goes; `variants`
    (n_pages, n_variants) which ones of the document they are, those first that are `lacking` any
    word of the page.
    """

    pages: Ints
    words: Ints
    fields: Ints
    starts: Ints
    ends: Ints
    joined: Bools
    gone: Bools
    variants: Ints
    lacking: Bools

    @classmethod
    def of(cls, ablations: Sequence[Ablation]) -> "Cuts":
        """The words of all documents that go in any variant."""
        n_pages = np.array([len(ablation.document.pages) for ablation in ablations])
        owns = [np.flatnonzero(ablation.gone.any(axis=0)) for ablation in ablations]
        first = np.repeat(np.cumsum(n_pages) - n_pages, list(map(len, owns)))

        def in_a_row(rows: Iterable[NDArray[Any]]) -> NDArray[Any]:
            return np.concatenate([row[own] for row, own in zip(rows, owns, strict=True)])

        pages = first + in_a_row(ablation.pages for ablation in ablations)
        gone = np.zeros((max(len(a.gone) for a in ablations), len(pages)), dtype=np.bool_)
        start = 0
        for ablation, own in zip(ablations, owns, strict=True):
            gone[: len(ablation.gone), start : start + len(own)] = ablation.gone[:, own]
            start += len(own)
        lacking = np.zeros((n_pages.sum(), len(gone)), dtype=np.bool_)
        variant, word = np.nonzero(gone)
        lacking[pages[word], variant] = True
        order = np.argsort(~lacking, axis=1, kind="stable")
        order = order[:, : lacking.sum(axis=1).max(initial=0)]
        return cls(
            pages=pages,
            words=in_a_row(ablation.words for ablation in ablations),
            fields=in_a_row(ablation.fields for ablation in ablations),
            starts=in_a_row(ablation.starts for ablation in ablations),
            ends=in_a_row(ablation.ends for ablation in ablations),
            joined=in_a_row(_touching(ablation) for ablation in ablations),
            gone=np.take_along_axis(gone, order[pages].T, axis=0),
            variants=order,
            lacking=np.take_along_axis(lacking, order, axis=1),
        )


def _touching(ablation: Ablation) -> Bools:
    """Whether each word touches the one before or the next; in scripts with spaces few do."""
    result = np.zeros(len(ablation.starts), dtype=np.bool_)
    touching = ablation.ends[:-1] == ablation.starts[1:]
    touching &= ablation.fields[:-1] == ablation.fields[1:]
    touching &= ablation.pages[:-1] == ablation.pages[1:]
    result[1:] = touching
    result[:-1] |= touching
    return result


def pages_read(reading: Reading, pairs: Pairs, margins: Vectors) -> list[PageRead]:
    """Each page of a batch with what the ranker made of it."""
    n_tokens = np.array([len(ids) for ids in reading.token_ids]).reshape(-1, N_FIELDS)
    return [
        PageRead(
            texts=texts,
            n_tokens=n_tokens[row],
            vectors=reading.vectors[row],
            token_sums=pairs.evidence.token_sums[row],
            keyword_places=pairs.evidence.keyword_places[row],
            cosines=pairs.evidence.cosines[row],
            candidates=pairs.candidates[row],
            features=pairs.features[row],
            margins=margins[row],
        )
        for row, texts in enumerate(reading.texts)
    ]
