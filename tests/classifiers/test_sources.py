"""Node arrays, prototypes, neighbours, linear head, candidates, features."""

from pathlib import Path

import numpy as np
import pytest

from taxocrawl.classifiers import candidates, features
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.linear import LinearHead, log_softmax
from taxocrawl.classifiers.model_folder import load_model
from taxocrawl.classifiers.neighbours import Neighbours
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.node_rows import NodeRows
from taxocrawl.classifiers.prototypes import KINDS, Prototypes
from taxocrawl.classifiers.ranker import sources_of
from taxocrawl.classifiers.reading import N_FIELDS, field_texts, read, unit
from taxocrawl.extraction.documents import from_text
from taxocrawl.taxonomies.tree import Taxonomy


def texts(body: str, title: str = "") -> tuple[str, ...]:
    return field_texts(from_text("x", text=body, title=title, language="en").pages[0])


def test_subtree_sums_add_what_lies_below(tree: Taxonomy) -> None:
    nodes = NodeArrays(tree)
    shares = np.array([[0.1, 0.2, 0.3, 0.05, 0.15, 0.2]], dtype=np.float32)
    assert nodes.subtree_sums(shares)[0].tolist() == pytest.approx([0.6, 0.2, 0.3, 0.2, 0.15, 0.2])
    assert np.allclose(nodes.subtree_sums(shares), shares @ nodes.above)
    assert nodes.subtree_sums(shares, np.array([[3, 0]])).tolist() == [pytest.approx([0.2, 0.6])]


def test_the_sum_and_the_greatest_are_found_for_roots_and_for_children(tree: Taxonomy) -> None:
    nodes = NodeArrays(tree)
    values = np.array([[0.1, 0.2, 0.3, 0.05, 0.15, 0.2]], dtype=np.float32)
    assert nodes.below(np.add, values)[0].tolist() == pytest.approx([0.6, 0.2, 0.2])
    assert nodes.below(np.maximum, values)[0].tolist() == pytest.approx([0.3, 0.15, 0.2])
    assert nodes.below(np.add, values, 0)[0].tolist() == pytest.approx([0.2, 0.3])
    assert nodes.root_place.tolist() == [0, 0, 0, 1, 1, 2]
    assert nodes.lineages(np.array([2, 3])).tolist() == [[2, 0], [3, 3]]


def test_the_greatest_of_the_rows_of_each_node() -> None:
    rows = NodeRows(np.array([2, 0, 2, 0, 2]), 4)
    values = np.array([[1, 6], [-3, 0], [5, 2], [-4, 1], [3, 3]], dtype=np.float32)
    assert len(rows) == 2
    assert rows.greatest(values, absent=-9).tolist() == [[-3, -9, 5, -9], [1, -9, 6, -9]]
    assert NodeRows(np.zeros(0, dtype=np.int64), 2).greatest(values[:0], 0).tolist() == [[0, 0]] * 2


def test_equal_texts_are_encoded_once(encoder: StaticEncoder) -> None:
    reading = read([texts("soccer ball", "match"), texts("soccer ball", "team")], encoder)
    assert reading.vectors.shape == (2, N_FIELDS, 16)
    body = 3
    assert reading.token_ids[body] is reading.token_ids[N_FIELDS + body]
    assert reading.present[:, :4].tolist() == [[True, False, False, True]] * 2


def test_a_fields_end_is_not_read(encoder: StaticEncoder) -> None:
    long, short = read([texts("ball " * 1_000 + "cake"), texts("ball " * 400)], encoder).vectors
    assert np.allclose(long[3], short[3], atol=1e-6)


def test_prototypes_of_translations_are_near(tree: Taxonomy, encoder: StaticEncoder) -> None:
    prototypes = Prototypes.of(tree, encoder)
    likeness = prototypes.similarities(encoder.encode(["rezept kuchen", "", "racket"]))
    assert likeness.shape == (len(KINDS), 3, len(tree))
    assert likeness[KINDS.index("keywords"), 0].argmax() in (3, 4)
    assert not likeness[:, 1].any()
    assert likeness[KINDS.index("example"), 2].argmax() == 2


def test_neighbours_vote_and_ones_own_site_does_not() -> None:
    vectors = np.eye(3, dtype=np.float32)
    labels = np.array([[0, 1], [1, -1], [2, -1]])
    neighbours = Neighbours(vectors, labels, 4)
    votes, nearest, cosines = neighbours.scores(vectors[:1])
    assert votes[0].argmax() == 0
    assert nearest[0] == pytest.approx(1.0)
    assert cosines[0] == pytest.approx([1, 0, 0])
    votes, nearest, _ = neighbours.scores(vectors[:1], [np.array([0])])
    assert votes[0, 0] == pytest.approx(0, abs=1e-5)
    assert nearest[0] == pytest.approx(0.0)


def test_no_neighbours_give_no_votes() -> None:
    empty = Neighbours(np.zeros((0, 3), np.float32), np.zeros((0, 1), np.int64), 4)
    votes, nearest, _ = empty.scores(np.ones((2, 3), np.float32))
    assert not votes.any()
    assert not nearest.any()


def test_node_weights_are_the_words_part_of_the_logit(
    model_path: object, tree: Taxonomy, encoder: StaticEncoder
) -> None:
    model = load_model(model_path, tree)  # type: ignore[arg-type]
    head = LinearHead(model.arrays["linear"])
    weights = head.node_weights(1, encoder.token_vectors)
    ids = encoder.tokenize(["soccer ball cake"])[0]
    mixed = encoder.token_vectors[ids].sum(axis=0)
    # One field, so the mix is the unit sum; undo the two scales and the sums agree exactly.
    vector = unit(mixed[None])[0]
    scale = np.linalg.norm(mixed) * np.sqrt(vector.var() + 1e-5)
    reading = read([texts("soccer ball cake")], encoder)
    assert weights[ids].sum() / scale == pytest.approx(head.logits(reading)[0, 1], abs=1e-3)


def test_fields_read_apart_are_read_as_if_the_page_had_no_other(
    encoder: StaticEncoder, tree: Taxonomy, model_path: Path
) -> None:
    head = sources_of(load_model(model_path, tree).arrays, tree).linear
    both, title, neither = (
        read([texts(*of)], encoder) for of in (("cake", "ball"), ("", "ball"), ("",))
    )
    assert features.READINGS.shape == (5, N_FIELDS)
    whole, of_title, *_ = head.logits_apart(both, features.READINGS)[0]
    assert np.allclose(whole, head.logits(both)[0], atol=1e-5)
    assert np.allclose(of_title, head.logits(title)[0], atol=1e-5)
    assert not head.logits_apart(neither, features.READINGS).any()


def test_log_softmax_sums_to_one() -> None:
    logs = log_softmax(np.array([[1000.0, 0.0], [3.0, 3.0]], dtype=np.float32))
    assert np.exp(logs).sum(axis=1) == pytest.approx([1, 1])


def test_candidates_are_distinct_and_bring_parents(
    model_path: object, tree: Taxonomy, encoder: StaticEncoder
) -> None:
    sources = sources_of(load_model(model_path, tree).arrays, tree)  # type: ignore[arg-type]
    reading = read([texts("soccer ball"), texts(""), texts("cake", "flour")], encoder)
    pairs = sources.pairs(reading, 3)
    assert pairs.candidates.shape == (3, 3)
    assert all(len(set(row.tolist())) == 3 for row in pairs.candidates)
    assert {0, 1} <= set(pairs.candidates[0].tolist())
    assert pairs.features.shape == (3, 3, len(features.FEATURE_NAMES))
    title = features.FEATURE_NAMES.index("linear_title")
    assert np.isnan(pairs.features[0, :, title]).all()
    assert np.isfinite(pairs.features[2, :, title]).all()


def test_more_candidates_than_nodes_are_all_nodes(
    model_path: object, tree: Taxonomy, encoder: StaticEncoder
) -> None:
    sources = sources_of(load_model(model_path, tree).arrays, tree)  # type: ignore[arg-type]
    evidence = sources.evidence(read([texts("ball")], encoder))
    chosen = candidates.choose(evidence, sources.nodes, 40)
    assert sorted(chosen[0].tolist()) == list(range(len(tree)))
