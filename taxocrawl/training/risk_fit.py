"""Training of the model of risks on short texts of our own, the glossary and the labelled pages."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from taxocrawl.classifiers.reading import N_FIELDS, field_texts, read
from taxocrawl.classifiers.risk import (
    FEATURE_NAMES,
    MONOTONE,
    TOPIC_NODES,
    TOPICS,
    RiskWords,
    letters,
    page_vectors,
    pair_features,
)
from taxocrawl.extraction.documents import from_text
from taxocrawl.protocols import Encoder, Vectors
from taxocrawl.records import PageText
from taxocrawl.taxonomies.tree import Taxonomy

Ints = NDArray[np.int64]

NONE = len(TOPICS)
# A page with one of these among its labels is of a sensitive subject, yet may be news of it.
SENSITIVE_ROOT = "v9i3On"
GLOSSARY_TOPICS = ("adult", "gambling", "piracy", "weapons", "alcohol", "spam")


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPlan:
    """What was chosen by cross-validation on the training texts."""

    n_folds: int = 4
    strength: float = 3.0
    trees: int = 120
    depth: int = 3
    rate: float = 0.1
    false_alarms: float = 0.025
    """Share of innocent texts that may be called risky: half of what is promised of pages."""
    text_weight: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskExample:
    """One page or text; `topic` is a place in TOPICS, or NONE. `group` keeps kin in one fold."""

    page: PageText
    topic: int
    group: str
    is_text: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFit:
    """The trained parts, and what cross-validation says of them."""

    arrays: Mapping[str, NDArray[np.generic]]
    booster: xgboost.Booster
    threshold: float
    metrics: Mapping[str, float]


def own_texts(n_folds: int) -> list[RiskExample]:
    """The packaged texts, alone and three of a kind together: a page says more than a line."""
    file = resources.files("taxocrawl.training").joinpath("risk_texts.tsv")
    kin: dict[tuple[str, int], list[str]] = {}
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()):
        word, _, text = line.split("\t")
        found.append(_example(text, word, f"text {number}"))
        fold = zlib.crc32(f"text {number}".encode()) % n_folds
        kin.setdefault((word, fold), []).append(text)
    for (word, fold), texts in sorted(kin.items()):
        group = next(
            g for i in range(999) if zlib.crc32((g := f"kin {i}").encode()) % n_folds == fold
        )
        for i in range(len(texts)):
            together = " ".join(texts[(i + step) % len(texts)] for step in range(3))
            found.append(_example(together, word, group))
    return found


def glossary(taxonomy: Taxonomy) -> list[RiskExample]:
    """Example sites of the categories that are a topic themselves."""
    return [
        _example(text, topic, f"glossary {node_id}")
        for topic in GLOSSARY_TOPICS
        for node_id in TOPIC_NODES.get(topic, ())
        if node_id in taxonomy
        for text in taxonomy.texts(node_id).site_examples
    ]


def labelled_topic(node_ids: Sequence[str], taxonomy: Taxonomy) -> int | None:
    """What a page with these labels, the primary first, teaches; None: leave it out."""
    for topic, own in TOPIC_NODES.items():
        if node_ids and node_ids[0] in own:
            return TOPICS.index(topic)
    known = [node_id for node_id in node_ids if node_id in taxonomy]
    every = {node_id for own in TOPIC_NODES.values() for node_id in own}
    if any(i in every or taxonomy.lineage(i)[0] == SENSITIVE_ROOT for i in known):
        return None
    return NONE


def fit(examples: Sequence[RiskExample], encoder: Encoder, *, plan: RiskPlan, seed: int) -> RiskFit:
    """Words' directions cross-fitted, then trees over (example, topic) pairs."""
    reading = read([field_texts(example.page) for example in examples], encoder)
    assert len(reading.texts[0]) == N_FIELDS  # noqa: S101
    words = RiskWords()
    found = [words.found(texts) for texts in reading.texts]
    vectors, lengths = page_vectors(reading), letters(reading)
    labels = np.array([example.topic for example in examples])
    texts = np.array([example.is_text for example in examples])
    weights = np.where(texts, plan.text_weight, 1.0)
    groups = [example.group for example in examples]
    folds = np.array([zlib.crc32(group.encode()) % plan.n_folds for group in groups])
    logits = np.zeros((len(examples), NONE + 1), dtype=np.float32)
    for fold in range(plan.n_folds):
        others, rows = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        linear = _directions(vectors[others], labels[others], weights[others], plan)
        logits[rows] = vectors[rows] @ linear["weights"] + linear["bias"]
    table = pair_features(logits, found, lengths)
    shares = np.zeros((len(examples), NONE), dtype=np.float32)
    for fold in range(plan.n_folds):
        others, rows = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        booster = _trees(table, labels, weights, others, plan, seed)
        shares[rows] = booster.inplace_predict(table[rows].reshape(-1, len(FEATURE_NAMES))).reshape(
            len(rows), NONE
        )
    threshold = _threshold(shares, labels, texts, plan.false_alarms)
    return RiskFit(
        arrays=_directions(vectors, labels, weights, plan),
        booster=_trees(table, labels, weights, np.arange(len(examples)), plan, seed),
        threshold=threshold,
        metrics=_metrics(shares, labels, texts, threshold),
    )


def _example(text: str, word: str, group: str) -> RiskExample:
    topic = TOPICS.index(word) if word else NONE
    page = from_text(group, text=text, language="en").pages[0]
    return RiskExample(page=page, topic=topic, group=group, is_text=True)


def _directions(
    vectors: Vectors, labels: Ints, weights: NDArray[np.float64], plan: RiskPlan
) -> dict[str, NDArray[np.float32]]:
    """Weights (n_dims, n_topics + 1) and bias of the linear part."""
    model = LogisticRegression(C=plan.strength, max_iter=300)
    model.fit(vectors, labels, sample_weight=weights)
    result = np.zeros((vectors.shape[1], NONE + 1), dtype=np.float32)
    result[:, model.classes_] = model.coef_.T
    bias = np.full(NONE + 1, model.intercept_.min() - 1, dtype=np.float32)
    bias[model.classes_] = model.intercept_
    return {"weights": result, "bias": bias}


def _trees(
    table: Vectors,
    labels: Ints,
    weights: NDArray[np.float64],
    chosen: Ints,
    plan: RiskPlan,
    seed: int,
) -> xgboost.Booster:
    truth = (labels[chosen][:, None] == np.arange(NONE)).astype(np.float32)
    matrix = xgboost.DMatrix(
        table[chosen].reshape(-1, len(FEATURE_NAMES)),
        label=truth.reshape(-1),
        weight=np.repeat(weights[chosen], NONE),
        nthread=1,
    )
    parameters = {
        "objective": "binary:logistic",
        "max_depth": plan.depth,
        "eta": plan.rate,
        "min_child_weight": 2,
        "subsample": 0.8,
        "colsample_bytree": 0.7,
        "monotone_constraints": MONOTONE,
        "tree_method": "hist",
        "nthread": 1,
        "seed": seed,
    }
    return xgboost.train(parameters, matrix, num_boost_round=plan.trees)


def _threshold(
    shares: Vectors, labels: Ints, texts: NDArray[np.bool_], false_alarms: float
) -> float:
    """The lowest from .5 up at which no more innocent texts are called risky."""
    innocent = shares[(labels == NONE) & texts].max(axis=1)
    tried = np.arange(0.5, 0.96, 0.01)
    return round(float(next((t for t in tried if (innocent >= t).mean() <= false_alarms), 0.95)), 2)


def _metrics(
    shares: Vectors, labels: Ints, texts: NDArray[np.bool_], threshold: float
) -> dict[str, float]:
    asserted = shares >= threshold
    risky = labels < NONE
    hit = asserted[np.arange(len(labels)), np.minimum(labels, NONE - 1)]
    alarm = np.asarray(asserted.any(axis=1))
    measured = {
        "risk_missed": (~hit)[risky & texts],
        "risk_false_on_innocent_texts": alarm[~risky & texts],
        "risk_false_on_pages": alarm[~risky & ~texts],
    }
    return {name: float(rows.mean()) for name, rows in measured.items() if len(rows)}
