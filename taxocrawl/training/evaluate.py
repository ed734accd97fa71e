"""How good answers are: accuracy by tier and language, calibration, candidates, coverage."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.protocols import Vectors

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Labels of a set of pages: primary (n_pages,), accepted[i] all right nodes, language."""

    primary: Ints
    accepted: tuple[frozenset[int], ...]
    english: Bools


def accuracies(best: Ints, truth: Truth, nodes: NodeArrays) -> dict[str, float]:
    """Tier 1 and exact node, primary and accepted, for English and other pages.

    `best` (n_pages,): the one node given to each page, -1 for none.
    """
    result: dict[str, float] = {}
    for group, rows in (("en", truth.english), ("other", ~truth.english)):
        for name, hit in hits(best, truth, nodes).items():
            result[f"{group}_{name}"] = float(hit[rows].mean()) if rows.any() else float("nan")
    return result


def hits(best: Ints, truth: Truth, nodes: NodeArrays) -> dict[str, Bools]:
    """Whether the node given to each page is right, in four senses, each (n_pages,)."""
    root = np.append(nodes.root, -1)
    given_root = root[best]
    accepted_roots = [{int(nodes.root[i]) for i in accepted} for accepted in truth.accepted]
    return {
        "tier1_primary": given_root == nodes.root[truth.primary],
        "tier1_accepted": np.array(
            [int(r) in ok for r, ok in zip(given_root, accepted_roots, strict=True)], dtype=bool
        ),
        "node_primary": best == truth.primary,
        "node_accepted": np.array(
            [int(b) in ok for b, ok in zip(best, truth.accepted, strict=True)], dtype=bool
        ),
    }


def calibration_error(confidence: Vectors, right: Bools, n_bins: int = 10) -> float:
    """Expected calibration error over bins of equal width (Naeini, Cooper, Hauskrecht 2015)."""
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [
        abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in range(n_bins)
        if (bins == b).any()
    ]
    return float(sum(gaps))


def coverage_accuracy(confidence: Vectors, right: Bools, coverage: float) -> float:
    """Accuracy on the share of pages that the classifier is surest of; NaN for no page."""
    if len(right) == 0:
        return float("nan")
    kept = np.argsort(-confidence, kind="stable")[: max(1, round(coverage * len(right)))]
    return float(right[kept].mean())


def recall(candidates: Ints, truth: Truth) -> dict[str, float]:
    """Share of pages with the primary, and with any accepted node, among the candidates."""
    primary = (candidates == truth.primary[:, None]).any(axis=1)
    accepted = np.array(
        [bool(ok & set(row.tolist())) for ok, row in zip(truth.accepted, candidates, strict=True)]
    )
    return {
        "recall_primary": float(primary.mean()),
        "recall_accepted": float(accepted.mean()),
        "recall_primary_en": float(primary[truth.english].mean()),
        "recall_primary_other": float(primary[~truth.english].mean()),
    }


def tier_one(confidences: Vectors, truth: Truth, nodes: NodeArrays) -> dict[str, float]:
    """Calibration error and coverage accuracy of the surest root of each page."""
    roots = np.flatnonzero(nodes.parent < 0)
    best = roots[confidences[:, roots].argmax(axis=1)]
    surest = confidences[np.arange(len(best)), best]
    primary = best == nodes.root[truth.primary]
    accepted = np.array(
        [
            int(b) in {int(nodes.root[i]) for i in ok}
            for b, ok in zip(best, truth.accepted, strict=True)
        ],
        dtype=bool,
    )
    en = truth.english
    return {
        "ece_primary": calibration_error(surest, primary),
        "ece_accepted": calibration_error(surest, accepted),
        "en_ece_primary": calibration_error(surest[en], primary[en]),
        "en_tier1_accepted_at_80": coverage_accuracy(surest[en], accepted[en], 0.8),
    }


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown of several measurements, one a line."""
    columns = ("tier1_primary", "tier1_accepted", "node_primary", "node_accepted")
    heads = [f"{group} {column}" for group in ("en", "other") for column in columns]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, row in rows.items():
        cells: Sequence[str] = [f"{row[h.replace(' ', '_')]:.3f}" for h in heads]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def by_tier(best: Ints, truth: Truth, nodes: NodeArrays) -> dict[int, Bools]:
    """Whether the answer lies under the primary's node of each tier, of the pages that have one."""
    result = {}
    for tier in range(1, int(nodes.tier.max()) + 1):
        rows = nodes.tier[truth.primary] >= tier
        wanted = _at_tier(truth.primary[rows], tier, nodes)
        result[tier] = (_at_tier(best[rows], tier, nodes) == wanted) & (best[rows] >= 0)
    return result


def _at_tier(positions: Ints, tier: int, nodes: NodeArrays) -> Ints:
    """The node itself or its ancestor at that tier, -1 where it lies above."""
    parent, of_tier = np.append(nodes.parent, -1), np.append(nodes.tier, 0)
    current = positions.copy()
    for _ in range(int(nodes.tier.max())):
        current = np.where(of_tier[current] > tier, parent[current], current)
    return np.where(of_tier[current] == tier, current, -1)


def node_scores(best: Ints, truth: Truth) -> dict[int, tuple[float, float, float, int]]:
    """Precision, recall, F1 and number of pages of every node that is some page's primary."""
    found = {}
    for node in np.unique(truth.primary).tolist():
        wanted, given = truth.primary == node, best == node
        right = float((wanted & given).sum())
        precision, recall_ = right / max(1, given.sum()), right / wanted.sum()
        f1 = 2 * right / (wanted.sum() + given.sum())
        found[node] = (float(precision), float(recall_), float(f1), int(wanted.sum()))
    return found


def hierarchical_f1(best: Ints, truth: Truth, nodes: NodeArrays) -> float:
    """F1 of nodes with all their ancestors, over all pages (Kiritchenko, Matwin, Famili 2005)."""
    shared = given = wanted = 0
    for answer, primary in zip(best.tolist(), truth.primary.tolist(), strict=True):
        own, right = set(_lineage(answer, nodes)), set(_lineage(primary, nodes))
        shared, given, wanted = shared + len(own & right), given + len(own), wanted + len(right)
    return 2 * shared / max(1, given + wanted)


def tree_distances(best: Ints, truth: Truth, nodes: NodeArrays) -> Vectors:
    """Steps in the tree from each answer to the primary, (n_pages,); no answer stands above the
    roots.
    """
    result = []
    for answer, primary in zip(best.tolist(), truth.primary.tolist(), strict=True):
        own, right = set(_lineage(answer, nodes)), set(_lineage(primary, nodes))
        result.append(len(own ^ right))
    return np.array(result, dtype=np.float32)


def _lineage(node: int, nodes: NodeArrays) -> list[int]:
    found = []
    while node >= 0:
        found.append(node)
        node = int(nodes.parent[node])
    return found


def confusions(best: Ints, truth: Truth, most: int = 20) -> list[tuple[int, int, int]]:
    """Primary, wrong answer (-1: none) and how often, the most frequent first."""
    wrong = [
        (primary, answer)
        for primary, answer, ok in zip(
            truth.primary.tolist(), best.tolist(), truth.accepted, strict=True
        )
        if answer not in ok
    ]
    counted = sorted(Counter(wrong).items(), key=lambda item: (-item[1], item[0]))
    return [(primary, answer, n) for (primary, answer), n in counted[:most]]


def interval(
    values: Vectors, sites: Sequence[str], *, seed: int = 0, resamples: int = 1000
) -> tuple[float, float]:
    """95 % bootstrap interval of the mean; whole sites are drawn, as their pages are alike."""
    _, site = np.unique(np.array(sites, dtype=object).astype(str), return_inverse=True)
    sums, sizes = np.bincount(site, weights=values), np.bincount(site)
    drawn = np.random.default_rng(seed).integers(0, len(sizes), (resamples, len(sizes)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
