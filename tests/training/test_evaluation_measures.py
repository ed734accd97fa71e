"""Measures against answers derived by hand."""

from pathlib import Path

import numpy as np
import pytest

from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.errors import InputError
from taxocrawl.taxonomies.tree import Node, Taxonomy
from taxocrawl.training import evaluate
from taxocrawl.training.costs import costs_of, read_costs
from taxocrawl.training.evaluate import Truth

TREE = Taxonomy(
    "t",
    [
        Node(id="a", parent_id=None, name="A", tier=1),
        Node(id="a1", parent_id="a", name="A1", tier=2),
        Node(id="a2", parent_id="a", name="A2", tier=2),
        Node(id="b", parent_id=None, name="B", tier=1),
        Node(id="b1", parent_id="b", name="B1", tier=2),
    ],
)
NODES = NodeArrays(TREE)
A, A1, A2, B, B1 = range(5)


def truth(*primary: int, accepted: tuple[set[int], ...] = ()) -> Truth:
    return Truth(
        primary=np.array(primary),
        accepted=tuple(map(frozenset, accepted)) or tuple(frozenset({p}) for p in primary),
        english=np.ones(len(primary), dtype=bool),
    )


def best(*nodes: int) -> np.ndarray:
    return np.array(nodes, dtype=np.int64)


def test_each_tier_counts_the_pages_that_reach_it() -> None:
    found = evaluate.by_tier(best(A2, A, B1, -1), truth(A1, A1, B, B1), NODES)
    assert found[1].tolist() == [True, True, True, False]
    assert found[2].tolist() == [False, False, False]


def test_distance_counts_the_steps_of_the_tree() -> None:
    found = evaluate.tree_distances(best(A1, A2, A, B1, -1), truth(*[A1] * 5), NODES)
    assert found.tolist() == [0, 2, 1, 4, 2]


def test_hierarchical_f1_counts_ancestors() -> None:
    # {A, A2} against {A, A1}: one of two shared; {B1, B} against {A1, A}: none.
    assert evaluate.hierarchical_f1(best(A2), truth(A1), NODES) == pytest.approx(0.5)
    assert evaluate.hierarchical_f1(best(A2, B1), truth(A1, A1), NODES) == pytest.approx(0.25)


def test_nodes_have_precision_recall_and_f1() -> None:
    found = evaluate.node_scores(best(A1, B1, A1), truth(A1, A1, B1))
    assert found[A1] == (0.5, 0.5, 0.5, 2)
    assert found[B1] == (0.0, 0.0, 0.0, 1)


def test_accepted_answers_are_no_confusions() -> None:
    labels = truth(A1, A1, B1, B1, accepted=({A1, A2}, {A1}, {B1}, {B1}))
    found = evaluate.confusions(best(A2, A2, A1, A1), labels)
    assert found == [(B1, A1, 2), (A1, A2, 1)]


def test_pages_of_one_site_make_the_interval_wide() -> None:
    values = np.array([1.0, 1.0, 0.0, 0.0] * 5)
    apart = evaluate.interval(values, [str(i) for i in range(20)])
    alike = evaluate.interval(values, ["x" if v else "y" for v in values])
    assert alike == (0.0, 1.0)
    assert 0.2 < apart[0] < 0.5 < apart[1] < 0.8


def test_a_cost_holds_for_all_below_and_the_deepest_row_wins(tmp_path: Path) -> None:
    path = tmp_path / "costs.csv"
    path.write_text("true,predicted,cost\nA,B,5\nA > A1,b1,7\n*,none,0.5\nA2,*,3\n")
    rows = read_costs(path, TREE)

    def cost(given: str | None, *labels: str) -> float:
        return float(costs_of([given], [labels], rows, TREE)[0])

    assert cost("b1", "a") == 5
    assert cost("b1", "a1") == 7
    assert cost("b", "a1") == 5
    assert cost(None, "b1") == 0.5
    assert cost("b", "a2") == 3
    assert cost("a1", "b") == 1  # no row names it
    assert cost("a", "a1") == 0  # right, though not all
    assert cost("b", "a1", "b1") == 0  # above what is accepted too


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("true,predicted\n", "columns true, predicted, cost"),
        ("true,predicted,cost\nA,B,much\n", r"line 2: cost 'much' is no number"),
        ("true,predicted,cost\nA,B,-1\n", "line 2"),
        ("true,predicted,cost\nA,C,1\n", "line 2: .*no node 'C'"),
    ],
)
def test_a_wrong_cost_names_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        read_costs(path, TREE)
