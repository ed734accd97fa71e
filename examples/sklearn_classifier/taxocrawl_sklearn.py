"""A classifier trained on the user's own labels: TF-IDF and logistic regression.

Options, in the table `[plugins.sklearn]` of `taxocrawl.toml`: `labels`, a CSV file with the columns
`node_id` and `text`; `taxonomy`, whose nodes they are; `threshold`, from which a node is asserted.
"""

import csv
import hashlib
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from taxocrawl.errors import SettingsError
from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.protocols import Resources
from taxocrawl.records import Document, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

TAXOCRAWL_API = 1

NAME = "sklearn"
RANKED = 10
# A page has a few hundred words and a label often ten: sublinear counts bring the two closer. C was
# not tuned; more labels than a few hundred are worth a search by cross-validation.
TFIDF = {"sublinear_tf": True, "ngram_range": (1, 2), "strip_accents": "unicode"}
C = 30.0


@dataclass(frozen=True, slots=True)
class Trained:
    """The fitted pair; `node_ids` are the classes in the order of the probabilities."""

    vectorizer: TfidfVectorizer
    regression: LogisticRegression

    @property
    def node_ids(self) -> list[str]:
        return self.regression.classes_.tolist()

    def probabilities(self, documents: Sequence[Document]) -> NDArray[np.float64]:
        """Of each class, (n_documents, n_classes); zeros for a text of which no word is known."""
        vectors = self.vectorizer.transform([document.text for document in documents])
        known = np.diff(vectors.indptr) > 0
        return self.regression.predict_proba(vectors) * known[:, None]


class SklearnClassifier:
    """Classifier and Scorer over one taxonomy."""

    def __init__(
        self, trained: Trained, taxonomy: Taxonomy, *, model_id: str, threshold: float
    ) -> None:
        self.taxonomies = (taxonomy.name,)
        self.model_id = model_id
        self._trained = trained
        self._taxonomy = taxonomy
        self._threshold = threshold
        # Row per node that is a class or lies above one, column per class below it or itself.
        lineages = [taxonomy.lineage(node_id) for node_id in trained.node_ids]
        self._nodes = list(dict.fromkeys(node for lineage in lineages for node in lineage))
        self._below = np.array([[node in line for line in lineages] for node in self._nodes])

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        """The likeliest classes and what lies above them; () where no word is known."""
        if not documents:
            return []
        probabilities = self._trained.probabilities(documents)
        confidences = probabilities @ self._below.T
        return [self._answer(*row) for row in zip(probabilities, confidences, strict=True)]

    def score(
        self, documents: Sequence[Document], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """Probability of the node or anything below it, (n_documents,)."""
        if node_id not in self._nodes:
            return np.zeros(len(documents))
        columns = self._below[self._nodes.index(node_id)]
        return self._trained.probabilities(documents) @ columns

    def _answer(
        self, probabilities: NDArray[np.float64], confidences: NDArray[np.float64]
    ) -> tuple[Prediction, ...]:
        if not probabilities.any():
            return ()
        order = np.argsort(-probabilities, kind="stable")[:RANKED]
        ranked = [self._trained.node_ids[column] for column in order]
        above = [node for node_id in ranked for node in self._taxonomy.ancestors(node_id)]
        ranks = {node_id: rank for rank, node_id in enumerate(ranked, start=1)}
        sure = dict(zip(self._nodes, np.clip(confidences, 0.0, 1.0).tolist(), strict=True))
        return tuple(
            Prediction(
                taxonomy=self._taxonomy.name,
                node_id=node_id,
                tier=self._taxonomy[node_id].tier,
                confidence=sure[node_id],
                rank=ranks.get(node_id),
                asserted=sure[node_id] >= self._threshold,
                classifier=NAME,
                model_id=self.model_id,
            )
            for node_id in dict.fromkeys((*ranked, *above))
        )


def create(resources: Resources) -> SklearnClassifier:
    """Trains on the labels, or reads what was trained on the same labels before."""
    options = resources.options
    if "labels" not in options:
        raise SettingsError(f"[plugins.{NAME}] needs `labels`, a CSV file of node_id and text")
    labels = Path(str(options["labels"]))
    taxonomy = resources.taxonomy(str(options.get("taxonomy", "iab-3.1")))
    rows = read_labels(labels, taxonomy)
    digest = hashlib.sha256(repr((rows, TFIDF, C, sklearn.__version__)).encode()).hexdigest()[:12]
    kept = labels.with_suffix(f".{digest}.npz")
    try:
        trained = read(kept)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        trained = train(rows)
        write(trained, kept)
    return SklearnClassifier(
        trained,
        taxonomy,
        model_id=f"{NAME}-{digest}",
        threshold=float(str(options.get("threshold", 0.5))),
    )


def read_labels(path: Path, taxonomy: Taxonomy) -> list[tuple[str, str]]:
    """(node_id, text) of every row; SettingsError names the file, the line and what is wrong."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row.get("node_id"), row.get("text")) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: {error}") from error
    for line, node_id, text in rows:
        if not text:
            raise SettingsError(f"{path}, line {line}: no text; the columns are node_id and text")
        if node_id not in taxonomy:
            raise SettingsError(f"{path}, line {line}: {taxonomy.name} has no node {node_id!r}")
    if len({node_id for _, node_id, _ in rows}) < 2:
        raise SettingsError(f"{path}: labels of two nodes at least are needed")
    return [(str(node_id), str(text)) for _, node_id, text in rows]


def train(rows: Sequence[tuple[str, str]]) -> Trained:
    """Deterministic: the same rows give the same numbers."""
    vectorizer = TfidfVectorizer(**TFIDF)
    vectors = vectorizer.fit_transform([text for _, text in rows])
    regression = LogisticRegression(C=C, max_iter=1000, class_weight="balanced")
    return Trained(vectorizer, regression.fit(vectors, [node_id for node_id, _ in rows]))


def write(trained: Trained, path: Path) -> None:
    """As plain arrays: no pickle, which would run whatever stands in the file."""
    own = path.with_name(f"{path.name}.{os.getpid()}")  # several workers may write at once
    with own.open("wb") as file:
        np.savez_compressed(
            file,
            words=trained.vectorizer.get_feature_names_out().astype(str),
            idf=trained.vectorizer.idf_,
            classes=trained.regression.classes_,
            weights=trained.regression.coef_,
            intercepts=trained.regression.intercept_,
        )
    own.replace(path)


def read(path: Path) -> Trained:
    """What `write` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        words = arrays["words"].tolist()
        vectorizer = TfidfVectorizer(**TFIDF, vocabulary={w: i for i, w in enumerate(words)})
        vectorizer.idf_ = arrays["idf"]
        regression = LogisticRegression()
        regression.classes_ = arrays["classes"]
        regression.coef_ = arrays["weights"]
        regression.intercept_ = arrays["intercepts"]
    return Trained(vectorizer, regression)


@hookimpl
def register_classifiers():
    return {NAME: create}
