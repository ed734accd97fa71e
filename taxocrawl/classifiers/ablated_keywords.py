"""Keywords that go with words which are left out of a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.ablated_pages import Cuts, PageRead
from taxocrawl.classifiers.keywords import FIELD_WEIGHTS, MAX_HITS_OF_A_WORD, KeywordIndex
from taxocrawl.classifiers.ranges import ranges
from taxocrawl.classifiers.reading import N_FIELDS
from taxocrawl.protocols import Vectors

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_FIELD_WEIGHTS = np.array(tuple(FIELD_WEIGHTS.values()), dtype=np.float32)
_LONGEST_FIELD = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hits:
    """Keywords in the fields of a batch, which have numbers: `fields`, `words`, `starts`, `ends`,
    all (n_hits,). Places are counted through all fields.
    """

    fields: Ints
    words: Ints
    starts: Ints
    ends: Ints

    @classmethod
    def of(cls, pages: Sequence[PageRead]) -> "_Hits":
        by_field = [places for page in pages for places in page.keyword_places]
        counts = np.fromiter(map(len, by_field), dtype=np.int64, count=len(by_field))
        numbers = chain.from_iterable(chain.from_iterable(by_field))
        words, starts, ends = np.fromiter(numbers, dtype=np.int64).reshape(-1, 3).T
        fields = np.repeat(np.arange(len(counts)), counts)
        first = fields * _LONGEST_FIELD
        return cls(fields=fields, words=words, starts=first + starts, ends=first + ends)


class AblatedKeywords:
    """Keyword weights that pages lose with their words."""

    def __init__(self, keywords: KeywordIndex, n_nodes: int) -> None:
        self._keywords = keywords
        self._n_nodes = n_nodes

    def lost(self, pages: Sequence[PageRead], cuts: Cuts, candidates: Ints) -> Vectors:
        """What each variant loses of its page's candidates, (n_pages, n_variants, n_candidates).

        A keyword goes with any of its words; a shorter one that stood in it does not come up.
        """
        result = np.zeros((*candidates.shape, len(cuts.gone)), dtype=np.float32)
        hits = _Hits.of(pages)
        touched, gone = _gone(hits, cuts)
        if len(touched) == 0:
            return result.transpose(0, 2, 1)
        every = hits.words * (len(pages) * N_FIELDS) + hits.fields
        keys, key_of = np.unique(every[touched], return_inverse=True)
        distinct, n_times = np.unique(every, return_counts=True)
        counts = n_times[np.searchsorted(distinct, keys)]
        n_gone = np.zeros((len(keys), len(cuts.gone)), dtype=np.float32)
        np.add.at(n_gone, key_of, gone)
        left = np.minimum(counts[:, None] - n_gone, MAX_HITS_OF_A_WORD)
        lost = np.minimum(counts, MAX_HITS_OF_A_WORD)[:, None] - left
        words, fields = np.divmod(keys, len(pages) * N_FIELDS)
        of_pages, of_fields = np.divmod(fields, N_FIELDS)
        which, nodes, amounts = self._keywords.spread(words, _FIELD_WEIGHTS[of_fields])
        place = np.full((len(pages), self._n_nodes), -1)
        np.put_along_axis(place, candidates, np.arange(candidates.shape[1])[None], axis=1)
        at = place[of_pages[which], nodes]
        known = at >= 0
        which = which[known]
        np.add.at(result, (of_pages[which], at[known]), lost[which] * amounts[known][:, None])
        return result.transpose(0, 2, 1)


def _gone(hits: _Hits, cuts: Cuts) -> tuple[Ints, Bools]:
    """Hits that hold a word which goes, and in which variants it goes, (n_touched, n_variants)."""
    first = (cuts.pages * N_FIELDS + cuts.fields) * _LONGEST_FIELD
    # Words never overlap, so those in a keyword follow each other.
    begin = np.searchsorted(first + cuts.ends, hits.starts, side="right")
    end = np.searchsorted(first + cuts.starts, hits.ends, side="left")
    touched = np.flatnonzero(end > begin)
    if len(touched) == 0:
        return touched, np.zeros((0, len(cuts.gone)), dtype=np.bool_)
    lengths = (end - begin)[touched]
    words = ranges(begin[touched], lengths)
    firsts = np.cumsum(lengths) - lengths
    return touched, np.logical_or.reduceat(cuts.gone.T[words], firsts, axis=0)
