"""The linear head of the model by itself: its weights explain it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.linear import LinearHead, log_softmax
from taxocrawl.classifiers.model_folder import load_model, read_manifest
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.reading import field_texts, read
from taxocrawl.classifiers.tiers import Answer, Tiers, predictions, ranking
from taxocrawl.errors import ModelError
from taxocrawl.protocols import Resources, Vectors
from taxocrawl.records import Document, Prediction
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.taxonomies.user_file import taxonomy_of_model

NAME = "linear"
TIERS = Tiers(thresholds=(0.5,))


class Linear:
    """Classifier, Scorer and WordScorer of one taxonomy."""

    def __init__(
        self,
        *,
        taxonomy: Taxonomy,
        encoder: StaticEncoder,
        head: LinearHead,
        model_id: str,
        min_confidence: float | None = None,
    ) -> None:
        self.taxonomies = (taxonomy.name,)
        self.model_id = f"{model_id}-{NAME}"
        self._taxonomy, self._encoder, self._head = taxonomy, encoder, head
        self._nodes = NodeArrays(taxonomy)
        self._min_confidence = min_confidence

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        """Ranked nodes and their ancestors."""
        shares = self._shares(documents)
        confidences = TIERS.confidences(shares, self._nodes)
        return [
            predictions(
                Answer(ranked=ranking(of, of, self._nodes), confidences=confidences[row]),
                TIERS,
                self._nodes,
                taxonomy=self._taxonomy.name,
                classifier=NAME,
                model_id=self.model_id,
                min_confidence=self._min_confidence,
            )
            for row, of in enumerate(shares)
        ]

    def score(
        self, documents: Sequence[Document], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """Share of the node's subtree for each document."""
        node = self._position(taxonomy, node_id)
        confidences = TIERS.confidences(self._shares(documents), self._nodes)
        return confidences[:, node].astype(np.float64)

    def word_scores(
        self, document: Document, words: Sequence[str], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """What a word adds to the node's logit, at the scale of one token."""
        table = self._encoder.token_vectors
        weights = self._head.node_weights(self._position(taxonomy, node_id), table)
        ids = self._encoder.tokenize(list(words))
        return np.array([float(weights[word].sum()) for word in ids], dtype=np.float64)

    def _position(self, taxonomy: str, node_id: str) -> int:
        if taxonomy != self._taxonomy.name:
            raise ModelError(f"{NAME} answers in {self._taxonomy.name}, not in {taxonomy}")
        return self._taxonomy.index[self._taxonomy[node_id].id]

    def _shares(self, documents: Sequence[Document]) -> Vectors:
        """Mean over the pages that have words, (n_documents, n_nodes)."""
        result = np.zeros((len(documents), len(self._nodes)), dtype=np.float32)
        for row, document in enumerate(documents):
            reading = read([field_texts(page) for page in document.pages], self._encoder)
            spoken = reading.present.any(axis=1)
            if spoken.any():
                result[row] = np.exp(log_softmax(self._head.logits(reading)))[spoken].mean(axis=0)
        return result


def create(resources: Resources) -> Linear:
    """The linear head of the chosen model."""
    folder = resources.model_folder()
    read_manifest(folder)
    taxonomy = resources.taxonomy(taxonomy_of_model(folder))
    model = load_model(folder, taxonomy)
    return Linear(
        taxonomy=taxonomy,
        encoder=StaticEncoder(model.encoder, name=model.manifest.encoder),
        head=LinearHead(model.arrays["linear"]),
        model_id=model.manifest.id,
        min_confidence=resources.settings.min_confidence,
    )
