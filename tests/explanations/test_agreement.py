import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxocrawl.explanations.agreement import (
    agreement,
    agreements,
    deletion,
    insertion,
    rank_correlation,
    top_overlap,
)
from taxocrawl.explanations.masking import WordMask
from taxocrawl.records import Attribution, Explanation


def explanation(method, node_id="2", **weights):
    return Explanation(
        taxonomy="toy",
        node_id=node_id,
        classifier="toy",
        method=method,
        attributions=(
            *(Attribution(kind="word", name=n, weight=w) for n, w in weights.items()),
            Attribution(kind="sentence", name="not a word", weight=9.0),
        ),
        score=0.9,
        base_value=0.1,
    )


def test_explanations_are_compared_by_their_words():
    a = explanation("words", goal=0.5, cup=0.3, food=-0.2)
    b = explanation("lime", goal=2.0, cup=1.0, food=-3.0, league=0.5)
    both = agreement(a, b, top=2)
    # goal > cup > league > food in both: 0 stands for league, which the first does not name.
    assert both.rank_correlation == pytest.approx(1.0)
    assert both.overlap == 1.0
    assert (both.method_a, both.method_b, both.top) == ("words", "lime", 2)


def test_explanations_of_different_nodes_cannot_agree():
    with pytest.raises(ValueError, match="toy 2 and toy 3"):
        agreement(explanation("words"), explanation("lime", node_id="3"))


def test_half_the_top_words_in_common_is_a_half():
    a = {"goal": 3.0, "cup": 2.0, "x": 1.0}
    b = {"goal": 1.0, "league": 5.0, "cup": -1.0}
    assert top_overlap(a, b, top=2) == 0.5
    assert top_overlap(a, {"cup": -1.0}, top=2) is None


def test_one_neighbour_pair_turned_round_of_three():
    # 1 - 6 * (1 + 1 + 0) / (3 * (9 - 1))
    assert rank_correlation(
        {"a": 3.0, "b": 2.0, "c": 1.0}, {"a": 2.0, "b": 3.0, "c": 1.0}
    ) == pytest.approx(0.5)


def test_correlation_is_open_where_all_weights_are_equal():
    assert rank_correlation({}, {}) is None
    assert rank_correlation({"a": 1.0, "b": 1.0}, {"a": 2.0, "b": 1.0}) is None


@pytest.mark.slow
def test_correlation_is_scipys_rho_with_ties():
    from scipy.stats import spearmanr

    generator = np.random.default_rng(0)
    a = dict(zip("abcdefghij", generator.integers(0, 4, 10).tolist(), strict=True))
    b = dict(zip("abcdefghij", generator.integers(0, 4, 10).tolist(), strict=True))
    ours = rank_correlation(a, b)
    assert ours == pytest.approx(spearmanr(list(a.values()), list(b.values())).statistic)


WEIGHTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(-3, 3).map(float))


@given(WEIGHTS, WEIGHTS)
def test_agreement_is_symmetric_and_bounded(a, b):
    rho, overlap = rank_correlation(a, b), top_overlap(a, b, top=3)
    assert rho == rank_correlation(b, a)
    assert overlap == top_overlap(b, a, top=3)
    assert rho is None or -1 <= rho <= 1
    assert overlap is None or 0 <= overlap <= 1


def test_deletion_and_insertion_walk_the_words_in_order(toys, document):
    model = toys.additive({"goal": 0.4, "cup": 0.2, "food": -0.1}, base=0.1)
    mask = WordMask(document("goal cup food else"))
    order = [mask.words.index(word) for word in ("goal", "cup")]

    def score(documents):
        return model.score(documents, "toy", "2")

    assert deletion(score, mask, order) == pytest.approx([0.6, 0.2, 0.0])
    assert insertion(score, mask, order) == pytest.approx([0.1, 0.5, 0.7])


def test_agreements_are_of_every_two_that_name_words_of_one_prediction():
    words, lime, other = (
        explanation(method, node_id, goal=1.0, cup=0.5)
        for method, node_id in (("words", "2"), ("lime", "2"), ("words", "3"))
    )
    shap = explanation("shap")
    [found] = agreements([words, shap, lime, other])
    assert (found.method_a, found.method_b, found.node_id) == ("words", "lime", "2")
    assert (found.rank_correlation, found.overlap) == (pytest.approx(1.0), 1.0)
    assert agreements([]) == ()
