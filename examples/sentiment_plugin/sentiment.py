"""Positive or negative: gradient-boosted trees over words and pairs of words.

Options, in the table `[plugins."file:sentiment.py"]` of `taxocrawl.toml`: `reviews`, a
Parquet file with the columns `text` and `label` to learn from beside the 200 sentences here.
"""

import csv
import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from taxocrawl import words
from taxocrawl.errors import SettingsError
from taxocrawl.plugins.hookspecs import hookimpl
from taxocrawl.protocols import Resources
from taxocrawl.records import Document, Prediction
from taxocrawl.taxonomies.tree import Node, Taxonomy

NAME = "sentiment"
SENTENCES = Path(__file__).parent / "sentences.tsv"
LABELS = ("negative", "positive")
TREES = 300
PARAMETERS = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.2, "min_child_weight": 0.2}

Rows = list[tuple[str, str]]


def terms(text: str) -> list[str]:
    """Words and pairs of neighbours."""
    single = words.words(text)
    return single + [f"{a} {b}" for a, b in itertools.pairwise(single)]


def read_sentences() -> Rows:
    """(label, text) of the 200 sentences."""
    with SENTENCES.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(row["label"], row["text"]) for row in reader]


def read_reviews(path: Path) -> Rows:
    """(label, text) of a Parquet file; rows of another split than `train` are left out."""
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
        return [(r["label"], r["text"]) for r in rows if r.get("split", "train") == "train"]
    except (OSError, KeyError, ValueError) as error:
        raise SettingsError(f"{path} holds no reviews with `text` and `label`: {error}") from error


class Sentiment:
    """Classifier and Scorer of the taxonomy `sentiment`."""

    taxonomies = (NAME,)

    def __init__(self, rows: Rows, *, seed: int = 0) -> None:
        counts = Counter(term for _, text in rows for term in set(terms(text)))
        # What stands once says nothing about another text.
        known = sorted(term for term, n in counts.items() if n > 1)
        self._column = {term: i for i, term in enumerate(known)}
        answers = np.array([label == "positive" for label, _ in rows], dtype=np.float64)
        table = xgboost.DMatrix(self._table([text for _, text in rows]), answers)
        parameters = {**PARAMETERS, "seed": seed, "nthread": 1}
        self._trees = xgboost.train(parameters, table, TREES)
        digest = hashlib.sha256(repr((rows, PARAMETERS, TREES, seed)).encode()).hexdigest()
        self.model_id = f"{NAME}-{digest[:12]}"

    def positive(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probability that each text is positive, (n,)."""
        return self._trees.inplace_predict(self._table(texts)).astype(np.float64)

    def score(
        self, documents: Sequence[Document], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """Probability of the node, (n,)."""
        found = self.positive([document.text for document in documents])
        return found if node_id == "positive" else 1.0 - found

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        """Both answers, the likelier first and asserted."""
        found = self.positive([document.text for document in documents])
        return [self._answer(float(share)) for share in found]

    def _answer(self, positive: float) -> tuple[Prediction, ...]:
        sure = {"positive": positive, "negative": 1.0 - positive}
        ordered = sorted(LABELS, key=lambda label: (-sure[label], label))
        return tuple(
            Prediction(
                taxonomy=NAME,
                node_id=label,
                tier=1,
                confidence=sure[label],
                rank=rank,
                asserted=rank == 1,
                classifier=NAME,
                model_id=self.model_id,
            )
            for rank, label in enumerate(ordered, start=1)
        )

    def _table(self, texts: Sequence[str]) -> csr_matrix:
        rows, columns = [], []
        for row, text in enumerate(texts):
            found = {self._column[term] for term in terms(text) if term in self._column}
            columns += sorted(found)
            rows += [row] * len(found)
        ones = np.ones(len(rows), dtype=np.float32)
        return csr_matrix((ones, (rows, columns)), shape=(len(texts), len(self._column)))


@hookimpl
def register_taxonomies():
    nodes = [Node(id=label, parent_id=None, name=label.title(), tier=1) for label in LABELS]
    return {NAME: lambda resources: Taxonomy(NAME, nodes)}


def create(resources: Resources) -> Sentiment:
    """Learns from the sentences and, where the option names them, from reviews: some seconds."""
    reviews = str(resources.options.get("reviews", ""))
    rows = read_sentences() + (read_reviews(Path(reviews)) if reviews else [])
    return Sentiment(rows, seed=resources.seed)


@hookimpl
def register_classifiers():
    return {NAME: create}
