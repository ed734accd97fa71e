"""Features of variants of a page that lack some of its words, from those of the whole page.

Only the page's likeliest candidates get new features; all others keep what they had, but for the
linear head, which sees every candidate. That is what makes it worth while to ask about the words of
every page. All arrays lead with (n_pages, n_variants); variant 0 is the page itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.features import (
    FEATURE_NAMES,
    FIELD_GROUPS,
    GROUP_POSITIONS,
    READINGS,
)
from taxocrawl.classifiers.linear import standard_deviations
from taxocrawl.classifiers.neighbours import N_NEIGHBOURS, SHARPNESS
from taxocrawl.classifiers.prototypes import KINDS
from taxocrawl.classifiers.reading import N_FIELDS, unit
from taxocrawl.classifiers.sources import PAGE_WEIGHTS, Sources
from taxocrawl.protocols import Vectors
from taxocrawl.records import FIELD_NAMES

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Of the labelled pages the nearest so many may become one of the N_NEIGHBOURS of a variant.
NEAR = 64

_AT = {name: number for number, name in enumerate(FEATURE_NAMES)}
_TITLE = FIELD_NAMES.index("title")
_SMALL = 1e-6  # as in `features`
_N_READINGS = len(READINGS)
_LINEAR = ("linear", *(f"linear_{name}" for name, _ in FIELD_GROUPS))
_LINEAR_ROOT = ("linear_root", *(f"linear_root_{name}" for name, _ in FIELD_GROUPS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """What is left of the words. `encoder` and `tokens` (n_pages, n_rows, n_variants, n_dims) are
    means of the fields' directions by the rows of `AblatedFeatures.weights`; `present`
    (n_pages, n_variants, N_FIELDS) the fields that still say something; `keywords`
    (n_pages, n_variants, n_candidates) the sums of keyword weights.
    """

    encoder: Vectors
    tokens: Vectors
    present: Bools
    keywords: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Labelled pages near to each page: `vectors` (n_pages, n, n_dims), and their `votes` for its
    moving candidates themselves, what lies below them and their roots,
    (n_pages, n, 3 * n_moving).
    """

    vectors: Vectors
    votes: Vectors


def nearest(cosines: Vectors) -> Ints:
    """Rows of the labelled pages nearest to each page, (n_pages, at most NEAR)."""
    n = min(NEAR, cosines.shape[1])
    if n == 0:
        return np.zeros((len(cosines), 0), dtype=np.int64)
    return np.argpartition(-cosines, n - 1, axis=1)[:, :n]


class AblatedFeatures:
    """The features of one model's sources for variants of pages.

    `weights` of fields say which means are wanted of the encoder's vectors and of the head's own.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._nodes = sources.nodes
        self._slots, self._kinds = _prototype_slots(sources)
        self._has = _kinds_of_nodes(sources)
        head = sources.linear
        alone = np.eye(N_FIELDS, dtype=np.float32)[_TITLE]
        page = np.array(PAGE_WEIGHTS, dtype=np.float32)
        self.weights: tuple[Vectors, Vectors] = (
            np.vstack([READINGS * head.encoder_view.fields, page, alone]),
            READINGS * head.token_view.fields,
        )

    def table(
        self, candidates: Ints, n_moving: int, whole: Vectors, variants: Variants, near: Near
    ) -> Vectors:
        """(n_pages, n_variants, n_moving, n_features) float32.

        `candidates` (n_pages, n_candidates) and their features `whole` are those of the pages; the
        first few move.
        """
        nodes = candidates[:, :n_moving]
        page = _Page(
            candidates=candidates,
            nodes=nodes,
            base={name: whole[:, None, :, at] for name, at in _AT.items()},
            same_root=self._nodes.root[candidates][:, :, None] == self._nodes.root[nodes][:, None],
        )
        vectors, titles = (unit(variants.encoder[:, row]) for row in (_N_READINGS, -1))
        columns = {
            **self._linear(page, variants),
            **self._prototypes(page, vectors, titles),
            **_neighbours(page, vectors, near),
            **_keywords(page, variants.keywords),
        }
        shape = (*variants.present.shape[:2], n_moving, whole.shape[2])
        result: Vectors = np.empty(shape, dtype=np.float32)
        result[:] = whole[:, None, :n_moving]
        for name, values in columns.items():
            result[..., _AT[name]] = values
        return result

    def near(self, nodes: Ints, rows: Ints) -> Near:
        """These labelled pages (n_pages, n) and their votes for these nodes (n_pages, n_moving)."""
        known = self._sources.neighbours
        labels = known.labels[rows]
        at = np.nonzero(labels >= 0)  # a page has one label, few have more
        labels = labels[at][:, None]
        above = nodes[at[0]]
        holds = np.concatenate(
            [
                labels == above,
                self._nodes.lies_in(labels, above),
                self._nodes.root[labels] == self._nodes.root[above],
            ],
            axis=1,
        )
        votes = np.zeros((*rows.shape, holds.shape[1]), dtype=np.float32)
        firsts = np.flatnonzero(np.diff(at[0] * rows.shape[1] + at[1], prepend=-1))
        if len(firsts):
            shares = known.shares[rows][at][:, None]
            votes[at[0][firsts], at[1][firsts]] = np.add.reduceat(holds * shares, firsts)
        return Near(vectors=known.vectors[rows], votes=votes)

    def _linear(self, page: "_Page", variants: Variants) -> dict[str, Vectors]:
        change = _Change(self._logits(page.candidates, variants), page.stack(_LINEAR))
        moved = change.logs[..., : page.n_moving]
        of_roots = change.log_sums(page.same_root[:, None], page.stack(_LINEAR_ROOT, moving=True))
        everyone, linear, of_root = change.logs[:, 0], moved[:, 0], of_roots[:, 0]
        below = self._nodes.lies_in(page.candidates[:, :, None], page.nodes[:, None])
        log_below = change.log_sums(
            below[:, None], (page.own("linear_below") + page.own("linear"))[:, None]
        )[:, 0]
        columns = {
            "linear_gap": page.moved("linear_gap", linear - _best(everyone)),
            "linear_place": page.moved("linear_place", _places(linear, everyone)),
            "linear_root_gap": page.moved("linear_root_gap", of_root - _best(of_root)),
            "linear_parent": self._parents(page, everyone, change.log_total[:, 0]),
            "linear_below": log_below - linear,
            "linear_in_root": linear - of_root,
        }
        silent = np.zeros((*variants.present.shape[:2], _N_READINGS), dtype=np.bool_)
        for row, positions in enumerate(GROUP_POSITIONS, start=1):
            silent[..., row] = ~variants.present[:, :, list(positions)].any(axis=2)
        for names, values in ((_LINEAR, moved), (_LINEAR_ROOT, of_roots)):
            for row, name in enumerate(names):
                columns[name] = np.where(silent[..., row, None], np.nan, values[:, row])
        return columns

    def _logits(self, candidates: Ints, variants: Variants) -> Vectors:
        """Of each reading of the linear head, (n_pages, _N_READINGS, n_variants, n_candidates)."""
        head = self._sources.linear
        n_pages, n_variants = variants.present.shape[:2]
        result: Vectors = head.bias[candidates][:, None, :]
        for view, vectors in (
            (head.encoder_view, variants.encoder[:, :_N_READINGS]),
            (head.token_view, variants.tokens),
        ):
            mixed = vectors.reshape(n_pages, _N_READINGS * n_variants, -1)
            products = mixed @ view.centred[candidates].transpose(0, 2, 1)
            result = result + products / standard_deviations(mixed)[:, :, None]
        return result.reshape(n_pages, _N_READINGS, n_variants, -1)

    def _parents(self, page: "_Page", logs: Vectors, log_total: Vectors) -> Vectors:
        is_parent = page.candidates[:, None] == self._nodes.parent[page.nodes][:, :, None]
        moved = np.take_along_axis(logs, is_parent.argmax(axis=2)[:, None], axis=2)
        whole = page.own("linear_parent")
        known = is_parent.any(axis=2)[:, None] & ~np.isnan(whole)
        return np.where(known, moved, whole - log_total)

    def _prototypes(self, page: "_Page", vectors: Vectors, titles: Vectors) -> dict[str, Vectors]:
        changed: Bools = np.any(titles != titles[:, :1], axis=2)
        likeness, of_title = self._likeness(page.nodes, vectors, titles, changed)
        mean = likeness.mean(axis=0)
        names = [f"prototype_{name}" for name in KINDS]
        everyone = page.with_moving(page.stack(names).mean(axis=1), mean)
        best = np.where(page.same_root.transpose(0, 2, 1)[:, None], everyone[:, :, None], -1)
        best = best.max(axis=3)
        # A root whose best node is no candidate keeps it.
        whole = page.own("prototype_root")
        root = np.where(whole > best[:, :1] + 1e-5, np.maximum(best, whole), best)
        columns = {
            **dict(zip(names, likeness, strict=True)),
            "prototype_gap": page.moved("prototype_gap", mean - _best(everyone)),
            "prototype_place": page.moved("prototype_place", _places(mean, everyone)),
            "prototype_root": root,
        }
        if changed.any():
            silent = ~titles.any(axis=2, keepdims=True)
            for kind, name in enumerate(KINDS):
                columns[f"title_{name}"] = np.where(
                    changed[:, :, None],
                    np.where(silent, np.nan, of_title[kind]),
                    page.own(f"title_{name}"),
                )
        return columns

    def _likeness(
        self, nodes: Ints, vectors: Vectors, titles: Vectors, changed: Bools
    ) -> tuple[Vectors, Vectors]:
        """Cosine to the nearest prototype of each kind, (n_kinds, n_pages, n_variants, n_moving):
        of the whole page, and of its title where that changed.
        """
        prototypes = self._sources.prototypes
        slots = self._slots[nodes].transpose(0, 2, 1)  # the maximum then runs along whole rows
        near = prototypes.vectors[slots.reshape(len(nodes), -1)].transpose(0, 2, 1)
        shape = (*vectors.shape[:2], *slots.shape[1:])
        cosines = []
        for found, wanted in ((vectors, True), (titles, changed.any(axis=1))):
            centred = unit(found - prototypes.page_centre)
            centred[~found.any(axis=2)] = 0
            values = np.zeros(shape, dtype=np.float32)
            values[wanted] = (centred[wanted] @ near[wanted]).reshape(-1, *shape[1:])
            cosines.append(values)
        of_page, of_title = (
            np.stack([values[:, :, first:last].max(axis=2) for first, last in self._kinds])
            * self._has[:, nodes][:, :, None]
            for values in cosines
        )
        return of_page, of_title


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What was known of each page: `candidates` (n_pages, n_candidates), of which the first are
    `nodes` that move (n_pages, n_moving), features by name (n_pages, 1, n_candidates), and whether
    a candidate has the root of a moving one, `same_root` (n_pages, n_candidates, n_moving).
    """

    candidates: Ints
    nodes: Ints
    base: Mapping[str, Vectors]
    same_root: Bools

    @property
    def n_moving(self) -> int:
        return int(self.nodes.shape[1])

    def own(self, name: str) -> Vectors:
        """A feature of the moving candidates, (n_pages, 1, n_moving)."""
        return self.base[name][..., : self.n_moving]

    def stack(self, names: Sequence[str], *, moving: bool = False) -> Vectors:
        """Features of all or of the moving candidates, (n_pages, n_names, 1, n)."""
        end = self.n_moving if moving else None
        return np.stack([self.base[name][..., :end] for name in names], axis=1)

    def moved(self, name: str, values: Vectors) -> Vectors:
        """A feature that compares with all nodes, by how much it moved among those known here."""
        result: Vectors = self.own(name) + values - values[:, :1]
        return result

    def with_moving(self, values: Vectors, new: Vectors) -> Vectors:
        """`values` of the page for each variant, with new ones for the moving candidates."""
        still = np.repeat(values[..., self.n_moving :], new.shape[1], axis=1)
        return np.concatenate([new, still], axis=2)


class _Change:
    """Log-probabilities of candidates in each variant, from logits and the page's own, by reading:
    (n_pages, n_readings, n_variants, n_candidates).

    All nodes that are no candidates keep their logits.
    """

    def __init__(self, logits: Vectors, whole: Vectors) -> None:
        unscaled = logits - (logits[:, :, :1] - whole)
        self._weights = np.exp(unscaled)
        rest = np.maximum(0, 1 - np.exp(whole).sum(axis=3, keepdims=True))
        self._total = self._weights.sum(axis=3, keepdims=True) + rest
        self.log_total = np.log(self._total)
        self.logs: Vectors = unscaled - self.log_total

    def log_sums(self, members: Bools, whole: Vectors) -> Vectors:
        """Logarithm of the sums over `members` [page, 0, lower, upper]; `whole` is the page's own.

        Of as many readings as `whole` has.
        """
        n = whole.shape[1]
        sums = self._weights[:, :n] @ members.astype(np.float32)
        rest = np.maximum(0, np.exp(whole) - _SMALL - sums[:, :, :1])
        result: Vectors = np.log((sums + rest) / self._total[:, :n] + _SMALL)
        return result


def _neighbours(page: _Page, vectors: Vectors, near: Near) -> dict[str, Vectors]:
    n = near.vectors.shape[1]
    if n == 0:
        return {}
    cosines = vectors @ near.vectors.transpose(0, 2, 1)
    best = cosines.max(axis=2, keepdims=True)
    k = min(N_NEIGHBOURS, n)
    least = np.partition(cosines, n - k, axis=2)[:, :, n - k, None]
    weights = np.where(cosines >= least, np.exp(SHARPNESS * (cosines - best)), 0)
    weights /= weights.sum(axis=2, keepdims=True)
    weights[~vectors.any(axis=2)] = 0
    votes, of_subtree, of_root = np.split(weights @ near.votes, 3, axis=2)
    everyone = page.with_moving(page.base["neighbours"], votes)
    return {
        "neighbours": votes,
        "neighbours_subtree": of_subtree,
        "neighbours_root": of_root,
        "neighbours_place": page.moved("neighbours_place", _places(votes, everyone)),
        "nearest_page": best,
    }


def _keywords(page: _Page, sums: Vectors) -> dict[str, Vectors]:
    everyone = np.log1p(sums)
    own = everyone[..., : page.n_moving]
    lost = (page.base["keywords"] - everyone) @ page.same_root.astype(np.float32)
    return {
        "keywords": own,
        "keywords_gap": page.moved("keywords_gap", own - _best(everyone)),
        "keywords_root": np.log1p(np.maximum(0, np.expm1(page.own("keywords_root")) - lost)),
    }


def _best(values: Vectors) -> Vectors:
    result: Vectors = values.max(axis=-1, keepdims=True)
    return result


def _places(values: Vectors, among: Vectors) -> Vectors:
    """How many of a page's candidates have more."""
    result: Vectors = (among[:, :, None] > values[..., None]).sum(axis=3, dtype=np.float32)
    return result


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
