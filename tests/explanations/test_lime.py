from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxocrawl.explanations.lime import Lime, keep_masks, kernel, ridge


@pytest.fixture(scope="session")
def explain(taxonomy):
    def run(document, classifier, *, seed=0, samples=600):
        explainer = Lime(seed=seed, taxonomy=taxonomy, samples=samples)
        return explainer.explain(document, classifier.classify([document])[0], classifier)

    return run


def weights(explanation):
    return {a.name: a.weight for a in explanation.attributions}


def test_ridge_of_two_points_by_hand():
    # Inputs 0 and 1, answers 0 and 3, each of weight 1: centred -1/2, 1/2 and -3/2, 3/2, so the
    # slope is (3/4 + 3/4) / (1/4 + 1/4 + penalty 1) = 1 and the line goes through (1/2, 3/2).
    fit = ridge(np.array([[0.0], [1.0]]), np.array([0.0, 3.0]), np.ones(2), penalty=1.0)
    assert fit.weights == pytest.approx([1.0])
    assert fit.intercept == pytest.approx(1.0)
    assert fit.r_squared == pytest.approx(1 - 2.0 / 4.5)  # both points missed by 1


@pytest.mark.slow
def test_ridge_is_scikit_learns():
    from sklearn.linear_model import Ridge

    generator = np.random.default_rng(0)
    inputs = (generator.random((60, 7)) < 0.5).astype(float)
    answers, sample_weights = generator.random((2, 60))
    theirs = Ridge(alpha=1.0).fit(inputs, answers, sample_weight=sample_weights)
    ours = ridge(inputs, answers, sample_weights, penalty=1.0)
    assert ours.weights == pytest.approx(theirs.coef_)
    assert ours.intercept == pytest.approx(theirs.intercept_)
    assert ours.r_squared == pytest.approx(
        theirs.score(inputs, answers, sample_weight=sample_weights)
    )


def test_the_kernel_is_the_papers():
    kept = np.array([[True, True, True, True], [True, False, False, False], [False] * 4])
    # sqrt(exp(-d^2 / 25^2)) of 100 times the cosine distance: 0, 1 - 1/2 and, of nothing, 1.
    expected = [np.sqrt(np.exp(-((100 * d) ** 2) / 25**2)) for d in (0.0, 0.5, 1.0)]
    assert kernel(kept, width=0.25) == pytest.approx(expected)


@given(st.integers(1, 30), st.integers(1, 50), st.integers(0, 5))
def test_the_first_variant_keeps_all_words_and_every_other_loses_some(n_words, n_samples, seed):
    kept = keep_masks(n_words, n_samples, np.random.default_rng(seed))
    assert kept.shape == (n_samples, n_words)
    assert kept[0].all()
    assert not kept[1:].all(axis=1).any()


def test_on_an_additive_model_the_weights_are_its_contributions(toys, document, explain):
    model = toys.screening({"goal": 0.2, "league": 0.3, "recipe": -0.15})
    [why] = explain(document("goal goal league recipe and more"), model)
    # The ridge draws weights a little towards 0.
    assert weights(why) == pytest.approx({"goal": 0.4, "league": 0.3, "recipe": -0.15}, rel=0.05)
    assert why.base_value == pytest.approx(0.1, abs=0.03)
    assert why.score == pytest.approx(0.65)
    assert why.fidelity > 0.995
    assert (why.method, why.unit) == ("lime", "probability")


def test_a_page_that_is_not_linear_shows_in_the_fidelity(toys, document, explain):
    known = {"one": 1.0, "two": 1.0, "three": 1.0}
    [linear] = explain(document("one two three four"), toys.screening(known))
    [conjunction] = explain(document("one two three four"), toys.both(known))
    assert conjunction.fidelity < 0.9 < linear.fidelity
    assert set(weights(conjunction)) >= set(known)


def test_what_it_rests_on_is_stated(toys, document, explain):
    [why] = explain(document("goal cup"), toys.screening({"goal": 0.5, "cup": 0.1}), samples=100)
    figures = dict(why.figures)
    assert figures["samples"] == 100
    assert figures["words"] == 2
    assert figures["kernel_width"] == 0.25
    assert 0.3 < figures["share_kept"] < 0.9


def test_without_an_opinion_of_single_words_the_same_words_come_out(toys, document, explain):
    known = {"goal": 0.3, "league": 0.4}
    text = document("Nothing to see, but the league", title="A goal")
    [why] = explain(text, toys.additive(known))
    assert list(weights(why))[:2] == ["league", "goal"]
    assert weights(why)["league"] == pytest.approx(0.4, rel=0.05)


def test_two_runs_give_the_same_and_another_seed_another(toys, document, explain):
    model = toys.logistic({"goal": 2.0, "cup": 0.5, "one": 0.4, "two": -0.3})
    text = document("goal one two cup nine")
    first, second = (replace(explain(text, model)[0], seconds=0.0) for _ in range(2))
    other = replace(explain(text, model, seed=1)[0], seconds=0.0)
    assert first == second
    assert first != other


@pytest.mark.parametrize("text", ["", "!!!", "7 7 7"])
def test_a_page_without_words_has_an_empty_explanation(toys, document, explain, text):
    [why] = explain(document(text), toys.screening({"goal": 0.8}))
    assert (why.attributions, why.fidelity) == ((), None)
    assert why.score == pytest.approx(0.1)


def test_a_page_of_one_word_rests_on_it(toys, document, explain):
    [why] = explain(document("goal"), toys.screening({"goal": 0.8}))
    assert weights(why) == pytest.approx({"goal": 0.8}, rel=0.05)


def test_a_classifier_that_cannot_score_gets_no_explanation(toys, document, taxonomy):
    site = document("goal")
    predictions = toys.additive({"goal": 0.8}).classify([site])[0]
    assert Lime(seed=0, taxonomy=taxonomy).explain(site, predictions, object()) == []
