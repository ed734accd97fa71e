import math
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxocrawl.explanations.anchors import Anchors, bernoulli_kl, find_rule, kl_high, kl_low


@pytest.fixture(scope="session")
def explain(taxonomy):
    def run(document, classifier, *, seed=0, budget=1500):
        explainer = Anchors(seed=seed, taxonomy=taxonomy, budget=budget)
        return explainer.explain(document, classifier.classify([document])[0], classifier)

    return run


def rule_of(explanation):
    return {attribution.name for attribution in explanation.attributions}


class Sentiment:
    """Positive where "good" stands, or "bad" together with "not"."""

    def __new__(cls, toys):
        model = toys.additive({})

        def margin(document):
            words = set(document.text.lower().split())
            return 0.9 if "good" in words or {"not", "bad"} <= words else 0.1

        model.margin = margin
        return model


def test_not_bad_takes_both_words(toys, document, explain):
    # "not" alone is no anchor for positive: half of its variants have lost "bad".
    [why] = explain(document("This movie is not bad"), Sentiment(toys))
    assert rule_of(why) == {"not", "bad"}
    assert why.score == why.fidelity == 1.0
    assert why.base_value == pytest.approx(0.25, abs=0.15)
    figures = dict(why.figures)
    assert figures["coverage"] == 0.25
    assert 0.9 <= figures["precision_low"] <= 1
    assert figures["share_kept"] == 0.5
    assert figures["budget_reached"] == 0


def test_one_word_that_suffices_is_the_whole_rule(toys, document, explain):
    [why] = explain(document("A good movie that is not bad"), Sentiment(toys))
    assert rule_of(why) == {"good"}
    assert dict(why.figures)["coverage"] == 0.5


def test_weights_are_what_each_word_adds_to_the_precision(toys, document, explain):
    [why] = explain(document("This movie is not bad"), Sentiment(toys))
    first, second = (attribution.weight for attribution in why.attributions)
    assert why.base_value + first + second == pytest.approx(why.score, abs=0.15)
    # By hand: 1/4 of all variants, 1/2 of those that keep one of the two, all that keep both.
    assert first == pytest.approx(0.25, abs=0.2)
    assert second == pytest.approx(0.5, abs=0.2)


def test_an_answer_that_survives_anything_has_no_rule(toys, document, explain):
    [why] = explain(document("one two three"), toys.additive({}, base=0.9))
    assert why.attributions == ()
    assert (why.score, why.base_value) == (1.0, 1.0)


def test_a_redundant_page_is_thinned_out_until_a_word_counts(toys, document, explain):
    # Any 2 of 40 words carry it, so half of the page always does; a tenth need not.
    names = [f"w{letter}{digit}" for letter in "abcd" for digit in range(10)]
    model = toys.screening(dict.fromkeys(names, 0.25), base=0.1)
    [why] = explain(document(" ".join(names)), model)
    assert dict(why.figures)["share_kept"] < 0.5
    assert 1 <= len(why.attributions) <= 2
    assert why.score >= 0.95


def test_a_page_without_words_has_no_rule(toys, document, explain):
    [why] = explain(document("!!!"), toys.additive({}, base=0.2))
    assert (why.attributions, why.score) == ((), 1.0)


def test_two_runs_give_the_same_rule_and_figures(toys, document, explain):
    text = document("This movie is not bad at all, I think")
    first, second = (replace(explain(text, Sentiment(toys))[0], seconds=0.0) for _ in range(2))
    assert first == second


def test_several_answers_share_one_budget_and_say_where_it_did_not_suffice(
    toys, document, taxonomy
):
    class Noisy(toys.additive):
        """Keeps its answer in four of five variants, whatever the words."""

        def margin(self, document):
            return 0.9 if zlib.crc32(document.text.encode()) % 5 else 0.1

    names = [f"w{letter}{digit}" for letter in "abcd" for digit in range(10)]
    model = Noisy({})
    site = document(" ".join(names))
    [soccer, *_] = toys.additive({}, base=0.9).classify([site])[0]
    targets = (soccer, replace(soccer, node_id="3", tier=1, rank=2))
    found = Anchors(seed=0, taxonomy=taxonomy, budget=600).explain(site, targets, model)
    figures = [dict(why.figures) for why in found]
    assert sum(one["samples"] for one in figures) <= 600 + 2 * 20 * 20
    assert figures[0]["budget_reached"] == 1
    assert found[0].fidelity == found[0].score < 0.95


def test_the_budget_holds_where_no_rule_is_precise_enough():
    drawn = []

    def coin(rule, count):
        drawn.append(count)
        generator = np.random.default_rng(len(drawn))
        return generator.random((count, 6)) < 0.5, generator.random(count) < 0.8

    rule = find_rule(coin, 6, budget=600)
    assert sum(drawn) <= 600 + 6 * 20
    assert rule.samples == sum(drawn)
    assert 0.5 < rule.precision <= 1
    assert rule.low < 0.95


@given(st.floats(0, 1), st.floats(0, 3))
def test_bounds_enclose_the_mean_at_the_level_asked_for(p, level):
    low, high = kl_low(p, level), kl_high(p, level)
    assert low <= p <= high
    for bound in (low, high):
        assert bernoulli_kl(p, bound) <= level + 1e-6


def test_bounds_by_hand():
    # From 0 of n the upper bound is 1 - exp(-level), from n of n the lower one exp(-level).
    assert kl_high(0.0, 0.5) == pytest.approx(1 - math.exp(-0.5))
    assert kl_low(1.0, 0.5) == pytest.approx(math.exp(-0.5))
    # A fair coin and one of 3/4: (ln(2/3) + ln 2) / 2.
    assert bernoulli_kl(0.5, 0.75) == pytest.approx(math.log(4 / 3) / 2)
