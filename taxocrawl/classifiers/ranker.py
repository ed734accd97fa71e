"""The default classifier: candidates from many sources, ordered by gradient-boosted trees."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xgboost
from numpy.typing import NDArray

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.keywords import KeywordIndex
from taxocrawl.classifiers.linear import LinearHead
from taxocrawl.classifiers.model_folder import Arrays, Manifest, ModelFolder, load_model
from taxocrawl.classifiers.neighbours import Neighbours
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.prototypes import Prototypes
from taxocrawl.classifiers.reading import field_texts, read
from taxocrawl.classifiers.scope import menu_tokens, signals
from taxocrawl.classifiers.sources import Sources
from taxocrawl.classifiers.tiers import Answer, predictions, ranking
from taxocrawl.errors import ModelError
from taxocrawl.protocols import Resources, Vectors
from taxocrawl.records import Document, PageText, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

NAME = "ranker"

# A site's first page is its home page, which says most about the site.
HOME_WEIGHT = 2.0


class Ranker:
    """Classifier, NodesScorer, WordScorer and FeatureScorer of one taxonomy."""

    def __init__(
        self,
        *,
        taxonomy: Taxonomy,
        manifest: Manifest,
        encoder: StaticEncoder,
        sources: Sources,
        booster: xgboost.Booster,
        min_confidence: float | None = None,
    ) -> None:
        self.taxonomies = (taxonomy.name,)
        self.model_id = manifest.id
        self.manifest = manifest
        self._taxonomy = taxonomy
        self._nodes = sources.nodes
        self._encoder = encoder
        self._sources = sources
        self._booster = booster
        self._menu = menu_tokens(encoder)
        self._min_confidence = min_confidence
        self._sensitive = frozenset(taxonomy.index[i] for i in manifest.sensitive)

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        """Ranked nodes and their ancestors; () only for a document without a known word."""
        return [
            predictions(
                answer,
                self.manifest.tiers,
                self._nodes,
                taxonomy=self._taxonomy.name,
                classifier=NAME,
                model_id=self.model_id,
                min_confidence=self._min_confidence,
                sensitive=self._sensitive,
            )
            for answer in self.answers(documents)
        ]

    def score(
        self, documents: Sequence[Document], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """Confidence of the node for each document, as `classify` would give it."""
        return self.score_nodes(documents, taxonomy, [node_id])[:, 0]

    def score_nodes(
        self, documents: Sequence[Document], taxonomy: str, node_ids: Sequence[str]
    ) -> NDArray[np.float64]:
        """Confidence of several nodes for each document, (n_documents, n_nodes)."""
        positions = [self._position(taxonomy, node_id) for node_id in node_ids]
        shares, _, _ = self._shares(documents)
        confidences = self.manifest.tiers.confidences(shares, self._nodes)
        return confidences[:, positions].astype(np.float64)

    def answers(self, documents: Sequence[Document]) -> list[Answer]:
        """Ranked nodes, and confidences of all nodes, of each document."""
        shares, scores, in_scope = self._shares(documents)
        confidences = self.manifest.tiers.confidences(shares, self._nodes)
        return [
            Answer(
                ranked=ranking(scores[row], shares[row], self._nodes),
                confidences=confidences[row],
                in_scope=bool(in_scope[row] >= self.manifest.scope.least),
            )
            for row in range(len(documents))
        ]

    def word_scores(
        self, document: Document, words: Sequence[str], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """What a word adds to the linear head's logit of the node, at the scale of one token."""
        weights = self._sources.linear.node_weights(
            self._position(taxonomy, node_id), self._encoder.token_vectors
        )
        ids = self._encoder.tokenize(list(words))
        return np.array([float(weights[word].sum()) for word in ids], dtype=np.float64)

    def feature_contributions(
        self, document: Document, taxonomy: str, node_id: str
    ) -> tuple[tuple[tuple[str, float, float], ...], float]:
        """SHAP values of the ranker's features on the document's first page, and the base value.

        ((), 0.0) for a node that was no candidate of that page: no margin was made.
        """
        node = self._position(taxonomy, node_id)
        reading = read([field_texts(document.pages[0])], self._encoder)
        pairs = self._sources.pairs(reading, self.manifest.n_candidates)
        places = np.flatnonzero(pairs.candidates[0] == node)
        if len(places) == 0:
            return (), 0.0
        values = pairs.features[0, places[:1]]
        contributions = self._booster.predict(xgboost.DMatrix(values), pred_contribs=True)[0]
        named = zip(self.manifest.feature_names, values[0], contributions[:-1], strict=True)
        return (
            tuple((name, float(value), float(weight)) for name, value, weight in named),
            float(contributions[-1]),
        )

    def _position(self, taxonomy: str, node_id: str) -> int:
        if taxonomy != self._taxonomy.name:
            raise ModelError(f"{NAME} answers in {self._taxonomy.name}, not in {taxonomy}")
        return self._taxonomy.index[self._taxonomy[node_id].id]

    def _shares(self, documents: Sequence[Document]) -> tuple[Vectors, Vectors, Vectors]:
        """Of each document: share of each node, the same in logarithms, and how like a page with a
        topic its likeliest page is.

        Each page is read once, however many documents hold it, and pages vote.
        """
        pages: dict[int, PageText] = {id(page): page for d in documents for page in d.pages}
        position = {key: i for i, key in enumerate(pages)}
        of_pages, in_scope = self._page_shares(tuple(pages.values()))
        shares = np.zeros((len(documents), len(self._nodes)), dtype=np.float32)
        likeliest = np.zeros(len(documents), dtype=np.float32)
        for row, document in enumerate(documents):
            rows = [position[id(page)] for page in document.pages]
            weights = np.ones(len(rows), dtype=np.float32)
            weights[:1] = HOME_WEIGHT
            weights *= of_pages[rows].any(axis=1)  # a page without words does not vote
            if weights.sum() > 0:
                shares[row] = weights @ of_pages[rows] / weights.sum()
                likeliest[row] = in_scope[rows].max()
        return shares, np.log(shares + 1e-12), likeliest

    def _page_shares(self, pages: Sequence[PageText]) -> tuple[Vectors, Vectors]:
        if not pages:
            return np.zeros((0, len(self._nodes)), np.float32), np.zeros(0, np.float32)
        reading = read([field_texts(page) for page in pages], self._encoder)
        pairs = self._sources.pairs(reading, self.manifest.n_candidates)
        margins = margins_of(self._booster, pairs.features)
        shares = spread(margins, pairs.candidates, self.manifest.temperature, len(self._nodes))
        shares[~reading.present.any(axis=1)] = 0
        found = signals(reading, pairs.features, margins, self._menu)
        return shares, self.manifest.scope.probabilities(found)


def margins_of(booster: xgboost.Booster, features: Vectors) -> Vectors:
    """The ranker's margin of every pair, (n_pages, n_candidates)."""
    flat = features.reshape(-1, features.shape[2])
    margins: Vectors = booster.inplace_predict(flat, predict_type="margin")
    return margins.reshape(features.shape[:2])


def spread(
    margins: Vectors, candidates: NDArray[np.int64], temperature: float, n_nodes: int
) -> Vectors:
    """Softmax of the margins over each page's candidates, zeros elsewhere: (n_pages, n_nodes)."""
    scaled = margins / temperature
    weights = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    shares = np.zeros((len(margins), n_nodes), dtype=np.float32)
    np.put_along_axis(shares, candidates, weights.astype(np.float32), axis=1)
    return shares


def create(resources: Resources) -> Ranker:
    """The ranker of the chosen model."""
    folder = resources.model_folder()
    # The manifest names the taxonomy, so it is read before the rest is checked against it.
    from taxocrawl.classifiers.model_folder import read_manifest

    taxonomy = resources.taxonomy(read_manifest(folder).taxonomy)
    model = load_model(folder, taxonomy)
    return build(model, taxonomy, min_confidence=resources.settings.min_confidence)


def build(model: ModelFolder, taxonomy: Taxonomy, *, min_confidence: float | None = None) -> Ranker:
    """The ranker of a loaded model folder."""
    encoder = StaticEncoder(model.encoder, name=model.manifest.encoder)
    return Ranker(
        taxonomy=taxonomy,
        manifest=model.manifest,
        encoder=encoder,
        sources=sources_of(model.arrays, taxonomy),
        booster=model.ranker,
        min_confidence=min_confidence,
    )


def sources_of(arrays: Mapping[str, Arrays], taxonomy: Taxonomy) -> Sources:
    """Sources from the arrays of a model folder."""
    prototypes, neighbours = arrays["prototypes"], arrays["neighbours"]
    return Sources(
        nodes=NodeArrays(taxonomy),
        linear=LinearHead(arrays["linear"]),
        prototypes=Prototypes(
            vectors=prototypes["vectors"].astype(np.float32),
            nodes=prototypes["nodes"].astype(np.int64),
            kinds=prototypes["kinds"].astype(np.int64),
            page_centre=prototypes["page_centre"].astype(np.float32),
            n_nodes=len(taxonomy),
        ),
        neighbours=Neighbours(
            neighbours["vectors"].astype(np.float32),
            neighbours["labels"].astype(np.int64),
            len(taxonomy),
        ),
        keywords=KeywordIndex.of(taxonomy),
        log_prior=arrays["linear"]["log_prior"].astype(np.float32),
    )


def sensitive_nodes(taxonomy: Taxonomy) -> Iterable[str]:
    """Ids of nodes that need a higher bar: the taxonomy flags them."""
    return (node.id for node in taxonomy if "sensitive" in node.flags)
