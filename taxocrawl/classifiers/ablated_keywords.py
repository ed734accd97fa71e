"""Keywords that go with words which are left out of a page."""

from dataclasses import dataclass
from itertools import chain
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.ablated_pages import Cuts, PageRead
from taxocrawl.classifiers.keywords import FIELD_WEIGHTS, MAX_HITS_OF_A_WORD, KeywordIndex
from taxocrawl.protocols import Vectors

Ints = NDArray[np.int64]

_FIELD_WEIGHTS = np.array(tuple(FIELD_WEIGHTS.values()), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hits:
    """The keywords of a page: of each place its key, field, start and end, all (n_places,); of each
    key, a keyword in a field, how often it stands there, `counts` (n_keys,), and what one time is
    worth to each candidate, `weights` (n_keys, n_candidates).
    """

    keys: Ints
    fields: Ints
    starts: Ints
    ends: Ints
    counts: Ints
    weights: Vectors


class AblatedKeywords:
    """Keyword weights that pages lose; remembered for as long as the page is, as several questions
    are asked of it.
    """

    def __init__(self, keywords: KeywordIndex, n_nodes: int) -> None:
        self._keywords = keywords
        self._n_nodes = n_nodes
        self._known: WeakKeyDictionary[PageRead, _Hits] = WeakKeyDictionary()

    def lost(self, page: PageRead, cut: Cuts) -> Vectors:
        """What each variant loses, (n_variants, n_candidates).

        A keyword goes with any of its words; a shorter one that stood in it does not come up.
        """
        hits = self._known.get(page)
        if hits is None:
            hits = self._known[page] = self._hits(page)
        overlap = (
            (hits.fields[:, None] == cut.fields)
            & (hits.starts[:, None] < cut.ends)
            & (hits.ends[:, None] > cut.starts)
        )
        touched = np.flatnonzero(overlap.any(axis=1))
        if len(touched) == 0:
            return np.zeros((len(cut.gone), hits.weights.shape[1]), dtype=np.float32)
        gone = (cut.gone.astype(np.float32) @ overlap[touched].T.astype(np.float32)) > 0
        keys, key_of = np.unique(hits.keys[touched], return_inverse=True)
        members = np.zeros((len(touched), len(keys)), dtype=np.float32)
        members[np.arange(len(touched)), key_of] = 1
        counts = hits.counts[keys].astype(np.float32)
        left = np.minimum(counts - gone.astype(np.float32) @ members, MAX_HITS_OF_A_WORD)
        result: Vectors = (np.minimum(counts, MAX_HITS_OF_A_WORD) - left) @ hits.weights[keys]
        return result

    def _hits(self, page: PageRead) -> _Hits:
        counts = [len(places) for places in page.keyword_places]
        numbers = chain.from_iterable(chain.from_iterable(page.keyword_places))
        words, starts, ends = np.fromiter(numbers, dtype=np.int64).reshape(-1, 3).T
        fields = np.repeat(np.arange(len(counts)), counts)
        distinct, keys = np.unique(words * len(counts) + fields, return_inverse=True)
        own_words, own_fields = np.divmod(distinct, len(counts))
        place = np.full(self._n_nodes, -1)
        place[page.candidates] = np.arange(len(page.candidates))
        which, nodes, amounts = self._keywords.spread(own_words, _FIELD_WEIGHTS[own_fields])
        known = place[nodes] >= 0
        weights = np.zeros((len(distinct), len(page.candidates)), dtype=np.float32)
        weights[which[known], place[nodes[known]]] = amounts[known]
        return _Hits(
            keys=keys,
            fields=fields,
            starts=starts,
            ends=ends,
            counts=np.bincount(keys, minlength=len(distinct)),
            weights=weights,
        )
