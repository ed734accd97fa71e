"""What a page sells: the Google Product Taxonomy, for shops, product pages and bare names."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.node_arrays import NO_PARENT, NodeArrays
from taxocrawl.classifiers.product_model import ProductModel, load_products
from taxocrawl.classifiers.product_names import NearestNames, node_shares, plain_title
from taxocrawl.classifiers.reading import field_texts, read, with_texts
from taxocrawl.classifiers.selling import gate_vectors, signals
from taxocrawl.classifiers.tiers import N_RANKED, Answer, predictions
from taxocrawl.classifiers.voting import distinct_pages, votes
from taxocrawl.errors import ModelError
from taxocrawl.protocols import Resources, Vectors
from taxocrawl.records import Document, Extract, PageText, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

NAME = "products"
TAXONOMY = "google"
MODEL = "products"
ENCODER_MODEL = "default"

# The answer goes down to a child that holds at least this part of its parent's share. Of .4 to .9
# the best on train pages, by heads that had not seen their sites: hierarchical F1 .721, .710 at .5.
LEAST_OF_PARENT = 0.65


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """Of each document: `shares` (n_documents, n_nodes) among products, `sells` (n_documents,)."""

    shares: Vectors
    sells: Vectors


class Products:
    """Classifier, NodesScorer and WordScorer of the Google Product Taxonomy.

    Confidence of a node is the probability that the page sells at all times that of the node among
    what is sold; `titles` says that every document is the bare name of a product, which does.
    """

    def __init__(
        self,
        *,
        taxonomy: Taxonomy,
        encoder: StaticEncoder,
        model: ProductModel,
        titles: bool = False,
        min_confidence: float | None = None,
    ) -> None:
        self.taxonomies = (taxonomy.name,)
        self.model_id = model.manifest.id
        self._taxonomy, self._encoder, self._model = taxonomy, encoder, model
        self._nodes = NodeArrays(taxonomy)
        self._names = NearestNames(model.names, encoder.token_vectors, len(self._nodes))
        self._titles = titles
        self._tiers = model.manifest.title_tiers if titles else model.manifest.tiers
        self._min_confidence = min_confidence

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        """Ranked nodes and their ancestors; () only for a document without a known word."""
        found = self._read(documents)
        order = [ranked(shares, self._nodes) for shares in found.shares]
        confidences = self._confidences(found, order)
        return [
            predictions(
                Answer(ranked=order[row], confidences=confidences[row]),
                self._tiers,
                self._nodes,
                taxonomy=self._taxonomy.name,
                classifier=NAME,
                model_id=self.model_id,
                min_confidence=self._min_confidence,
            )
            for row in range(len(documents))
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
        positions = np.array(
            [self._position(taxonomy, node_id) for node_id in node_ids], dtype=np.int64
        )
        found = self._read(documents)
        of_nodes = self._confidences(found, [positions] * len(documents))
        return of_nodes[:, positions].astype(np.float64)

    def word_scores(
        self, document: Document, words: Sequence[str], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """What a word adds to the head's logit of the node, at the scale of one token."""
        node = self._position(taxonomy, node_id)
        table = self._encoder.token_vectors
        ids = self._encoder.tokenize(list(words))
        weights = self._model.head.node_weights(node, table)
        return np.array([float(weights[word].sum()) for word in ids], dtype=np.float64)

    def as_read(self, document: Document) -> Document:
        """The document without whom a thing is for: "adult", left without "unisex", says another
        thing.
        """
        return with_texts(document, [_plain_texts(page) for page in document.pages])

    def _position(self, taxonomy: str, node_id: str) -> int:
        if taxonomy != self._taxonomy.name:
            raise ModelError(f"{NAME} answers in {self._taxonomy.name}, not in {taxonomy}")
        return self._taxonomy.index[self._taxonomy[node_id].id]

    def _confidences(self, found: _Read, wanted: Sequence[NDArray[np.int64]]) -> Vectors:
        of_nodes = self._tiers.confidences_of(wanted, found.shares, self._nodes)
        result: Vectors = of_nodes * found.sells[:, None]
        return result

    def _read(self, documents: Sequence[Document]) -> _Read:
        """Each page is read once, however many documents hold it, and pages vote."""
        pages, places = distinct_pages(documents)
        extracts = {extract.url: extract for d in documents for extract in d.extracts}
        of_pages, selling = self._read_pages(pages, extracts)
        shares = np.zeros((len(documents), len(self._nodes)), dtype=np.float32)
        sells = np.zeros(len(documents), dtype=np.float32)
        for row, rows in enumerate(places):
            weights = votes(of_pages[rows])
            if weights.sum() > 0:
                shares[row] = weights @ of_pages[rows] / weights.sum()
                sells[row] = weights @ selling[rows] / weights.sum()
        return _Read(shares=shares, sells=sells)

    def _read_pages(
        self, pages: Sequence[PageText], extracts: dict[str, Extract]
    ) -> tuple[Vectors, Vectors]:
        if not pages:
            return np.zeros((0, len(self._nodes)), np.float32), np.zeros(0, np.float32)
        texts = [_plain_texts(page) for page in pages]
        reading = read(texts, self._encoder)
        shares = node_shares(self._model.head, self._names, reading)
        if self._titles:
            return shares, np.ones(len(pages), dtype=np.float32)
        table = signals(pages, extracts, self._nodes.below(np.add, shares))
        return shares, self._model.gate.probabilities(table, gate_vectors(reading))


def _plain_texts(page: PageText) -> tuple[str, ...]:
    return tuple(map(plain_title, field_texts(page)))


def ranked(shares: Vectors, nodes: NodeArrays) -> NDArray[np.int64]:
    """Positions of nodes of one document, the preferred first, from their shares (n_nodes,).

    The first is found from the likeliest root down, as far as one child holds most of its parent's
    share; the others follow by their own share.
    """
    if not shares.any():
        return np.zeros(0, dtype=np.int64)
    first, least = NO_PARENT, 0.0
    while len(nodes.children[first]):
        sums = nodes.below(np.add, shares, first)
        best = int(np.argmax(sums))
        if sums[best] <= least:
            break
        first, least = int(nodes.children[first][best]), LEAST_OF_PARENT * float(sums[best])
    top = np.arange(len(shares))
    if len(shares) > N_RANKED:
        top = np.sort(np.argpartition(-shares, N_RANKED)[:N_RANKED])
    top = top[(shares[top] > 0) & (top != first)]
    order = top[np.argsort(-shares[top], kind="stable")]
    return np.concatenate([[first], order])[:N_RANKED].astype(np.int64)


def create(resources: Resources) -> Products:
    """The shipped product model, with the encoder of the default model."""
    taxonomy = resources.taxonomy(TAXONOMY)
    home = resources.model_folder(ENCODER_MODEL)
    model = load_products(resources.model_folder(MODEL), home, taxonomy)
    shared = resources.encoder("default") if resources.model_folder() == home else None
    encoder = shared if isinstance(shared, StaticEncoder) else StaticEncoder(home / "encoder")
    return Products(
        taxonomy=taxonomy,
        encoder=encoder,
        model=model,
        titles=resources.settings.kind == "product",
        min_confidence=resources.settings.min_confidence,
    )
