"""How good answers are: accuracy by tier and language, calibration, candidates, coverage."""

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
