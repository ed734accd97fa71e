import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxocrawl.explanations.shapley import REST, Shapley
from taxocrawl.protocols import FeatureScorer


@pytest.fixture(scope="session")
def explain(toys, document, taxonomy):
    def run(rows, base, *, kept=10):
        class Model(toys.additive):
            def feature_contributions(self, document, taxonomy, node_id):
                return rows, base

        model = Model({"goal": 0.8})
        site = document("goal")
        explainer = Shapley(taxonomy=taxonomy, kept=kept)
        return explainer.explain(site, model.classify([site])[0], model)

    return run


def test_features_come_by_size_with_their_values(explain):
    [why] = explain((("length", 9.0, 0.1), ("title", 0.7, -2.0), ("depth", 2.0, 0.0)), -1.0)
    assert [(a.kind, a.name, a.value, a.weight) for a in why.attributions] == [
        ("feature", "title", 0.7, -2.0),
        ("feature", "length", 9.0, 0.1),
    ]
    assert (why.base_value, why.score) == (-1.0, pytest.approx(-2.9))
    assert (why.method, why.unit, why.fidelity) == ("shap", "margin", 1.0)


def test_what_is_not_shown_stays_in_the_sum(explain):
    [why] = explain((("a", 0.0, 4.0), ("b", 0.0, -1.0), ("c", 0.0, 3.0)), 0.5, kept=1)
    assert [(a.name, a.weight) for a in why.attributions] == [("a", 4.0), (REST, 2.0)]
    assert why.score == 6.5
    assert why.fidelity == 0.5  # 4 of 4 + 1 + 3


def test_the_product_of_two_features_is_shared_in_halves(toys, document, taxonomy):
    # For x1 * x2 against a background of zeros each Shapley value is half the product.
    class Product(toys.additive):
        def feature_contributions(self, document, taxonomy, node_id):
            x1, x2 = 3.0, 4.0
            value = {(0, 0): 0.0, (1, 0): x1 * 0, (0, 1): 0 * x2, (1, 1): x1 * x2}
            first = (value[1, 0] - value[0, 0] + value[1, 1] - value[0, 1]) / 2
            second = (value[0, 1] - value[0, 0] + value[1, 1] - value[1, 0]) / 2
            return (("x1", x1, first), ("x2", x2, second)), value[0, 0]

    model = Product({"goal": 0.8})
    site = document("goal")
    [why] = Shapley(taxonomy=taxonomy).explain(site, model.classify([site])[0], model)
    assert [a.weight for a in why.attributions] == [6.0, 6.0]
    assert why.score == 12.0


def test_a_feature_that_was_missing_contributes_without_a_value(explain):
    [why] = explain((("title", float("nan"), 1.0),), 0.0)
    assert [(a.value, a.weight) for a in why.attributions] == [(None, 1.0)]


def test_nothing_that_contributes_leaves_fidelity_open(explain):
    [why] = explain((("a", 1.0, 0.0),), 0.25)
    assert (why.attributions, why.score, why.fidelity) == ((), 0.25, None)


def test_a_node_that_no_margin_was_made_for_has_no_explanation(explain):
    assert explain((), 0.0) == []


def test_a_contribution_that_is_no_number_is_refused(explain):
    with pytest.raises(ValueError, match="'title' is nan"):
        explain((("title", 0.7, float("nan")),), 0.0)


def test_a_classifier_without_features_gets_no_explanation(toys, document, taxonomy):
    model = toys.screening({"goal": 0.8})
    site = document("goal")
    assert not isinstance(model, FeatureScorer)
    assert Shapley(taxonomy=taxonomy).explain(site, model.classify([site])[0], model) == []


@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=30),
    st.floats(-3, 3),
    st.integers(min_value=1, max_value=9),
)
def test_the_sum_is_the_margin_whatever_is_kept(explain, numbers, base, kept):
    rows = tuple((f"f{i}", 1.0, number) for i, number in enumerate(numbers))
    [why] = explain(rows, base, kept=kept)
    assert why.base_value + sum(a.weight for a in why.attributions) == pytest.approx(why.score)
    assert why.score == pytest.approx(base + sum(numbers))
    assert len(why.attributions) <= kept + 1


def test_trees_of_xgboost_are_explained_to_their_margin(toys, document, taxonomy):
    import xgboost

    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 3))
    y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(float)
    names = ["first", "second", "third"]
    parameters = {"max_depth": 3, "objective": "binary:logistic", "nthread": 1}
    trees = xgboost.train(parameters, xgboost.DMatrix(x, y, feature_names=names), 20)
    row = xgboost.DMatrix(x[:1], feature_names=names)

    class Trees(toys.additive):
        def feature_contributions(self, document, taxonomy, node_id):
            *each, base = trees.predict(row, pred_contribs=True)[0].tolist()
            return tuple(zip(names, x[0].tolist(), each, strict=True)), base

    model = Trees({"goal": 0.8})
    site = document("goal")
    [why] = Shapley(taxonomy=taxonomy).explain(site, model.classify([site])[0], model)
    assert why.score == pytest.approx(float(trees.predict(row, output_margin=True)[0]), abs=1e-5)
