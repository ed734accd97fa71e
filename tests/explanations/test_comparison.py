from dataclasses import replace

import pytest

from taxocrawl.explanations.anchors import Anchors
from taxocrawl.explanations.comparison import compare
from taxocrawl.explanations.lime import Lime
from taxocrawl.explanations.occlusion import WordOcclusion


@pytest.fixture(scope="session")
def compared(document, taxonomy):
    def run(text, model):
        site = document(text)
        predictions = model.classify([site])[0]
        explainers = (
            WordOcclusion(taxonomy=taxonomy),
            Lime(seed=0, taxonomy=taxonomy, samples=300),
            Anchors(seed=0, taxonomy=taxonomy, budget=600),
        )
        found = [e for one in explainers for e in one.explain(site, predictions, model)]
        return compare(site, found, predictions, lambda name: model)

    return run


def test_methods_that_agree_are_said_to(toys, compared):
    weights = {"goal": 0.3, "league": 0.2, "cup": 0.1}
    text = "goal league cup one two three four five six seven eight nine"
    [found] = compared(text, toys.screening(weights))
    by_method = {m.method: m for m in found.methods}
    assert by_method["words"].words == by_method["lime"].words[:3] == ("goal", "league", "cup")
    assert "words and lime agree: 3 of the first 3 words are the same." in found.remarks
    # Without words the probability falls one weight at a time; random ones carry nothing.
    assert by_method["words"].gone == pytest.approx((0.7, 0.4, 0.2, 0.1))
    assert by_method["words"].alone == pytest.approx((0.1, 0.4, 0.6, 0.7))
    assert found.random_gone == pytest.approx(0.7)


def test_words_that_make_up_for_each_other_show_as_a_difference_with_its_meaning(toys, compared):
    model = toys.additive({})

    def margin(document):
        words = set(document.text.split())
        return 0.9 if words & {"goal", "league"} else 0.1

    model.margin = margin
    [found] = compared("goal league one two three four five six seven", model)
    said = " ".join(found.remarks)
    assert "words names no word for it: none is missed alone, as others make up for each." in said
    assert "no better than random" not in said
    assert {m.method: m.words for m in found.methods}["words"] == ()


def test_words_that_carry_nothing_are_not_to_be_relied_on(toys, document, compared, taxonomy):
    model = toys.screening({"goal": 0.5})
    site = document("goal one two three four five six seven eight nine ten eleven")
    predictions = model.classify([site])[0]
    [true] = WordOcclusion(taxonomy=taxonomy).explain(site, predictions, model)
    wrong = replace(
        true,
        method="lime",
        fidelity=0.2,
        attributions=(replace(true.attributions[0], name="one"),),
    )
    [found] = compare(site, [true, wrong], predictions, lambda name: model)
    said = " ".join(found.remarks)
    assert "words and lime disagree: 0 of the first 1 words are the same." in said
    assert "The words of lime carry the answer no better than random ones" in said
    assert "The words of words carry" not in said
    assert "lime's line fits badly (R2 0.20)" in said


def test_a_classifier_that_cannot_score_is_compared_by_words_alone(toys, document, taxonomy):
    model = toys.screening({"goal": 0.5})
    site = document("goal one two")
    predictions = model.classify([site])[0]
    [why] = WordOcclusion(taxonomy=taxonomy).explain(site, predictions, model)
    [found] = compare(site, [why, replace(why, method="mine")], predictions, lambda name: object())
    assert found.random_gone is None
    assert all(m.gone == m.alone == () for m in found.methods)
    assert found.agreements[0].overlap == 1.0


def test_one_method_alone_is_not_compared(toys, document, taxonomy):
    model = toys.screening({"goal": 0.5})
    site = document("goal one two")
    predictions = model.classify([site])[0]
    found = WordOcclusion(taxonomy=taxonomy).explain(site, predictions, model)
    assert compare(site, found, predictions, lambda name: model) == ()


@pytest.mark.parametrize("text", ["", "!!!", "goal", "足球 联赛 今天"])
def test_pages_of_few_or_strange_words_are_compared_without_fuss(toys, compared, text):
    [found] = compared(text, toys.screening({"goal": 0.8}))
    assert len(found.methods) == 3


def test_two_comparisons_are_equal(toys, compared):
    model = toys.logistic({"goal": 2.0, "cup": 0.5, "one": 0.4, "two": -0.3})
    assert compared("goal one two cup nine", model) == compared("goal one two cup nine", model)
