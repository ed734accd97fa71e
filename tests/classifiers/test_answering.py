"""Answers in taxonomies that no classifier knows."""

import pytest

from taxocrawl.classifiers.answering import make_plan, relabel, translate
from taxocrawl.records import Explanation, Prediction
from taxocrawl.taxonomies import crosswalks, formats

SOURCE = formats.load("iab-3.1")


def predicted(node: str, confidence: float, rank: int | None = None) -> Prediction:
    return Prediction(
        taxonomy="iab-3.1",
        node_id=node,
        tier=SOURCE[node].tier,
        confidence=confidence,
        classifier="ranker",
        model_id="m",
        rank=rank,
        asserted=confidence >= 0.5,
    )


def translated(version: str, *given: Prediction) -> tuple[Prediction, ...]:
    return translate(given, crosswalks.load("iab-3.1", version), formats.load(version))


def test_a_crosswalk_goes_before_the_untrained_classifier() -> None:
    plan = make_plan(["iab-1.0", "iab-3.1", "mine", "google"], {"iab-3.1"})
    assert dict(plan.by_crosswalk) == {"iab-1.0": "iab-3.1"}
    assert plan.zero_shot == ("mine", "google")
    assert plan.sources == ("iab-3.1",)


def test_a_classifier_that_knows_the_taxonomy_goes_before_the_crosswalk() -> None:
    plan = make_plan(["iab-1.0"], {"iab-3.1", "iab-1.0"})
    assert (dict(plan.by_crosswalk), plan.zero_shot, plan.sources) == ({}, (), ())


def test_without_a_classifier_of_the_source_no_crosswalk_helps() -> None:
    assert make_plan(["iab-1.0"], {"animals"}).zero_shot == ("iab-1.0",)


def test_an_answer_in_iab_1_0_has_its_parent_and_its_relation() -> None:
    # 533 is Soccer below 483, Sports.
    found = translated("iab-1.0", predicted("533", 0.8, 1), predicted("483", 0.9))
    assert [(p.node_id, p.tier, p.relation, p.confidence, p.rank) for p in found] == [
        ("IAB17-44", 2, "exact", 0.8, 1),
        ("IAB17", 1, "exact", 0.9, None),
    ]
    assert all(p.asserted and p.taxonomy == "iab-1.0" and p.classifier == "ranker" for p in found)


def test_a_parent_that_nothing_leads_to_is_added_and_broader() -> None:
    child, parent = translated("iab-1.0", predicted("533", 0.8, 1))
    assert (parent.node_id, parent.relation, parent.confidence) == ("IAB17", "broader", 0.8)
    assert (child.rank, parent.rank) == (1, None)


def test_ranks_are_counted_anew_where_two_sources_lead_to_one_node() -> None:
    # Badminton and Australian rules football both lead to Sports in 1.0.
    given = [predicted(n, 0.3, rank) for rank, n in enumerate(("534", "507", "533"), 1)]
    ranks = [p.rank for p in translated("iab-1.0", *given) if p.rank]
    assert ranks == list(range(1, len(ranks) + 1))


@pytest.mark.parametrize("version", crosswalks.VERSIONS["iab-3.1"])
def test_no_node_is_surer_than_its_parent_whatever_was_predicted(version: str) -> None:
    tree = formats.load(version)
    given = [
        predicted(node.id, 0.99 if i % 3 else 0.2, i)
        for i, node in enumerate(SOURCE, 1)
        if node.parent_id is None or i % 2
    ]
    of = {p.node_id: p for p in translated(version, *given)}
    assert of
    for prediction in of.values():
        assert prediction.tier == tree[prediction.node_id].tier
        assert prediction.relation in ("exact", "broader", "narrower", "related")
        if parent_id := tree[prediction.node_id].parent_id:
            assert of[parent_id].confidence >= prediction.confidence
            assert of[parent_id].asserted or not prediction.asserted


def test_nothing_gives_nothing() -> None:
    assert translated("iab-2.2") == ()


def test_an_explanation_goes_with_the_answer_it_led_to() -> None:
    given = [
        Explanation(
            taxonomy="iab-3.1",
            node_id=node,
            classifier="ranker",
            method="words",
            attributions=(),
            score=score,
            base_value=0,
        )
        # Badminton and Australian rules football both lead to one node of 1.0.
        for node, score in (("534", 0.7), ("507", 0.2))
    ]
    found = relabel(given, crosswalks.load("iab-3.1", "iab-1.0"), formats.load("iab-1.0"))
    assert [(e.taxonomy, e.score) for e in found] == [("iab-1.0", 0.7)]
