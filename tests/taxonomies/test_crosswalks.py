"""From one taxonomy to another: by table, by chain, by the nearest ancestor."""

import itertools

import pytest

from taxocrawl.errors import TaxonomyError
from taxocrawl.taxonomies.crosswalks import (
    Mapped,
    Relation,
    cattax_code,
    compose,
    load,
    tables,
)
from taxocrawl.taxonomies.formats import PACKAGED
from taxocrawl.taxonomies.formats import load as load_taxonomy

WITHOUT_TABLES = {"iab-vectors", "iab-audience-1.1"}


@pytest.mark.parametrize("pair", sorted(tables()), ids="->".join)
def test_every_id_of_every_table_exists(pair: tuple[str, str]) -> None:
    crosswalk = load(*pair)
    source, target = map(load_taxonomy, pair)
    rows = list(crosswalk.rows())
    assert rows
    assert all(row.from_id in source and row.to_id in target for row in rows)
    assert all(row.by for row in rows)
    assert crosswalk.steps == pair


@pytest.mark.parametrize("source", sorted(PACKAGED.keys() - WITHOUT_TABLES))
def test_every_connected_pair_answers_with_known_ids_and_counted_ranks(source: str) -> None:
    for target in PACKAGED.keys() - WITHOUT_TABLES - {source}:
        crosswalk = load(source, target)
        known = load_taxonomy(target)
        answers = [crosswalk.convert(node_id) for node_id in load_taxonomy(source).ids]
        assert any(answers)
        for answer in answers:
            assert all(mapped.node_id in known for mapped in answer)
            assert [mapped.rank for mapped in answer] == list(range(1, len(answer) + 1))


@pytest.mark.parametrize(
    "target", ["iab-1.0", "iab-2.0", "iab-2.1", "iab-2.2", "iab-3.0", "iab-ad-product-2.0"]
)
def test_every_node_of_the_default_taxonomy_has_an_answer_in_the_others(target: str) -> None:
    crosswalk = load("iab-3.1", target)
    assert all(crosswalk.convert(node_id) for node_id in load_taxonomy("iab-3.1").ids)


@pytest.mark.parametrize(
    ("source", "target", "steps"),
    [
        # By the equal ids of 2.1, not through the 392 nodes of 1.0.
        ("iab-3.1", "iab-2.0", ("iab-3.1", "iab-2.1", "iab-2.0")),
        ("iab-3.1", "iab-3.0", ("iab-3.1", "iab-3.0")),
        ("google", "iab-2.2", ("google", "iab-3.1", "iab-2.2")),
        ("iab-1.0", "iab-3.1", ("iab-1.0", "iab-3.1")),
    ],
)
def test_the_chain_that_loses_least_is_taken(
    source: str, target: str, steps: tuple[str, ...]
) -> None:
    assert load(source, target).steps == steps


@pytest.mark.parametrize(
    ("source", "node_id", "target", "answer"),
    [
        ("iab-3.1", "483", "iab-2.2", Mapped("483", "exact", 1)),  # Sports
        ("iab-3.1", "483", "iab-1.0", Mapped("IAB17", "exact", 1)),
        ("iab-3.1", "150", "iab-2.2", Mapped("150", "broader", 1)),  # Attractions, once Events too
        ("iab-3.1", "700", "iab-3.0", Mapped("SPSHQ5", "broader", 1)),  # Thriller: new, so Genres
        ("iptc", "medtop:01000000", "iab-3.1", Mapped("JLBCU7", "narrower", 1)),
        ("google", "1", "iab-2.2", Mapped("422", "broader", 1)),
        ("iab-2.2", "483", "iab-2.2", Mapped("483", "exact", 1)),
    ],
)
def test_known_answers(source: str, node_id: str, target: str, answer: Mapped) -> None:
    assert load(source, target).convert(node_id)[0] == answer


def test_a_node_below_the_table_takes_its_ancestors_answer_less_sure() -> None:
    google = load_taxonomy("google")
    crosswalk = load("google", "iab-3.1")
    lines = [line for line in map(google.lineage, google.ids) if len(line) == 5][:50]
    for line in lines:
        own, inherited = crosswalk.convert(line[1]), crosswalk.convert(line[-1])
        assert [mapped.node_id for mapped in inherited] == [mapped.node_id for mapped in own]
        assert {mapped.relation for mapped in inherited} <= {"broader", "related"}


@pytest.mark.parametrize("node_id", ["IAB24", "IAB25-6", "IAB25-7"])
def test_what_is_no_subject_gets_no_answer_from_its_parent(node_id: str) -> None:
    assert load("iab-1.0", "iab-3.1").convert(node_id) == ()
    assert load("iab-1.0", "iab-2.2").convert(node_id) == ()


def test_vectors_of_2_x_have_no_topic_in_3_x() -> None:
    crosswalk = load("iab-2.2", "iab-3.1")
    vectors = [node.id for node in load_taxonomy("iab-2.2") if "vector" in node.flags]
    assert len(vectors) == 486
    assert not any(map(crosswalk.convert, vectors))


@pytest.mark.parametrize(
    ("first", "second", "composed"),
    [
        ("exact", "narrower", "narrower"),
        ("broader", "exact", "broader"),
        ("broader", "broader", "broader"),
        ("narrower", "narrower", "narrower"),
        ("broader", "narrower", "related"),
        ("narrower", "broader", "related"),
        ("related", "related", "related"),
        ("related", "broader", "related"),
    ],
)
def test_relations_compose_by_logic(first: Relation, second: Relation, composed: Relation) -> None:
    assert compose(first, second) == composed


def test_exact_changes_nothing_on_either_side() -> None:
    relations: tuple[Relation, ...] = ("exact", "broader", "narrower", "related")
    for relation in relations:
        assert compose("exact", relation) == compose(relation, "exact") == relation
    for first, second, third in itertools.product(relations, repeat=3):
        assert compose(compose(first, second), third) == compose(first, compose(second, third))


def test_rows_say_by_what_they_stand() -> None:
    by = {row.from_id: row.by for row in load("iab-3.1", "iab-1.0").rows()}
    assert by["150"] == "judgement"
    composed = {row.by for row in load("google", "iab-2.2").rows()}
    assert composed == {"composed: google > iab-3.1 > iab-2.2"}
    assert {row.by for row in load("google", "iab-3.1").rows()} == {"judgement", "roll-up"}


def test_unknown_ids_and_unconnected_taxonomies_are_named() -> None:
    with pytest.raises(TaxonomyError, match=r"taxonomy iab-3\.1 has no node 'IAB17'"):
        load("iab-3.1", "iab-2.2").convert("IAB17")
    with pytest.raises(TaxonomyError, match=r"no crosswalk leads from 'iab-3\.1' to 'iab-audience"):
        load("iab-3.1", "iab-audience-1.1")
    with pytest.raises(TaxonomyError, match="unknown taxonomy"):
        load("iab-3.1", "iab-9")


def test_codes_for_openrtb_follow_the_name_or_alias() -> None:
    assert cattax_code("iab") == 9
    assert cattax_code("IAB Content 1.0") == 1
    assert cattax_code("google") is None
