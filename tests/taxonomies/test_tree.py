"""The forest of nodes: order, the walk up and down, what it refuses."""

import pytest

from taxocrawl.errors import TaxonomyError
from taxocrawl.taxonomies.tree import NO_TEXTS, Node, NodeTexts, Taxonomy, parents_first


def node(node_id: str, parent_id: str | None, tier: int) -> Node:
    return Node(id=node_id, parent_id=parent_id, name=node_id.upper(), tier=tier)


NODES = (
    node("a", None, 1),
    node("b", None, 1),
    node("a1", "a", 2),
    node("a11", "a1", 3),
    node("a2", "a", 2),
)


def test_walks_up_and_down_in_the_order_of_the_source() -> None:
    taxonomy = Taxonomy("small", NODES)
    assert taxonomy.roots == ("a", "b")
    assert taxonomy.children("a") == ("a1", "a2")
    assert taxonomy.lineage("a11") == ("a", "a1", "a11")
    assert taxonomy.ancestors("a11") == ("a", "a1")
    assert list(taxonomy.subtree("a")) == ["a", "a1", "a11", "a2"]
    assert taxonomy.path("a11") == "A > A1 > A11"
    assert taxonomy.depth == 3
    assert taxonomy.index["a11"] == taxonomy.ids.index("a11") == 3


def test_a_chain_deeper_than_the_stack_is_walked() -> None:
    chain = [node("0", None, 1), *(node(str(i), str(i - 1), i + 1) for i in range(1, 5000))]
    taxonomy = Taxonomy("chain", chain)
    assert sum(1 for _ in taxonomy.subtree("0")) == len(taxonomy.lineage("4999")) == 5000


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((node("a", None, 1), node("a", None, 1)), "id 'a' appears twice"),
        ((node("a", "z", 2),), "names parent 'z'"),
        ((node("b", "a", 2), node("a", None, 1)), "which is not above it"),
        ((node("a", "a", 2),), "names parent 'a'"),
        ((node("a", None, 2),), "has tier 2, its parent has 0"),
    ],
    ids=["duplicate", "missing parent", "parent below", "own parent", "wrong tier"],
)
def test_m04_what_is_no_forest_is_refused(nodes: tuple[Node, ...], message: str) -> None:
    with pytest.raises(TaxonomyError, match=message):
        Taxonomy("broken", nodes)


def test_an_unknown_id_names_the_taxonomy() -> None:
    with pytest.raises(TaxonomyError, match="taxonomy small has no node 'zz'"):
        Taxonomy("small", NODES)["zz"]


def test_texts_are_read_only_when_asked_for() -> None:
    calls = []

    def read() -> dict[str, NodeTexts]:
        calls.append(1)
        return {"a": NodeTexts(synonyms=("alpha",))}

    taxonomy = Taxonomy("lazy", NODES, texts=read)
    assert not calls
    assert taxonomy.texts("a").synonyms == ("alpha",)
    assert taxonomy.texts("b") is NO_TEXTS
    assert len(calls) == 1


def test_the_fingerprint_follows_ids_parents_and_names_but_not_notes() -> None:
    same = Taxonomy("other name", [*NODES[:-1], Node(id="a2", parent_id="a", name="A2", tier=2)])
    noted = Node(id="a2", parent_id="a", name="A2", tier=2, note="repaired")
    renamed = Node(id="a2", parent_id="a", name="A3", tier=2)
    fingerprint = Taxonomy("small", NODES).sha256
    assert same.sha256 == fingerprint
    assert Taxonomy("small", [*NODES[:-1], noted]).sha256 == fingerprint
    assert Taxonomy("small", [*NODES[:-1], renamed]).sha256 != fingerprint


def test_parents_are_pulled_above_their_first_child_and_the_lost_are_left_out() -> None:
    parents = {"c": "b", "a": None, "b": None, "d": "c", "x": "y", "y": "x", "z": "x", "m": "gone"}
    assert parents_first(parents) == ["b", "c", "a", "d"]
