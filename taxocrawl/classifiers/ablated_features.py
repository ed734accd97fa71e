"""Features of variants of a page that lack some of its words, from those of the whole page.

Only what the page's candidates get is worked out anew; every other node keeps what it had. That is
40 nodes in place of 704, and what makes it worth while to ask about each word of every page. All
arrays lead with (n_pages, n_variants); variant 0 is the page itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.features import FEATURE_NAMES, FIELD_GROUPS, GROUP_POSITIONS, places
from taxocrawl.classifiers.neighbours import N_NEIGHBOURS, SHARPNESS
from taxocrawl.classifiers.prototypes import KINDS
from taxocrawl.classifiers.reading import unit
from taxocrawl.classifiers.sources import PAGE_WEIGHTS, Sources
from taxocrawl.protocols import Vectors
from taxocrawl.records import FIELD_NAMES

Ints = NDArray[np.int64]

# Of the labelled pages the nearest so many may become one of the N_NEIGHBOURS of a variant.
NEAR = 90

_AT = {name: number for number, name in enumerate(FEATURE_NAMES)}
_TITLE = FIELD_NAMES.index("title")
_PAGE_WEIGHTS = np.array(PAGE_WEIGHTS, dtype=np.float32)
_SMALL = 1e-6  # as in `features`


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """What is left of the words. `encoder` and `tokens` are unit vectors by field,
    (n_pages, n_variants, N_FIELDS, n_dims); `keywords` (n_pages, n_variants, n_candidates) the sums
    of keyword weights; `letters` (n_pages, n_variants).
    """

    encoder: Vectors
    tokens: Vectors
    keywords: Vectors
    letters: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Labelled pages near to one page: `vectors` (n, n_dims), and their `votes` for its candidates
    themselves, what lies below them and their roots, (n, 3 * n_candidates).
    """

    vectors: Vectors
    votes: Vectors


class AblatedFeatures:
    """The features of one model's sources for variants of pages."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._nodes = sources.nodes
        self._slots, self._kinds = _prototype_slots(sources)
        self._has = _kinds_of_nodes(sources)

    def table(
        self, candidates: Ints, whole: Vectors, variants: Variants, near: Sequence[Near]
    ) -> Vectors:
        """(n_pages, n_variants, n_candidates, n_features) float32.

        `candidates` (n_pages, n_candidates) and their features `whole` are those of the pages.
        """
        shape = (*variants.encoder.shape[:2], candidates.shape[1])
        result: Vectors = np.empty((*shape, whole.shape[2]), dtype=np.float32)
        result[:] = whole[:, None]
        columns: dict[str, Vectors] = {}
        base = {name: whole[:, None, :, at] for name, at in _AT.items()}
        below, same_root = self._kin(candidates)
        self._linear(columns, base, candidates, variants, below, same_root)
        self._fields(columns, base, candidates, variants, same_root)
        vectors = unit(_PAGE_WEIGHTS @ variants.encoder)
        titles = variants.encoder[:, :, _TITLE]
        self._prototypes(columns, base, candidates, vectors, titles, same_root)
        self._neighbours(columns, vectors, near)
        _keywords(columns, base, variants.keywords, same_root)
        present = variants.encoder.any(axis=3)
        columns["n_fields"] = present.sum(axis=2)[:, :, None]
        columns["letters"] = np.log1p(variants.letters)[:, :, None]
        for name, values in columns.items():
            result[..., _AT[name]] = values
        return result

    def _kin(self, candidates: Ints) -> tuple[Vectors, Vectors]:
        """1 where a candidate lies in another's subtree (in its root's), [page, lower, upper]."""
        low, high = candidates[:, :, None], candidates[:, None, :]
        below = self._nodes.lies_in(low, high).astype(np.float32)
        same_root = (self._nodes.root[low] == self._nodes.root[high]).astype(np.float32)
        return below, same_root

    def _logits(
        self, candidates: Ints, variants: Variants, group: tuple[int, ...] | None
    ) -> Vectors:
        head = self._sources.linear
        fields = list(range(len(FIELD_NAMES)) if group is None else group)
        result: Vectors = np.repeat(
            head.bias[candidates][:, None], variants.letters.shape[1], axis=1
        )
        for view, vectors in (
            (head.encoder_view, variants.encoder),
            (head.token_view, variants.tokens),
        ):
            mixed = view.mix(
                vectors[:, :, fields].reshape(-1, len(fields), vectors.shape[3]), fields
            )
            mixed = mixed.reshape(*vectors.shape[:2], -1)
            result += mixed @ view.nodes[candidates].transpose(0, 2, 1)
        return result

    def _linear(
        self,
        columns: dict[str, Vectors],
        base: Mapping[str, Vectors],
        candidates: Ints,
        variants: Variants,
        below: Vectors,
        same_root: Vectors,
    ) -> None:
        change = _Change(self._logits(candidates, variants, None), base["linear"])
        linear = change.logs
        log_root = change.log_sums(same_root, base["linear_root"])
        columns["linear"] = linear
        columns["linear_gap"] = linear - linear.max(axis=2, keepdims=True)
        columns["linear_place"] = places(linear)
        columns["linear_root"] = log_root
        columns["linear_root_gap"] = log_root - log_root.max(axis=2, keepdims=True)
        columns["linear_parent"] = self._parents(candidates, base["linear_parent"], change)
        log_below = change.log_sums(below, base["linear_below"] + base["linear"])
        columns["linear_below"] = log_below - linear
        columns["linear_in_root"] = linear - log_root
        columns["entropy"] = change.entropy(base["entropy"][:, :, :1])

    def _parents(self, candidates: Ints, base: Vectors, change: "_Change") -> Vectors:
        parent = self._nodes.parent[candidates]
        is_parent = candidates[:, None, :] == parent[:, :, None]
        place = is_parent.argmax(axis=2)[:, None, :]
        known = is_parent.any(axis=2)[:, None, :]
        moved = np.take_along_axis(change.logs, np.broadcast_to(place, change.logs.shape), axis=2)
        return np.where(known & ~np.isnan(base), moved, base - change.log_total)

    def _fields(
        self,
        columns: dict[str, Vectors],
        base: Mapping[str, Vectors],
        candidates: Ints,
        variants: Variants,
        same_root: Vectors,
    ) -> None:
        for (name, _), group in zip(FIELD_GROUPS, GROUP_POSITIONS, strict=True):
            whole = base[f"linear_{name}"]
            if np.isnan(whole).all():
                continue
            change = _Change(self._logits(candidates, variants, group), whole)
            own = variants.encoder[:, :, list(group)]
            silent = ~own.reshape(*own.shape[:2], -1).any(axis=2, keepdims=True)
            of_root = change.log_sums(same_root, base[f"linear_root_{name}"])
            columns[f"linear_{name}"] = np.where(silent, np.nan, change.logs)
            columns[f"linear_root_{name}"] = np.where(silent, np.nan, of_root)

    def _prototypes(
        self,
        columns: dict[str, Vectors],
        base: Mapping[str, Vectors],
        candidates: Ints,
        vectors: Vectors,
        titles: Vectors,
        same_root: Vectors,
    ) -> None:
        changed: NDArray[np.bool_] = np.any(titles != titles[:, :1], axis=2)
        likeness, of_title = self._likeness(candidates, vectors, titles, changed)
        mean = likeness.mean(axis=0)
        for kind, name in enumerate(KINDS):
            columns[f"prototype_{name}"] = likeness[kind]
        columns["prototype_gap"] = mean - mean.max(axis=2, keepdims=True)
        columns["prototype_place"] = places(mean)
        best = np.where(same_root[:, None] > 0, mean[:, :, None, :], -1).max(axis=3)
        # A root whose best node is no candidate keeps it.
        other = base["prototype_root"] > best[:, :1] + 1e-5
        columns["prototype_root"] = np.where(other, np.maximum(best, base["prototype_root"]), best)
        if changed.any():
            silent = ~titles.any(axis=2, keepdims=True)
            for kind, name in enumerate(KINDS):
                columns[f"title_{name}"] = np.where(
                    changed[:, :, None],
                    np.where(silent, np.nan, of_title[kind]),
                    base[f"title_{name}"],
                )

    def _likeness(
        self, candidates: Ints, vectors: Vectors, titles: Vectors, changed: NDArray[np.bool_]
    ) -> tuple[Vectors, Vectors]:
        """Cosine to the nearest prototype of each kind, (n_kinds, n_pages, n_variants, n): of the
        whole page, and of its title where that changed.
        """
        prototypes = self._sources.prototypes
        both = []
        for found in (vectors, titles):
            centred = unit(found - prototypes.page_centre)
            centred[~found.any(axis=2)] = 0
            both.append(centred)
        shape = (len(KINDS), *vectors.shape[:2], candidates.shape[1])
        of_page, of_title = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        n = vectors.shape[1]
        for page, nodes in enumerate(candidates):
            rows = np.concatenate([both[0][page], both[1][page, changed[page]]])
            slots = self._slots[nodes]  # by slot first, so that the maximum runs along whole rows
            near = rows @ prototypes.vectors.take(slots.T.ravel(), axis=0).T
            near = near.reshape(len(rows), slots.shape[1], len(nodes))
            for kind, (first, last) in enumerate(self._kinds):
                nearest = near[:, first:last].max(axis=1) * self._has[kind, nodes]
                of_page[kind, page] = nearest[:n]
                of_title[kind, page, changed[page]] = nearest[n:]
        return of_page, of_title

    def near(self, candidates: Ints, fields: Vectors) -> Near:
        """The labelled pages nearest to one page, `fields` its vectors by field."""
        known = self._sources.neighbours
        cosines = known.vectors @ unit(_PAGE_WEIGHTS @ fields)
        n = min(NEAR, len(cosines))
        rows = np.argpartition(-cosines, n - 1)[:n] if n else np.zeros(0, dtype=np.int64)
        labels, shares = known.labels[rows], known.shares[rows]
        row, column = np.nonzero(labels >= 0)
        label, share = labels[row, column][:, None], shares[row, column][:, None]
        votes = np.zeros((n, 3, len(candidates)), dtype=np.float32)
        first = np.flatnonzero(np.diff(row, prepend=-1))  # rows come in order
        holds = np.stack(
            [
                label == candidates,
                self._nodes.lies_in(label, candidates),
                self._nodes.root[label] == self._nodes.root[candidates],
            ],
            axis=1,
        )
        if len(first):
            votes[row[first]] = np.add.reduceat(holds * share[:, None], first)
        return Near(vectors=known.vectors[rows], votes=votes.reshape(n, 3 * len(candidates)))

    def _neighbours(
        self, columns: dict[str, Vectors], vectors: Vectors, near: Sequence[Near]
    ) -> None:
        n = min(len(one.vectors) for one in near)
        if n == 0:
            return
        cosines = vectors @ np.stack([one.vectors for one in near]).transpose(0, 2, 1)
        best = cosines.max(axis=2, keepdims=True)
        k = min(N_NEIGHBOURS, n)
        least = np.partition(cosines, n - k, axis=2)[:, :, n - k, None]
        weights = np.where(cosines >= least, np.exp(SHARPNESS * (cosines - best)), 0)
        weights /= weights.sum(axis=2, keepdims=True)
        weights[~vectors.any(axis=2)] = 0
        votes = weights @ np.stack([one.votes for one in near])
        names = ("neighbours", "neighbours_subtree", "neighbours_root")
        columns.update(zip(names, np.split(votes, 3, axis=2), strict=True))
        columns["neighbours_place"] = places(columns["neighbours"])
        columns["nearest_page"] = best


class _Change:
    """Log-probabilities of candidates in each variant, from logits and the page's own.

    All nodes that are no candidates keep their logits.
    """

    def __init__(self, logits: Vectors, whole: Vectors) -> None:
        unscaled = logits - (logits[:, :1] - whole)
        self._weights = np.exp(unscaled)
        self._rest = np.maximum(0, 1 - np.exp(whole).sum(axis=2, keepdims=True))
        self._total = self._weights.sum(axis=2, keepdims=True) + self._rest
        self.log_total = np.log(self._total)
        self.logs: Vectors = unscaled - self.log_total

    def log_sums(self, members: Vectors, whole: Vectors) -> Vectors:
        """Logarithm of the sums over `members` [page, lower, upper]; `whole` is the page's own."""
        sums = self._weights @ members
        rest = np.maximum(0, np.exp(whole) - _SMALL - sums[:, :1])
        result: Vectors = np.log((sums + rest) / self._total + _SMALL)
        return result

    def entropy(self, whole: Vectors) -> Vectors:
        own = (np.exp(self.logs) * self.logs).sum(axis=2, keepdims=True)
        rest = whole + own[:, :1]
        result: Vectors = (rest + self._rest * self.log_total) / self._total - own
        return result


def _keywords(
    columns: dict[str, Vectors], base: Mapping[str, Vectors], sums: Vectors, same_root: Vectors
) -> None:
    keywords = np.log1p(sums)
    columns["keywords"] = keywords
    columns["keywords_gap"] = keywords - keywords.max(axis=2, keepdims=True)
    lost = (base["keywords"] - keywords) @ same_root
    columns["keywords_root"] = np.log1p(np.maximum(0, np.expm1(base["keywords_root"]) - lost))


def _kinds_of_nodes(sources: Sources) -> Vectors:
    """1 where a node has a prototype of a kind, (n_kinds, n_nodes)."""
    result: Vectors = np.zeros((len(KINDS), sources.prototypes.n_nodes), dtype=np.float32)
    result[sources.prototypes.kinds, sources.prototypes.nodes] = 1
    return result


def _prototype_slots(sources: Sources) -> tuple[Ints, list[tuple[int, int]]]:
    """Rows of each node's prototypes, (n_nodes, n_slots), and the slots of each kind.

    A node with fewer than the others repeats its own.
    """
    known = sources.prototypes
    blocks, kinds, first = [], [], 0
    for kind in range(len(KINDS)):
        rows = np.flatnonzero(known.kinds == kind)
        counts = np.bincount(known.nodes[rows], minlength=known.n_nodes)
        most = int(counts.max(initial=1))
        starts = np.cumsum(counts) - counts
        steps = np.minimum(np.arange(most)[None, :], np.maximum(counts - 1, 0)[:, None])
        if len(rows) == 0:  # a user's taxonomy without any synonym or example
            rows = np.zeros(1, dtype=np.int64)
        blocks.append(rows[np.minimum(starts[:, None] + steps, len(rows) - 1)])
        kinds.append((first, first + most))
        first += most
    return np.concatenate(blocks, axis=1).astype(np.int64), kinds
