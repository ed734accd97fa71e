import numpy as np
import pytest

from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.tiers import Answer, Tiers, predictions, ranking
from taxocrawl.records import Prediction
from taxocrawl.taxonomies.tree import Taxonomy


def answer_of(
    shares: list[float], tiers: Tiers, tree: Taxonomy, **more: object
) -> dict[str, Prediction]:
    nodes = NodeArrays(tree)
    array = np.array([shares], dtype=np.float32)
    answer = Answer(
        ranked=ranking(array[0], array[0], nodes),
        confidences=tiers.confidences(array, nodes)[0],
        in_scope=bool(more.pop("in_scope", True)),  # type: ignore[arg-type]
    )
    found = predictions(
        answer,
        tiers,
        nodes,
        taxonomy="toy",
        classifier="c",
        model_id="m",
        **more,  # type: ignore[arg-type]
    )
    return {p.node_id: p for p in found}


def test_the_first_node_comes_from_the_surest_root(tree: Taxonomy) -> None:
    # Baking is the single node with most, but Sports holds more in all.
    of = answer_of([0.1, 0.25, 0.25, 0.0, 0.4, 0.0], Tiers(), tree)
    assert next(p.node_id for p in of.values() if p.rank == 1) == "11"


def test_it_stops_at_the_tier_it_is_sure_of(tree: Taxonomy) -> None:
    of = answer_of([0.0, 0.45, 0.45, 0.0, 0.1, 0.0], Tiers(thresholds=(0.5,)), tree)
    assert [i for i, p in of.items() if p.asserted] == ["10"]


def test_several_labels_where_several_are_sure(tree: Taxonomy) -> None:
    of = answer_of([0.0, 0.5, 0.0, 0.0, 0.5, 0.0], Tiers(thresholds=(0.3, 0.4)), tree)
    assert {i for i, p in of.items() if p.asserted} == {"10", "11", "20", "21"}


def test_nothing_is_asserted_of_a_text_unlike_anything(tree: Taxonomy) -> None:
    tiers = Tiers(thresholds=(0.1,))
    of = answer_of([0.0, 1.0, 0.0, 0.0, 0.0, 0.0], tiers, tree, in_scope=False)
    assert not any(p.asserted for p in of.values())


def test_a_persons_own_threshold_replaces_the_models(tree: Taxonomy) -> None:
    shares = [0.0, 0.3, 0.1, 0.0, 0.6, 0.0]
    of = answer_of(shares, Tiers(thresholds=(0.5,)), tree, min_confidence=0.25)
    assert {i for i, p in of.items() if p.asserted} == {"10", "11", "20", "21"}


def test_a_sensitive_node_has_a_higher_bar(tree: Taxonomy) -> None:
    shares = [0.0, 0.4, 0.0, 0.0, 0.0, 0.6]
    tiers = Tiers(thresholds=(0.3,), sensitive=0.7)
    of = answer_of(shares, tiers, tree, sensitive=frozenset({5}))
    assert {i for i, p in of.items() if p.asserted} == {"10", "11"}


def test_a_child_is_never_surer_than_its_parent(tree: Taxonomy) -> None:
    tiers = Tiers(slopes=(0.2, 3.0), offsets=(-2.0, 2.0))
    confidences = tiers.confidences(
        np.random.default_rng(0).dirichlet(np.ones(6), 50).astype(np.float32), NodeArrays(tree)
    )
    assert (confidences[:, [1, 2]] <= confidences[:, [0]]).all()
    assert (confidences[:, 4] <= confidences[:, 3]).all()


def test_confidences_of_some_nodes_are_those_of_all(tree: Taxonomy) -> None:
    tiers, nodes = Tiers(slopes=(0.2, 3.0), offsets=(-2.0, 2.0)), NodeArrays(tree)
    shares = np.random.default_rng(0).dirichlet(np.ones(6), 3).astype(np.float32)
    everything = tiers.confidences(shares, nodes)
    some = tiers.confidences_of([np.array([2, 5]), np.array([4]), np.array([3])], shares, nodes)
    assert some[0, [0, 2, 5]].tolist() == everything[0, [0, 2, 5]].tolist()
    assert some[1, [3, 4]].tolist() == everything[1, [3, 4]].tolist()
    assert tiers.confidences_of([], shares[:0], nodes).shape == (0, 6)


def test_no_share_is_no_answer(tree: Taxonomy) -> None:
    assert answer_of([0.0] * 6, Tiers(), tree) == {}


@pytest.mark.parametrize("tier", [1, 2, 9])
def test_deeper_tiers_share_the_last_threshold(tier: int) -> None:
    assert Tiers(thresholds=(0.3, 0.6)).threshold(tier) == (0.3 if tier == 1 else 0.6)
