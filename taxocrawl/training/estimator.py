"""The default classifier as a scikit-learn estimator."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from taxocrawl.classifiers.ranker import Ranker
from taxocrawl.errors import TaxocrawlError
from taxocrawl.records import Document
from taxocrawl.taxonomies import formats, search
from taxocrawl.taxonomies.tree import Node, Taxonomy
from taxocrawl.training import own_fit
from taxocrawl.training.dataset import LabelledPage
from taxocrawl.training.extra import needs
from taxocrawl.training.own_labels import FIELDS, merged, own_pages, page_of
from taxocrawl.training.transfer import Base

READ_AT_ONCE = 256
_KNOWN = frozenset((*FIELDS, "url", "domain", "language"))


class RankerClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Texts to classes, by the encoder and ranker of the shipped model.

    X is a sequence of strings, of mappings with any of text, title, description, headings, url and
    domain (whose texts then stay in one fold of the inner cross-validation), or a data frame of
    such columns. Classes may be any labels; their words help, so names do better than numbers.

    `taxonomy`: name or file of a taxonomy in which `y` names nodes (by id, name or path); None: the
    classes themselves are one. `epochs`: passes of the linear head, None: by the number of texts.
    """

    def __init__(
        self,
        *,
        taxonomy: str | None = None,
        encoder: str | None = None,
        epochs: int | None = None,
        random_state: int = 0,
    ) -> None:
        self.taxonomy = taxonomy
        self.encoder = encoder
        self.epochs = epochs
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "RankerClassifier":  # noqa: N803 - scikit-learn's name
        """Train; ValueError where the texts or classes cannot be trained on."""
        needs("torch", "RankerClassifier")
        rows, labels = _rows(X), np.asarray(y)
        if labels.ndim != 1:
            raise ValueError(f"y has the shape {labels.shape}; it should be one label a text")
        check_consistent_length(rows, labels)
        check_classification_targets(labels)
        self.classes_ = np.unique(labels)
        try:
            self.taxonomy_ = self._tree()
            self.node_ids_ = self._node_ids()
            of_label = dict(zip(self.classes_.tolist(), self.node_ids_, strict=True))
            pages = own_pages(rows, [[of_label[label]] for label in labels.tolist()])
            self.trained_ = self._trained(merged(pages).pages)
        except TaxocrawlError as error:
            raise ValueError(str(error)) from error
        self._ranker: Ranker | None = None
        return self

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The likeliest class of each text."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[likeliest]
        return found

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Probability of each class, (n_texts, n_classes), even where a text has no known word."""
        check_is_fitted(self, "trained_")
        rows = _rows(X)
        places = [self.taxonomy_.index[node_id] for node_id in self.node_ids_]
        result = np.zeros((len(rows), len(places)), dtype=np.float64)
        for start in range(0, len(rows), READ_AT_ONCE):
            part = rows[start : start + READ_AT_ONCE]
            result[start : start + len(part)] = self._shares(part)[:, places]
        totals = result.sum(axis=1, keepdims=True)
        result[totals[:, 0] <= 0] = 1 / len(places)
        return result / result.sum(axis=1, keepdims=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # Tokenizer and keyword automaton are rebuilt, not pickled.
        return {**super().__getstate__(), "_ranker": None}

    def _tree(self) -> Taxonomy:
        if self.taxonomy is not None:
            return formats.load(self.taxonomy)
        return Taxonomy(
            "classes",
            [Node(id=str(c), parent_id=None, name=str(c), tier=1) for c in self.classes_.tolist()],
        )

    def _node_ids(self) -> list[str]:
        if self.taxonomy is None:
            return list(self.taxonomy_.ids)
        return [search.find(self.taxonomy_, str(label)) for label in self.classes_.tolist()]

    def _trained(self, pages: Sequence[LabelledPage]) -> own_fit.Trained:
        # One of the classes is always the answer, so there is nothing to refuse.
        plan = replace(own_fit.own_plan(len(pages), len(self.taxonomy_)), noise_per_kind=0)
        if self.epochs is not None:
            plan = replace(plan, linear=replace(plan.linear, epochs=self.epochs))
        return own_fit.train(
            _base(self.encoder),
            self.taxonomy_,
            pages,
            plan=plan,
            seed=self.random_state,
            progress=lambda line: None,
        )

    def _shares(self, rows: Sequence[Mapping[str, str]]) -> NDArray[np.float32]:
        ranker: Ranker | None = getattr(self, "_ranker", None)
        if ranker is None:
            ranker = own_fit.ranker_of(self.trained_, _base(self.encoder), self.taxonomy_)
            self._ranker = ranker
        pages = [page_of(row) for row in rows]
        return ranker.shares([Document(id="", domain="", pages=(page,)) for page in pages])


@functools.lru_cache(maxsize=2)
def _base(encoder: str | None) -> Base:
    """Loaded once a process: a grid search fits many times."""
    return own_fit.shipped(None if encoder is None else Path(encoder))


def _rows(texts: Any) -> list[Mapping[str, str]]:
    """Rows of fields; ValueError says what they are instead."""
    if hasattr(texts, "to_dict") and hasattr(texts, "columns"):
        texts = texts.to_dict("records")
    if isinstance(texts, str | bytes | Mapping):
        raise ValueError("X is one text; give a sequence of texts")
    return [_row(text, place) for place, text in enumerate(texts)]


def _row(text: object, place: int) -> Mapping[str, str]:
    if isinstance(text, str):
        return {"text": text}
    if isinstance(text, Mapping):
        if not text.keys() & set(FIELDS):
            raise ValueError(f"X[{place}] has none of {', '.join(FIELDS)}")
        return {name: str(text[name]) for name in _KNOWN & text.keys() if text[name] is not None}
    raise ValueError(f"X[{place}] is {type(text).__name__}, neither a text nor fields of one")
