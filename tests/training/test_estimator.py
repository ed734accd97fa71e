"""RankerClassifier as scikit-learn uses it, on the shipped model."""

import pickle

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

import pandas
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

import taxocrawl

pytestmark = [pytest.mark.torch, pytest.mark.slow]

DENTISTS = [
    "We fill and whiten your teeth",
    "Dental check-ups and implants",
    "Orthodontics and braces for teens",
    "Root canals without fear",
]
BICYCLES = [
    "Repair of brakes and gears for road bikes",
    "Cargo bikes to try on Saturday",
    "Helmets, tyres and tubes",
    "A bicycle for every commuter",
]
TEXTS = [*DENTISTS, *BICYCLES]
CLASSES = ["dentists"] * 4 + ["bicycle shops"] * 4


@pytest.fixture(scope="module")
def fitted() -> taxocrawl.RankerClassifier:
    return taxocrawl.RankerClassifier().fit(TEXTS, CLASSES)


def test_it_predicts_the_classes_it_was_fitted_on(fitted: taxocrawl.RankerClassifier) -> None:
    assert fitted.classes_.tolist() == ["bicycle shops", "dentists"]
    found = fitted.predict(["My tooth hurts", {"title": "Mountain bike, full suspension"}])
    assert found.tolist() == ["dentists", "bicycle shops"]
    assert fitted.score(TEXTS, CLASSES) == 1


def test_probabilities_sum_to_one_even_of_nothing(fitted: taxocrawl.RankerClassifier) -> None:
    found = fitted.predict_proba(["", "My tooth hurts"])
    assert found.shape == (2, 2)
    assert np.allclose(found.sum(axis=1), 1)
    assert found[0].tolist() == [0.5, 0.5]
    assert found[1, 1] > 0.7


def test_a_data_frame_is_read_by_column(fitted: taxocrawl.RankerClassifier) -> None:
    frame = pandas.DataFrame({"title": ["Smile", None], "text": ["braces", "a bike"], "n": [1, 2]})
    assert fitted.predict(frame).tolist() == ["dentists", "bicycle shops"]


def test_it_is_cloned_and_pickled(fitted: taxocrawl.RankerClassifier) -> None:
    twin = clone(taxocrawl.RankerClassifier(epochs=4, taxonomy="iab"))
    assert twin.get_params() == {
        "encoder": None,
        "epochs": 4,
        "random_state": 0,
        "taxonomy": "iab",
    }
    again = pickle.loads(pickle.dumps(fitted))
    assert (again.predict_proba(TEXTS) == fitted.predict_proba(TEXTS)).all()


def test_cross_validation_grid_search_and_pipelines_work() -> None:
    whole = make_pipeline(FunctionTransformer(list), taxocrawl.RankerClassifier(epochs=2))
    scores = cross_val_score(whole, np.array(TEXTS, dtype=object), CLASSES, cv=2)
    assert scores.mean() > 0.6
    search = GridSearchCV(taxocrawl.RankerClassifier(), {"epochs": [1]}, cv=2, refit=False)
    assert search.fit(TEXTS, CLASSES).best_params_ == {"epochs": 1}


@pytest.mark.parametrize(
    ("texts", "labels", "says"),
    [
        (TEXTS, ["dentists"] * 8, "one label"),
        (TEXTS, CLASSES[:-1], "inconsistent numbers"),
        ("one text", ["a"], "X is one text"),
        ([1.0, 2.0], ["a", "b"], "neither a text"),
        ([{"n": 1}, "x"], ["a", "b"], r"X\[0\] has none of"),
        (["", "x"], ["a", "b"], "no text"),
        (TEXTS, np.linspace(0, 1, 8), "Unknown label type"),
    ],
)
def test_what_cannot_be_fitted_is_a_value_error(texts: object, labels: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        taxocrawl.RankerClassifier().fit(texts, labels)


def test_it_must_be_fitted_first() -> None:
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        taxocrawl.RankerClassifier().predict(TEXTS)


@pytest.mark.parametrize(
    "check",
    [
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_estimator_tags_renamed",
        "check_get_params_invariance",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_set_params",
        "check_valid_tag_types",
    ],
)
def test_scikit_learns_own_checks_without_numbers_pass(check: str) -> None:
    # Those that fit need rows of numbers.
    run = getattr(estimator_checks, check)
    run("RankerClassifier", taxocrawl.RankerClassifier())


def test_fitting_changes_no_parameter(fitted: taxocrawl.RankerClassifier) -> None:
    assert fitted.get_params() == taxocrawl.RankerClassifier().get_params()
    found = fitted.predict_proba(TEXTS)
    assert (fitted.predict(TEXTS) == fitted.classes_[found.argmax(axis=1)]).all()


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="Rankerr"):
        taxocrawl.Rankerr  # noqa: B018
