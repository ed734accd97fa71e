"""Training of the model of forms: words first, cross-fitted, then trees over words and shape."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from taxocrawl.classifiers import form_features
from taxocrawl.classifiers.form import FORMS
from taxocrawl.classifiers.linear import log_softmax
from taxocrawl.classifiers.reading import Reading
from taxocrawl.classifiers.token_bags import BAGS, TokenBags, distinct
from taxocrawl.extraction.structure import ELEMENTS, MARKS
from taxocrawl.protocols import Vectors
from taxocrawl.records import Document
from taxocrawl.training.evaluate import calibration_error

Ints = NDArray[np.int64]

COUNTS = (*ELEMENTS, *(f"~{mark}" for mark in MARKS))


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPlan:
    """What was chosen by cross-validation on the train pages."""

    n_folds: int = 4
    strength: float = 10.0
    """Inverse of the words' L2 penalty: 3, 10 and 30 are within .004."""
    dense_strength: float = 6.0
    trees: int = 72
    depth: int = 4
    rate: float = 0.13


@dataclass(frozen=True, slots=True, kw_only=True)
class FormFit:
    """The trained parts, and what cross-validation says of them."""

    arrays: Mapping[str, NDArray[np.generic]]
    booster: xgboost.Booster
    temperature: float
    metrics: Mapping[str, float]


def fit(
    documents: Sequence[Document],
    reading: Reading,
    labels: Ints,
    folds: Ints,
    n_tokens: int,
    *,
    plan: FormPlan,
    seed: int,
) -> FormFit:
    """`labels` are places in FORMS; `folds` keep a site's pages together."""
    features = form_features.matrix(documents, COUNTS)
    bags = _Bags(reading, n_tokens)
    words = np.zeros((len(labels), 2 * len(FORMS)), dtype=np.float32)
    for fold in range(plan.n_folds):
        rows = np.flatnonzero(folds == fold)
        arrays = bags.fit(np.flatnonzero(folds != fold), labels, plan)
        words[rows] = TokenBags(arrays, n_tokens).log_shares(_subset(reading, rows))
    table = np.concatenate([words, features], axis=1)
    margins = np.zeros((len(labels), len(FORMS)), dtype=np.float32)
    for fold in range(plan.n_folds):
        rows = np.flatnonzero(folds == fold)
        booster = _trees(table, labels, np.flatnonzero(folds != fold), plan, seed)
        margins[rows] = booster.inplace_predict(table[rows], predict_type="margin")
    temperature = _temperature(margins, labels)
    everything = np.arange(len(labels))
    return FormFit(
        arrays=bags.fit(everything, labels, plan),
        booster=_trees(table, labels, everything, plan, seed),
        temperature=temperature,
        metrics=_metrics(documents, margins / temperature, words, labels),
    )


class _Bags:
    """The token bags of all pages as sparse matrices."""

    def __init__(self, reading: Reading, n_tokens: int) -> None:
        n = len(reading.texts)
        self._vectors = reading.vectors.reshape(n, -1)
        self._bags = []
        for fields in BAGS:
            found = [distinct(reading, page, fields) for page in range(n)]
            ends = np.concatenate([[0], np.cumsum([len(ids) for ids in found])])
            ones = np.ones(int(ends[-1]), dtype=np.float32)
            shape = (n, n_tokens)
            self._bags.append(sparse.csr_matrix((ones, np.concatenate(found), ends), shape=shape))

    def fit(self, chosen: Ints, labels: Ints, plan: FormPlan) -> dict[str, NDArray[np.generic]]:
        """Arrays of `TokenBags` trained on the chosen pages: tokens of three pages or more."""
        pages_of = np.asarray(self._bags[0][chosen].sum(axis=0)).ravel()
        tokens = np.flatnonzero(pages_of >= 3)
        idf = np.log(len(chosen) / pages_of[tokens]).astype(np.float32)
        parts = []
        for bag in self._bags:
            weighed = (bag[chosen][:, tokens] @ sparse.diags(idf)).tocsr()
            lengths = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
            lengths[lengths == 0] = 1
            parts.append(sparse.diags(1 / lengths) @ weighed)
        model = LogisticRegression(C=plan.strength, max_iter=40, tol=1e-3)
        dense = LogisticRegression(C=plan.dense_strength, max_iter=40, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 40 steps are as good as convergence (.001)
            model.fit(sparse.hstack(parts).tocsr(), labels[chosen])
            dense.fit(self._vectors[chosen], labels[chosen])
        weights = np.zeros((len(BAGS), len(tokens), len(FORMS)), dtype=np.float32)
        weights[:, :, model.classes_] = model.coef_.T.reshape(len(BAGS), len(tokens), -1)
        bias = np.full(len(FORMS), model.intercept_.min() - 1, dtype=np.float32)
        bias[model.classes_] = model.intercept_
        scales = np.abs(weights).max(axis=2) / 127
        scales[scales == 0] = 1
        return {
            "tokens": tokens.astype(np.int32),
            "idf": idf.astype(np.float16),
            "weights": np.round(weights / scales[:, :, None]).astype(np.int8),
            "scales": scales.astype(np.float16),
            "bias": bias,
            "dense_weights": _by_class(dense.coef_.T, dense.classes_, 0.0).astype(np.float16),
            "dense_bias": _by_class(dense.intercept_, dense.classes_, -20.0),
        }


def _by_class(values: Vectors, classes: Ints, missing: float) -> NDArray[np.float32]:
    """Values of all forms along the last axis, from those of the forms that were seen."""
    result = np.full((*values.shape[:-1], len(FORMS)), missing, dtype=np.float32)
    result[..., classes] = values
    return result


def _trees(
    table: NDArray[np.float32], labels: Ints, chosen: Ints, plan: FormPlan, seed: int
) -> xgboost.Booster:
    parameters = {
        "objective": "multi:softprob",
        "num_class": len(FORMS),
        "max_depth": plan.depth,
        "eta": plan.rate,
        "min_child_weight": 1,
        "subsample": 0.8,
        "colsample_bytree": 0.4,
        "max_bin": 64,
        "tree_method": "hist",
        "nthread": 1,
        "seed": seed,
    }
    matrix = xgboost.DMatrix(table[chosen], label=labels[chosen], nthread=1)
    return xgboost.train(parameters, matrix, num_boost_round=plan.trees)


def _temperature(margins: Vectors, labels: Ints) -> float:
    """What the margins are divided by for the smallest log-loss on held-out pages."""
    rows = np.arange(len(labels))
    tried = np.linspace(0.6, 2.0, 29)
    losses = [-log_softmax(margins / t)[rows, labels].mean() for t in tried]
    return round(float(tried[int(np.argmin(losses))]), 3)


def _metrics(
    documents: Sequence[Document], margins: Vectors, words: Vectors, labels: Ints
) -> dict[str, float]:
    shares = np.exp(log_softmax(margins))
    right = shares.argmax(axis=1) == labels
    html = np.array([bool(document.extracts) for document in documents])
    english = np.array([document.language == "en" for document in documents])
    by_tokens, by_vectors = words[:, : len(FORMS)], words[:, len(FORMS) :]
    measured = {
        "form_accuracy": right,
        "form_accuracy_with_html": right[html],
        "form_accuracy_with_html_not_english": right[html & ~english],
        "form_accuracy_by_tokens_alone": by_tokens.argmax(axis=1) == labels,
        "form_accuracy_by_vectors_alone": by_vectors.argmax(axis=1) == labels,
    }
    found = {name: float(rows.mean()) for name, rows in measured.items() if len(rows)}
    return found | {"form_calibration_error": calibration_error(shares.max(axis=1), right)}


def _subset(reading: Reading, rows: Ints) -> Reading:
    n = len(reading.token_ids) // max(1, len(reading.texts))
    return Reading(
        texts=tuple(reading.texts[row] for row in rows),
        vectors=reading.vectors[rows],
        token_ids=tuple(reading.token_ids[row * n + f] for row in rows for f in range(n)),
    )
