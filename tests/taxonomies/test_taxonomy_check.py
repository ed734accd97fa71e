"""The verdict on a taxonomy before anybody trains for it."""

from taxocrawl.taxonomies.check import check
from taxocrawl.taxonomies.formats import load
from taxocrawl.taxonomies.tree import Node, NodeTexts, Taxonomy


def taxonomy(*rows: tuple[str, str | None, str]) -> Taxonomy:
    tiers: dict[str | None, int] = {None: 0}
    nodes = []
    for node_id, parent_id, name in rows:
        tiers[node_id] = tiers[parent_id] + 1
        nodes.append(Node(id=node_id, parent_id=parent_id, name=name, tier=tiers[node_id]))
    texts = {node_id: NodeTexts(scope="known") for node_id, _, _ in rows}
    return Taxonomy("own", nodes, texts=texts)


def kinds(checked: Taxonomy) -> set[tuple[str, str]]:
    return {(problem.node_id, problem.kind) for problem in check(checked).problems}


def test_a_sound_taxonomy_has_no_problem() -> None:
    verdict = check(taxonomy(("1", None, "Shop"), ("2", "1", "Shoes"), ("3", "1", "Hats")))
    assert verdict.problems == ()
    assert not verdict.ambiguous
    assert (verdict.nodes, verdict.roots, verdict.by_tier) == (3, 1, (1, 2))


def test_siblings_of_one_name_are_ambiguous() -> None:
    doubled = taxonomy(("1", None, "Shop"), ("2", "1", "Shoes"), ("3", "1", "SHOES"))
    assert kinds(doubled) == {("2", "same_path"), ("3", "same_path")}
    assert check(doubled).ambiguous


def test_one_name_in_two_branches_is_told_but_not_ambiguous() -> None:
    twice = taxonomy(
        ("1", None, "Cars"),
        ("2", None, "Boats"),
        ("3", "1", "Parts"),
        ("4", "2", "Parts"),
        ("5", "1", "New"),
        ("6", "2", "Used"),
    )
    assert kinds(twice) == {("3", "same_name"), ("4", "same_name")}
    assert not check(twice).ambiguous


def test_an_only_child_a_description_and_a_separator_are_told() -> None:
    odd = taxonomy(("1", None, "Shop > Wear"), ("2", "1", "x" * 101))
    assert kinds(odd) == {("1", "one_child"), ("1", "separator"), ("2", "long_name")}


def test_nodes_known_by_name_only_are_told() -> None:
    bare = Taxonomy("bare", [Node(id="1", parent_id=None, name="Shop", tier=1)])
    assert kinds(bare) == {("1", "no_words")}
    assert "only its name speaks" in check(bare).problems[0].meaning


def test_the_default_taxonomy_is_fully_described() -> None:
    verdict = check(load("iab-3.1"))
    assert verdict.with_words == verdict.with_examples == verdict.nodes == 704
    assert len(verdict.languages) == 11
    assert {problem.kind for problem in verdict.problems} == {"one_child"}
