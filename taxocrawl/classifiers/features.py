"""Named features of (page, candidate node) pairs: all that the ranker knows.

Every feature is a number that a person can read in an explanation. A missing source gives NaN,
which XGBoost sends down its own branch.
"""

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.candidates import Evidence
from taxocrawl.classifiers.node_arrays import NO_PARENT, NodeArrays
from taxocrawl.classifiers.reading import Reading
from taxocrawl.protocols import Vectors
from taxocrawl.records import FIELD_NAMES

Ints = NDArray[np.int64]

FIELD_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("title", ("title", "url_words")),
    ("summary", ("description", "headings")),
    ("body", ("body",)),
    ("rest", ("link_texts", "alt_texts", "facts")),
)
"""Fields that are read apart by the linear head, beside the whole page."""

GROUP_POSITIONS = tuple(
    tuple(FIELD_NAMES.index(name) for name in names) for _, names in FIELD_GROUPS
)

READINGS = np.array(
    [[1] * len(FIELD_NAMES), *([n in names for n in FIELD_NAMES] for _, names in FIELD_GROUPS)],
    dtype=np.float32,
)
"""What the linear head reads, the whole page first: 1 for each field, (1 + n_groups, n_fields)."""

FEATURE_NAMES = (
    "linear",
    "linear_gap",
    "linear_place",
    "linear_root",
    "linear_root_gap",
    "linear_parent",
    "linear_below",
    "linear_in_root",
    *(f"linear_{name}" for name, _ in FIELD_GROUPS),
    *(f"linear_root_{name}" for name, _ in FIELD_GROUPS),
    "prototype_name",
    "prototype_keywords",
    "prototype_example",
    "prototype_gap",
    "prototype_place",
    "prototype_root",
    "title_name",
    "title_keywords",
    "title_example",
    "neighbours",
    "neighbours_subtree",
    "neighbours_root",
    "neighbours_place",
    "nearest_page",
    "keywords",
    "keywords_gap",
    "keywords_root",
    "prior",
    "prior_root",
    "tier",
    "n_children",
    "entropy",
    "n_fields",
    "letters",
)


def matrix(
    reading: Reading,
    evidence: Evidence,
    candidates: Ints,
    nodes: NodeArrays,
    log_prior: Vectors,
) -> Vectors:
    """(n_pages, n_candidates, n_features) float32, in the order of FEATURE_NAMES.

    `log_prior` (n_nodes,): how common a node was among the labelled pages.
    """
    pages = np.arange(len(candidates))[:, None]
    parent = nodes.parent[candidates]
    columns: dict[str, Vectors] = {}

    def at(scores: Vectors) -> Vectors:
        return scores[pages, candidates]

    root = nodes.root_place[candidates]
    shares = np.exp(evidence.linear)
    log_roots = np.log(nodes.below(np.add, shares) + 1e-6)
    log_subtree = np.log(nodes.subtree_sums(shares, candidates) + 1e-6)
    columns["linear"] = at(evidence.linear)
    columns["linear_gap"] = columns["linear"] - evidence.linear.max(axis=1, keepdims=True)
    columns["linear_place"] = places(columns["linear"])
    columns["linear_root"] = log_roots[pages, root]
    columns["linear_root_gap"] = columns["linear_root"] - log_roots.max(axis=1, keepdims=True)
    columns["linear_parent"] = np.where(
        parent == NO_PARENT, np.nan, evidence.linear[pages, np.maximum(parent, 0)]
    )
    columns["linear_below"] = log_subtree - columns["linear"]
    columns["linear_in_root"] = columns["linear"] - columns["linear_root"]
    silent = reading.present @ READINGS[1:].T == 0
    of_roots = np.log(nodes.below(np.add, np.exp(evidence.linear_fields)) + 1e-6)
    for group, (name, _) in enumerate(FIELD_GROUPS):
        scores = at(evidence.linear_fields[group])
        columns[f"linear_{name}"] = _silenced(scores, silent[:, group])
        columns[f"linear_root_{name}"] = _silenced(of_roots[group][pages, root], silent[:, group])
    _prototypes(columns, reading, evidence, candidates, nodes)
    _neighbours(columns, evidence, candidates, nodes)
    columns["keywords"] = at(evidence.keywords)
    columns["keywords_gap"] = columns["keywords"] - evidence.keywords.max(axis=1, keepdims=True)
    columns["keywords_root"] = np.log1p(nodes.below(np.add, evidence.keywords))[pages, root]
    columns["prior"] = log_prior[candidates]
    columns["prior_root"] = np.log(nodes.below(np.add, np.exp(log_prior)) + 1e-9)[root]
    columns["tier"] = nodes.tier[candidates].astype(np.float32)
    columns["n_children"] = nodes.n_children[candidates].astype(np.float32)
    entropy = -(shares * evidence.linear).sum(axis=1, keepdims=True)
    letters = [sum(map(len, page)) for page in reading.texts]
    ones = np.ones(candidates.shape, dtype=np.float32)
    columns["entropy"] = ones * entropy
    columns["n_fields"] = ones * reading.present.sum(axis=1, keepdims=True)
    columns["letters"] = ones * np.log1p(np.array(letters, dtype=np.float32))[:, None]
    return np.stack([columns[name] for name in FEATURE_NAMES], axis=2).astype(np.float32)


def _prototypes(
    columns: dict[str, Vectors],
    reading: Reading,
    evidence: Evidence,
    candidates: Ints,
    nodes: NodeArrays,
) -> None:
    pages = np.arange(len(candidates))[:, None]
    names = ("prototype_name", "prototype_keywords", "prototype_example")
    for name, scores in zip(names, evidence.prototypes, strict=True):
        columns[name] = scores[pages, candidates]
    mean = evidence.prototypes.mean(axis=0)
    columns["prototype_gap"] = mean[pages, candidates] - mean.max(axis=1, keepdims=True)
    columns["prototype_place"] = places(mean[pages, candidates])
    best_below = nodes.below(np.maximum, mean)
    columns["prototype_root"] = best_below[pages, nodes.root_place[candidates]]
    silent = ~reading.present[:, FIELD_NAMES.index("title")]
    for name, scores in zip(
        ("title_name", "title_keywords", "title_example"), evidence.title_prototypes, strict=True
    ):
        columns[name] = _silenced(scores[pages, candidates], silent)


def _neighbours(
    columns: dict[str, Vectors], evidence: Evidence, candidates: Ints, nodes: NodeArrays
) -> None:
    pages = np.arange(len(candidates))[:, None]
    of_roots = nodes.below(np.add, evidence.neighbours)
    columns["neighbours"] = evidence.neighbours[pages, candidates]
    columns["neighbours_subtree"] = nodes.subtree_sums(evidence.neighbours, candidates)
    columns["neighbours_root"] = of_roots[pages, nodes.root_place[candidates]]
    columns["neighbours_place"] = places(columns["neighbours"])
    columns["nearest_page"] = np.repeat(evidence.nearest_page[:, None], candidates.shape[1], axis=1)


def places(values: Vectors) -> Vectors:
    """Place of each candidate of a page by a score, along the last axis: 0 for the best."""
    order = np.argsort(-values, axis=-1, kind="stable")
    result = np.empty(values.shape, dtype=np.float32)
    numbers = np.arange(values.shape[-1], dtype=np.float32)
    np.put_along_axis(result, order, np.broadcast_to(numbers, values.shape), axis=-1)
    return result


def _silenced(values: Vectors, silent: NDArray[np.bool_]) -> Vectors:
    """NaN in the rows of pages where the source had nothing to read."""
    return np.where(silent[:, None], np.nan, values)
