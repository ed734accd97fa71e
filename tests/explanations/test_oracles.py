"""Our own small implementations beside the packages that everybody knows: shap and lime."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from taxocrawl.explanations.lime import Lime
from taxocrawl.extraction import documents
from taxocrawl.plugins import loading
from taxocrawl.settings import Settings

pytestmark = [pytest.mark.oracles, pytest.mark.slow]

TEXT = (
    "The league match ended after a late goal; fans of the football club sang until the stadium "
    "closed, and the manager praised his young striker and the whole squad"
)


@pytest.fixture(scope="module")
def ranker():
    registry = loading.load(Settings())
    return registry.classifier("ranker")


@pytest.fixture(scope="module")
def page(ranker):
    site = documents.from_text("club", text=TEXT, title="Football news: match report")
    [answer] = ranker.classify([site])
    first = next(p for p in answer if p.rank == 1)
    return site, first.taxonomy, first.node_id


def shap_explainer(ranker):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba's and shap's own
        import shap

        return shap.TreeExplainer(ranker._booster)


def test_shap_values_of_the_shipped_model_are_those_of_the_package(ranker, page):
    contributions, base = ranker.feature_contributions(*page)
    values = np.array([[value for _, value, _ in contributions]], dtype=np.float32)
    explainer = shap_explainer(ranker)
    theirs = explainer.shap_values(values)[0]
    assert [weight for _, _, weight in contributions] == pytest.approx(theirs.tolist(), abs=1e-4)
    assert base == pytest.approx(float(np.ravel(explainer.expected_value)[0]), abs=1e-4)
    margin = ranker._booster.inplace_predict(values, predict_type="margin")[0]
    assert base + sum(w for _, _, w in contributions) == pytest.approx(float(margin), abs=1e-4)


def test_interaction_values_are_those_of_the_package_and_rows_sum_to_contributions(ranker, page):
    names, table, base = ranker.feature_interactions(*page)
    contributions, own_base = ranker.feature_contributions(*page)
    weights = [weight for _, _, weight in contributions]
    assert names == tuple(name for name, _, _ in contributions)
    assert table.sum(axis=1) == pytest.approx(weights, abs=1e-4)
    assert table == pytest.approx(table.T, abs=1e-5)
    assert base == pytest.approx(own_base, abs=1e-4)
    values = np.array([[value for _, value, _ in contributions]], dtype=np.float32)
    theirs = shap_explainer(ranker).shap_interaction_values(values)[0]
    assert table == pytest.approx(theirs, abs=1e-4)


def test_lime_weighs_words_as_the_package_does(toys, document, taxonomy):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lime.lime_text import LimeTextExplainer

    weights = {"goal": 0.25, "league": 0.15, "striker": 0.1, "recipe": -0.2, "oven": -0.05}
    text = "goal league striker recipe oven one two three four five six seven"
    model = toys.screening(weights, base=0.3)
    site = document(text)
    [own] = Lime(seed=0, taxonomy=taxonomy, samples=2000).explain(
        site, model.classify([site])[0], model
    )
    ours = {a.name: a.weight for a in own.attributions}

    def probabilities(texts):
        one = model.score([document(t) for t in texts], "toy", "2")
        return np.stack([1 - one, one], axis=1)

    explainer = LimeTextExplainer(random_state=0, bow=True)
    told = explainer.explain_instance(text, probabilities, num_features=12, num_samples=2000)
    theirs = dict(told.as_list())
    for word in weights:
        assert ours[word] == pytest.approx(theirs[word], abs=0.02), word
    assert own.fidelity == pytest.approx(told.score, abs=0.05)


def test_two_runs_of_ours_are_equal_where_the_package_needs_a_seed(toys, document, taxonomy):
    model = toys.screening({"goal": 0.4})
    site = document("goal one two three")
    asked = model.classify([site])[0]
    first, second = (
        replace(Lime(seed=0, taxonomy=taxonomy).explain(site, asked, model)[0], seconds=0.0)
        for _ in range(2)
    )
    assert first == second
