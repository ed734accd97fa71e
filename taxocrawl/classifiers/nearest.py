"""Zero-shot: the node whose texts are nearest to the page. Needs no labelled page."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.keywords import KeywordIndex
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.prototypes import KINDS, Prototypes
from taxocrawl.classifiers.reading import field_texts, read, unit
from taxocrawl.classifiers.sources import page_vectors
from taxocrawl.classifiers.tiers import Answer, Tiers, predictions, ranking
from taxocrawl.classifiers.voting import distinct_pages, votes
from taxocrawl.errors import TaxonomyError
from taxocrawl.protocols import Encoder, Resources, Vectors
from taxocrawl.records import FIELD_NAMES, Document, PageText, Prediction
from taxocrawl.taxonomies.tree import PATH_SEPARATOR, Taxonomy

NAME = "nearest"

# Share of each kind of prototype in a node's score, and of the keywords found.
KIND_SHARES: Mapping[str, float] = {"name": 0.3, "keywords": 0.35, "example": 0.35}
TITLE_SHARE = 0.35
KEYWORD_SHARE = 0.06
# Softmax over nodes of scores that lie within a few tenths of each other.
SHARPNESS = 25.0
# A rival in that softmax that stands for "none of these": on 25 demo sites against own taxonomies
# of 1 to 12 nodes right answers scored 0.27 to 0.70, wrong ones up to 0.34 and mostly under 0.25.
NONE_SCORE = 0.3
# The mean of a few nodes' texts lies so near to each of them that nothing is left of them without
# it (one node: all scores near 0.1); their texts are then centred as those of BACKGROUND are.
FEW_NODES = 100
BACKGROUND = "iab-3.1"

TIERS = Tiers(thresholds=(0.5, 0.5, 0.5, 0.5))


class Nearest:
    """Classifier and Scorer over any number of taxonomies."""

    def __init__(
        self,
        encoder: Encoder,
        taxonomies: Sequence[Taxonomy],
        *,
        background: Taxonomy | None = None,
        min_confidence: float | None = None,
    ) -> None:
        self.taxonomies = tuple(taxonomy.name for taxonomy in taxonomies)
        self.model_id = f"{NAME}-{encoder.name}"
        self._encoder = encoder
        self._trees = {taxonomy.name: taxonomy for taxonomy in taxonomies}
        self._known: dict[str, _Known] = {}
        self._background = background
        self._min_confidence = min_confidence

    def classify(self, documents: Sequence[Document]) -> list[tuple[Prediction, ...]]:
        """Ranked nodes of every taxonomy, one taxonomy after the other."""
        return self.classify_in(documents, self.taxonomies)

    def classify_in(
        self, documents: Sequence[Document], taxonomies: Sequence[str]
    ) -> list[tuple[Prediction, ...]]:
        """The same of these taxonomies alone."""
        found: list[tuple[Prediction, ...]] = [() for _ in documents]
        for name in taxonomies:
            known = self._knowledge(name)
            shares = known.shares(documents, self._encoder)
            confidences = TIERS.confidences(shares, known.nodes)
            for row in range(len(documents)):
                ranked = ranking(shares[row], shares[row], known.nodes)
                found[row] += predictions(
                    Answer(ranked=ranked, confidences=confidences[row]),
                    TIERS,
                    known.nodes,
                    taxonomy=name,
                    classifier=NAME,
                    model_id=self.model_id,
                    min_confidence=self._min_confidence,
                )
        return found

    def score(
        self, documents: Sequence[Document], taxonomy: str, node_id: str
    ) -> NDArray[np.float64]:
        """Share of the node's subtree for each document."""
        known = self._knowledge(taxonomy)
        node = known.taxonomy.index[known.taxonomy[node_id].id]
        confidences = TIERS.confidences(known.shares(documents, self._encoder), known.nodes)
        return confidences[:, node].astype(np.float64)

    def _knowledge(self, name: str) -> "_Known":
        """Made when first asked for: a run may want one of several taxonomies from here."""
        if name not in self._trees:
            raise TaxonomyError(f"{NAME} was not made for taxonomy {name!r}")
        if name not in self._known:
            centre = self._centre() if len(self._trees[name]) < FEW_NODES else None
            self._known[name] = _Known(self._trees[name], self._encoder, centre)
        return self._known[name]

    def _centre(self) -> Vectors | None:
        """Mean of the paths of a taxonomy that is about everything."""
        tree = self._background
        if tree is None:
            return None
        paths = [tree.path(node_id).replace(PATH_SEPARATOR, ", ") for node_id in tree.ids]
        centre: Vectors = self._encoder.encode(paths).mean(axis=0)
        return centre


class _Known:
    """What is computed once for a taxonomy."""

    def __init__(self, taxonomy: Taxonomy, encoder: Encoder, centre: Vectors | None) -> None:
        self.taxonomy = taxonomy
        self.nodes = NodeArrays(taxonomy)
        self.prototypes = Prototypes.of(taxonomy, encoder, page_centre=centre, centre=centre)
        self.keywords = KeywordIndex.of(taxonomy)

    def shares(self, documents: Sequence[Document], encoder: Encoder) -> Vectors:
        """Softmax over nodes, mean over a document's pages, (n_documents, n_nodes)."""
        pages, places = distinct_pages(documents)
        of_pages = self._page_shares(pages, encoder)
        result = np.zeros((len(documents), len(self.nodes)), dtype=np.float32)
        for row, rows in enumerate(places):
            weights = votes(of_pages[rows])
            if weights.sum() > 0:
                result[row] = weights @ of_pages[rows] / weights.sum()
        return result

    def _page_shares(self, pages: Sequence[PageText], encoder: Encoder) -> Vectors:
        if not pages:
            return np.zeros((0, len(self.nodes)), dtype=np.float32)
        reading = read([field_texts(page) for page in pages], encoder)
        scores = zero_shot_scores(
            self.prototypes,
            page_vectors(reading),
            reading.vectors[:, FIELD_NAMES.index("title")],
            self.keywords.scores(reading.texts),
        )
        highest = scores.max(axis=1, keepdims=True)
        weights = np.exp(SHARPNESS * (scores - highest))
        none = np.exp(SHARPNESS * (NONE_SCORE - highest))
        shares: Vectors = weights / (weights.sum(axis=1, keepdims=True) + none)
        shares[~reading.present.any(axis=1)] = 0
        return shares


def zero_shot_scores(
    prototypes: Prototypes, vectors: Vectors, titles: Vectors, keywords: Vectors
) -> Vectors:
    """Likeness of pages to nodes, (n_pages, n_nodes): cosines of page and title, keyword weight."""
    shares = np.array([KIND_SHARES[kind] for kind in KINDS], dtype=np.float32)
    own = np.tensordot(shares, prototypes.similarities(unit(vectors)), axes=1)
    title = np.tensordot(shares, prototypes.similarities(titles), axes=1)
    result: Vectors = own + TITLE_SHARE * title + KEYWORD_SHARE * keywords
    return result


def create(resources: Resources) -> Nearest:
    """The zero-shot classifier of all taxonomies that the settings name."""
    settings = resources.settings
    return Nearest(
        resources.encoder(),
        [resources.taxonomy(name) for name in settings.taxonomies],
        background=resources.taxonomy(BACKGROUND),
        min_confidence=settings.min_confidence,
    )
