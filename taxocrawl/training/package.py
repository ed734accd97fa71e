"""What stands beside a model's numbers: its card and the importance of its features."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xgboost
from numpy.typing import NDArray

from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.model_folder import (
    FeatureImportance,
    read_manifest,
    write_checksums,
    write_importances,
)
from taxocrawl.explanations.permutation import (
    Importance,
    correlated_groups,
    feature_importance,
    permutations,
)
from taxocrawl.protocols import Vectors
from taxocrawl.training.evaluate import Truth

CARD = "MODEL_CARD.md"

_HEAD = """# Model card: {id}

Gives a web page its nodes in {taxonomy}. Made by `taxocrawl train`; licence {licence}.

Encoder: a table of token vectors for 31 languages, distilled from all-MiniLM-L6-v2 (Apache-2.0).
Sources: linear head, prototypes of the taxonomy's own texts, nearest labelled pages, keywords.
Ranker: XGBoost over {n_features} named features of (page, candidate) pairs.

## Data
- Labelled web pages: 4,797 of the train split. The labels were made by a large language model
  that read each page, not by people.
- Texts about every node, written by this project.
- Texts with other labels mapped to nodes: {weak}.
- Sentence pairs and a word list of 30 languages; part of the list is share-alike (CC BY-SA).
- Fingerprint of the files: `{fingerprint}`. Nothing from a domain of the gate or blind split.

## Measured by cross-validation on the train pages (no site in two folds)
{metrics}

"primary" is the labeller's first choice, "accepted" that or an alternative the labeller named.

## What it is bad at
- Pages in languages other than English: about ten points less at tier 1.
- General news: the taxonomy has no node for it.
- Nodes with few labelled pages; two thirds of the nodes have fewer than ten.
- Pages of a few words. It then has to guess from the title, and says so by low confidence.

## Features by permutation importance
Fall of the share of pages whose accepted node comes first, on pages the ranker has not seen.

| feature | fall |
|---|---|
{importances}
"""


def importances(
    booster: xgboost.Booster,
    candidates: NDArray[np.int64],
    features: Vectors,
    truth: Truth,
    *,
    seed: int,
    repeats: int = 2,
) -> tuple[Importance, ...]:
    """Importance of each feature for putting an accepted node first, on pages held out."""
    table = features.reshape(-1, features.shape[2])

    def score(shuffled: Vectors) -> float:
        margins = booster.inplace_predict(shuffled, predict_type="margin")
        best = margins.reshape(candidates.shape).argmax(axis=1)
        given = candidates[np.arange(len(candidates)), best]
        return float(np.mean([g in ok for g, ok in zip(given, truth.accepted, strict=True)]))

    orders = permutations(len(table), repeats=repeats, seed=seed)
    groups = correlated_groups(table, FEATURE_NAMES)
    return feature_importance(score, table, FEATURE_NAMES, groups=groups, orders=orders)


def gains(booster: xgboost.Booster) -> dict[str, float]:
    """What each feature saved the trees while they learned, mean over its splits; by name."""
    found = booster.get_score(importance_type="gain")
    return {
        name: float(gain)
        for i, name in enumerate(FEATURE_NAMES)
        if isinstance(gain := found.get(f"f{i}", found.get(name, 0.0)), float | int)
    }


def write_card(
    folder: Path,
    found: Sequence[Importance],
    gains: Mapping[str, float],
    weak_sources: Sequence[str],
) -> None:
    """MODEL_CARD.md and importances.json of a finished folder, then the checksums again."""
    measured = tuple(
        FeatureImportance(
            name=i.name,
            kind=i.kind,
            importance=round(i.mean, 6),
            deviation=round(i.spread, 6),
            gain=round(gains.get(i.name, 0.0), 3) if i.kind == "feature" else None,
            members=i.members,
        )
        for i in found
    )
    write_importances(folder, measured)
    manifest = read_manifest(folder)
    text = _HEAD.format(
        id=manifest.id,
        taxonomy=manifest.taxonomy,
        licence=manifest.licence,
        n_features=len(manifest.feature_names),
        weak=", ".join(weak_sources),
        fingerprint=manifest.data_fingerprint,
        metrics=_table(manifest.metrics),
        importances="\n".join(f"| {i.name} | {i.mean:.4f} |" for i in found),
    )
    (folder / CARD).write_text(text, encoding="utf-8")
    write_checksums(folder)


def _table(metrics: Mapping[str, float]) -> str:
    rows = "\n".join(f"| {name} | {value:.3f} |" for name, value in metrics.items())
    return f"| measure | value |\n|---|---|\n{rows}"
