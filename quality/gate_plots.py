"""Pictures of the gate: reliability, coverage and confusion, as small SVG for the model card."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

N_BINS = 10
LEAST_IN_BIN = 5
CONFUSED_ROOTS = 24


def reliability(path: Path, curves: Mapping[str, tuple[Floats, Bools]]) -> None:
    """Share right against confidence, a curve for each name: (confidence, right)."""
    figure, axes = _figure(4.6, 4.2)
    for name, (confidence, right) in curves.items():
        bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
        used = [b for b in range(N_BINS) if (bins == b).sum() >= LEAST_IN_BIN]
        means = [confidence[bins == b].mean() for b in used]
        axes.plot(means, [right[bins == b].mean() for b in used], marker="o", label=name)
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.set(xlabel="confidence of tier 1", ylabel="share right", title="Reliability")
    axes.legend()
    _save(figure, path)


def coverage(path: Path, curves: Mapping[str, tuple[Floats, Bools]]) -> None:
    """Share right of the surest pages against how many those are."""
    figure, axes = _figure(4.6, 4.2)
    for name, (confidence, right) in curves.items():
        hits = right[np.argsort(-confidence, kind="stable")]
        numbers = np.arange(1, len(hits) + 1)
        first = max(1, len(hits) // 20)  # of a handful of pages a share says nothing
        axes.plot((numbers / len(hits))[first:], (np.cumsum(hits) / numbers)[first:], label=name)
    axes.set(xlabel="share of pages answered", ylabel="accepted at tier 1", title="Coverage")
    axes.legend()
    _save(figure, path)


def confusion(path: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Labelled roots against given ones, the frequent ones; the colour is the share of the row."""
    counts = Counter(truth for truth, _ in pairs)
    names = [name for name, _ in counts.most_common(CONFUSED_ROOTS)]
    table = np.zeros((len(names), len(names)))
    for truth, given in pairs:
        if truth in names and given in names:
            table[names.index(truth), names.index(given)] += 1 / counts[truth]
    figure, axes = _figure(8.4, 7.6)
    axes.imshow(table, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    labels = [f"{name} ({counts[name]})" for name in names]
    axes.set_yticks(range(len(names)), labels, fontsize=7)
    axes.set(xlabel="given", ylabel="labelled (pages)", title="Confusion at tier 1")
    _save(figure, path)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    # Text as text and ids by a fixed salt: small files, the same bytes for the same numbers.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "gate", "font.size": 9})
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
