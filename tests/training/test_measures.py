"""Evaluation and calibration against answers worked out by hand."""

import numpy as np
import pytest

from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.taxonomies.tree import Node, Taxonomy
from taxocrawl.training import calibrate, evaluate
from taxocrawl.training.evaluate import Truth

TREE = Taxonomy(
    "toy",
    [
        Node(id="a", parent_id=None, name="A", tier=1),
        Node(id="a1", parent_id="a", name="A1", tier=2),
        Node(id="b", parent_id=None, name="B", tier=1),
        Node(id="b1", parent_id="b", name="B1", tier=2),
    ],
)
NODES = NodeArrays(TREE)
TRUTH = Truth(
    primary=np.array([1, 3, 2, 0]),
    accepted=(frozenset({1, 0}), frozenset({3, 1}), frozenset({2}), frozenset({0})),
    english=np.array([True, True, False, False]),
)


def test_accuracies_by_language_and_tier() -> None:
    found = evaluate.accuracies(np.array([0, 1, 3, -1]), TRUTH, NODES)
    assert found["en_tier1_primary"] == 0.5
    assert found["en_tier1_accepted"] == 1.0
    assert found["en_node_primary"] == 0.0
    assert found["en_node_accepted"] == 1.0
    assert found["other_tier1_primary"] == 0.5
    assert found["other_node_accepted"] == 0.0


def test_calibration_error_of_a_known_table() -> None:
    confidence = np.array([0.95, 0.95, 0.55, 0.55], dtype=np.float32)
    right = np.array([True, False, True, False])
    assert evaluate.calibration_error(confidence, right) == pytest.approx(0.25)


def test_coverage_keeps_the_surest() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.1])
    right = np.array([True, True, True, False, False])
    assert evaluate.coverage_accuracy(confidence, right, 0.6) == 1.0
    assert evaluate.coverage_accuracy(confidence, right, 1.0) == 0.6


def test_recall_counts_primary_and_accepted() -> None:
    found = evaluate.recall(np.array([[1, 2], [1, 0], [0, 1], [0, 3]]), TRUTH)
    assert found["recall_primary"] == 0.5
    assert found["recall_accepted"] == 0.75


def test_platt_finds_the_line_the_data_came_from() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 2, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-(1.7 * x - 0.4)))
    slope, offset = calibrate.platt(x, right)
    assert slope == pytest.approx(1.7, abs=0.08)
    assert offset == pytest.approx(-0.4, abs=0.05)


def test_threshold_reaches_the_precision_asked_for() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    right = np.array([True, True, True, False, True, False])
    assert calibrate.threshold(confidence, right, 0.8) == pytest.approx(0.5)
    assert calibrate.threshold(confidence, ~right, 1.0) == 0.95


def test_calibrated_confidence_is_right_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    n = 4_000
    primary = rng.integers(0, 4, n)
    margins = rng.normal(0, 1, (n, 4)).astype(np.float32)
    margins[np.arange(n), primary] += 2
    candidates = np.tile(np.arange(4), (n, 1))
    truth = Truth(
        primary=primary,
        accepted=tuple(frozenset({int(i)}) for i in primary),
        english=np.ones(n, dtype=bool),
    )
    temperature = calibrate.temperature(margins * 3, candidates, truth, NODES)
    shares = calibrate.spread(margins * 3, candidates, temperature, len(NODES))
    tiers = calibrate.fit_tiers(shares, truth, NODES)
    measured = evaluate.tier_one(tiers.confidences(shares, NODES), truth, NODES)
    assert measured["ece_primary"] < 0.03
