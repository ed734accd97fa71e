"""The default classifier: candidates from many sources, ordered by gradient-boosted trees."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import xgboost
from numpy.typing import NDArray

from taxocrawl.classifiers.ablated_pages import Cuts, PageRead, pages_read
from taxocrawl.classifiers.ablation import PageAblation
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.keywords import KeywordIndex
from taxocrawl.classifiers.linear import LinearHead, softmax
from taxocrawl.classifiers.model_folder import Arrays, Manifest, ModelFolder, load_model
from taxocrawl.classifiers.neighbours import Neighbours
from taxocrawl.classifiers.node_arrays import NodeArrays
from taxocrawl.classifiers.prototypes import Prototypes
from taxocrawl.classifiers.reading import field_texts, read, with_texts
from taxocrawl.classifiers.scope import menu_tokens, signals
from taxocrawl.classifiers.sources import Sources
from taxocrawl.classifiers.telling_words import TellingWords
from taxocrawl.classifiers.tiers import Answer, predictions, ranking
from taxocrawl.classifiers.tree_shapley import TreeShapley, tables_of
from taxocrawl.classifiers.voting import distinct_pages, votes
from taxocrawl.errors import ModelError
from taxocrawl.protocols import Ablation, Resources, Vectors
from taxocrawl.records import Document, PageText, Prediction
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.taxonomies.user_file import taxonomy_of_model

NAME = "ranker"

# Pages of one batch that are remembered for explanations, about 40 KB each.
REMEMBERED = 512


class Ranker:
    """Classifier and all that explanations ask for, of one taxonomy.

    The pages of the last `classify` are remembered as they were read, so that explaining them reads
    none again.
    """

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
        self._telling_words = TellingWords(sources.linear, encoder)
        self._min_confidence = min_confidence
        self._sensitive = frozenset(taxonomy.index[i] for i in manifest.sensitive)
        self._last: dict[tuple[str, ...], PageRead] = {}

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
        """Ranked nodes of each document, and how sure they and those above them are."""
        shares, scores, in_scope = self._shares(documents, remember=True)
        order = [ranking(*row, self._nodes) for row in zip(scores, shares, strict=True)]
        confidences = self.manifest.tiers.confidences_of(order, shares, self._nodes)
        return [
            Answer(
                ranked=order[row],
                confidences=confidences[row],
                in_scope=bool(in_scope[row] >= self.manifest.scope.least),
            )
            for row in range(len(documents))
        ]

    def shares(self, documents: Sequence[Document]) -> Vectors:
        """Share of each single node, before calibration: (n_documents, n_nodes), sums of 1 or 0."""
        return self._shares(documents, remember=False)[0]

    def telling_words(
        self, asked: Sequence[tuple[Document, str, Sequence[str]]], *, most: int
    ) -> list[list[list[str]]]:
        """By what a word adds to the linear head's logit of a node over that of its rivals: over
        the mean of the page's candidates, weighed by their shares.
        """
        if not asked:
            return []
        pages = iter(
            self._pages_read([page for document, _, _ in asked for page in document.pages])
        )
        documents = [list(islice(pages, len(document.pages))) for document, _, _ in asked]
        homes = [home for home, *_ in documents]
        n_nodes = [len(node_ids) for _, _, node_ids in asked]
        rivals = self._rivals(
            [home for home, n in zip(homes, n_nodes, strict=True) for _ in range(n)],
            np.array([self._position(taxonomy, i) for _, taxonomy, ids in asked for i in ids]),
        )
        questions = np.split(rivals, np.cumsum(n_nodes)[:-1])
        return self._telling_words.find(documents, questions, most=most)

    def _rivals(self, pages: Sequence[PageRead], nodes: NDArray[np.int64]) -> Vectors:
        """1 for a page's candidates in a node's subtree, -1 for all others, shared among them as
        the page shares its probability: (n, n_nodes) for n pages and nodes.
        """
        candidates = np.stack([page.candidates for page in pages])
        shares = softmax(np.stack([page.margins for page in pages]) / self.manifest.temperature)
        inside = self._nodes.lies_in(candidates, nodes[:, None])
        groups = [np.where(group, shares, 0) for group in (inside, ~inside)]
        of, against = (g / np.maximum(g.sum(axis=1, keepdims=True), 1e-9) for g in groups)
        result = np.zeros((len(pages), len(self._nodes)), dtype=np.float32)
        np.put_along_axis(result, candidates, of - against, axis=1)
        lonely = np.flatnonzero(~inside.any(axis=1))
        result[lonely, nodes[lonely]] = 1
        return result

    def feature_contributions(
        self, document: Document, taxonomy: str, node_id: str
    ) -> tuple[tuple[tuple[str, float, float], ...], float]:
        """SHAP values of the ranker's features on the document's first page, and the base value.

        ((), 0.0) for a node that was no candidate of that page: no margin was made.
        """
        return self.features_contributions([(document, taxonomy, node_id)])[0]

    def features_contributions(
        self, asked: Sequence[tuple[Document, str, str]]
    ) -> list[tuple[tuple[tuple[str, float, float], ...], float]]:
        """`feature_contributions` of each document, taxonomy and node, in one call of the trees."""
        rows = [self._feature_row(*one) for one in asked]
        known = [row for row in rows if row is not None]
        if not known:
            return [((), 0.0) for _ in asked]
        contributions = iter(self._contributions(np.concatenate(known)).tolist())
        answer: list[tuple[tuple[tuple[str, float, float], ...], float]] = []
        for row in rows:
            if row is None:
                answer.append(((), 0.0))
                continue
            *weights, base_value = next(contributions)
            named = zip(self.manifest.feature_names, row[0].tolist(), weights, strict=True)
            answer.append((tuple(named), base_value))
        return answer

    def _contributions(self, features: Vectors) -> NDArray[np.floating]:
        """As the booster lays them out, (n_rows, n_features + 1), the base value last."""
        if self._tree_shapley is not None:
            return self._tree_shapley.contributions(features)
        # With more threads than this few rows need, waiting for them is most of the time.
        table = xgboost.DMatrix(features, nthread=1)
        found: Vectors = self._booster.predict(table, pred_contribs=True)
        return found

    @functools.cached_property
    def _tree_shapley(self) -> TreeShapley | None:
        return tables_of(self._booster)

    def feature_interactions(
        self, document: Document, taxonomy: str, node_id: str
    ) -> tuple[tuple[str, ...], NDArray[np.float64], float]:
        """SHAP interaction values of the same row, (n_features, n_features), and the base value."""
        values = self._feature_row(document, taxonomy, node_id)
        if values is None:
            return (), np.zeros((0, 0)), 0.0
        table = self._booster.predict(xgboost.DMatrix(values, nthread=1), pred_interactions=True)[0]
        # The booster writes base values into a last row and column, whose corner is all of it.
        return (
            self.manifest.feature_names,
            table[:-1, :-1].astype(np.float64),
            float(table[-1, -1]),
        )

    def _feature_row(
        self, document: Document, taxonomy: str, node_id: str
    ) -> NDArray[np.float32] | None:
        """Features of the node on the document's first page, (1, n_features); None where it was no
        candidate there.
        """
        node = self._position(taxonomy, node_id)
        [page] = self._pages_read(document.pages[:1])
        places = np.flatnonzero(page.candidates == node)
        return page.features[places[:1]] if len(places) else None

    def as_read(self, document: Document) -> Document:
        """The document with its fields cut to what is read of them."""
        cut = with_texts(document, [field_texts(page) for page in document.pages])
        return replace(cut, extracts=())

    def score_ablations(self, ablations: Sequence[Ablation]) -> list[NDArray[np.float64]]:
        """Confidence of each node in each variant, (n_variants, n_nodes) for each ablation.

        Exact but for what is held as it is in the whole page: what nodes are candidates and what
        all others get; the margins of unlikely candidates; how many letters and fields it has, and
        how sure the linear head is in all; keywords that come up only where a longer one went;
        tokens of two words that went side by side, unparted; what a word touches, where it stands
        on a page more than once.
        """
        if not ablations:
            return []
        pages = self._pages_read([page for a in ablations for page in a.document.pages])
        n_variants = max(len(ablation.gone) for ablation in ablations)
        shares = self._ablation.shares(pages, Cuts.of(ablations), n_variants)
        nodes = [self._position(a.taxonomy, i) for a in ablations for i in a.node_ids]
        lines = self._nodes.lineages(np.array(nodes, dtype=np.int64))
        sums = np.zeros((n_variants, *lines.shape))
        asked_of = []
        page = node = 0
        for ablation in ablations:
            own = slice(page, page := page + len(ablation.document.pages))
            asked = slice(node, node := node + len(ablation.node_ids))
            asked_of.append(asked)
            candidates = np.stack([one.candidates for one in pages[own]])
            below = self._nodes.lies_in(candidates[..., None], lines[asked].ravel())
            of_pages = shares[own] @ below.astype(np.float32)
            weights = votes(shares[own])
            weights /= np.maximum(weights.sum(axis=0), 1e-9)
            found = (weights[..., None] * of_pages).sum(axis=0)
            sums[:, asked] = found.reshape(sums[:, asked].shape)
        confidences = self.manifest.tiers.confidence_along(sums, self._nodes.tier[lines])
        return [
            confidences[: len(ablation.gone), asked]
            for ablation, asked in zip(ablations, asked_of, strict=True)
        ]

    def bars(self, taxonomy: str, node_ids: Sequence[str]) -> NDArray[np.float64]:
        """The least confidence with which each node is asserted, on a page that has a topic."""
        positions = [self._position(taxonomy, node_id) for node_id in node_ids]
        return np.array(
            [
                self.manifest.tiers.bar(
                    int(self._nodes.tier[node]),
                    min_confidence=self._min_confidence,
                    sensitive=node in self._sensitive,
                )
                for node in positions
            ]
        )

    @functools.cached_property
    def _ablation(self) -> PageAblation:
        return PageAblation(
            sources=self._sources,
            encoder=self._encoder,
            booster=self._booster,
            temperature=self.manifest.temperature,
        )

    def _pages_read(self, pages: Sequence[PageText]) -> list[PageRead]:
        """As the last `classify` read them, or read now."""
        texts = [field_texts(page) for page in pages]
        fresh = list(dict.fromkeys(page for page in texts if page not in self._last))
        known = self._last
        if fresh:
            known = {**known, **self._read(fresh)}
        return [known[page] for page in texts]

    def _read(self, texts: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], PageRead]:
        reading = read(texts, self._encoder)
        pairs = self._sources.pairs(reading, self.manifest.n_candidates)
        return dict(
            zip(
                texts,
                pages_read(reading, pairs, margins_of(self._booster, pairs.features)),
                strict=True,
            )
        )

    def _position(self, taxonomy: str, node_id: str) -> int:
        if taxonomy != self._taxonomy.name:
            raise ModelError(f"{NAME} answers in {self._taxonomy.name}, not in {taxonomy}")
        return self._taxonomy.index[self._taxonomy[node_id].id]

    def _shares(
        self, documents: Sequence[Document], *, remember: bool = False
    ) -> tuple[Vectors, Vectors, Vectors]:
        """Of each document: share of each node, the same in logarithms, and how like a page with a
        topic its likeliest page is.

        Each page is read once, however many documents hold it, and pages vote.
        """
        pages, places = distinct_pages(documents)
        of_pages, in_scope = self._page_shares(pages, remember=remember)
        shares = np.zeros((len(documents), len(self._nodes)), dtype=np.float32)
        likeliest = np.zeros(len(documents), dtype=np.float32)
        for row, rows in enumerate(places):
            weights = votes(of_pages[rows])
            if weights.sum() > 0:
                shares[row] = weights @ of_pages[rows] / weights.sum()
                likeliest[row] = in_scope[rows].max()
        return shares, np.log(shares + 1e-12), likeliest

    def _page_shares(self, pages: Sequence[PageText], *, remember: bool) -> tuple[Vectors, Vectors]:
        if not pages:
            return np.zeros((0, len(self._nodes)), np.float32), np.zeros(0, np.float32)
        reading = read([field_texts(page) for page in pages], self._encoder)
        pairs = self._sources.pairs(reading, self.manifest.n_candidates)
        margins = margins_of(self._booster, pairs.features)
        if remember and len(pages) <= REMEMBERED:
            found = pages_read(reading, pairs, margins)
            self._last = dict(zip(reading.texts, found, strict=True))
        shares = spread(margins, pairs.candidates, self.manifest.temperature, len(self._nodes))
        shares[~reading.present.any(axis=1)] = 0
        of_pages = signals(reading, pairs.features, margins, self._menu)
        return shares, self.manifest.scope.probabilities(of_pages)


def margins_of(booster: xgboost.Booster, features: Vectors) -> Vectors:
    """The ranker's margin of every pair, (n_pages, n_candidates)."""
    flat = features.reshape(-1, features.shape[2])
    margins: Vectors = booster.inplace_predict(flat, predict_type="margin")
    return margins.reshape(features.shape[:2])


def spread(
    margins: Vectors, candidates: NDArray[np.int64], temperature: float, n_nodes: int
) -> Vectors:
    """Softmax of the margins over each page's candidates, zeros elsewhere: (n_pages, n_nodes)."""
    weights = softmax(margins / temperature).astype(np.float32)
    shares = np.zeros((len(margins), n_nodes), dtype=np.float32)
    np.put_along_axis(shares, candidates, weights, axis=1)
    return shares


def create(resources: Resources) -> Ranker:
    """The ranker of the chosen model."""
    folder = resources.model_folder()
    # The manifest names the taxonomy, so it is read before the rest is checked against it.
    from taxocrawl.classifiers.model_folder import read_manifest

    read_manifest(folder)
    taxonomy = resources.taxonomy(taxonomy_of_model(folder))
    model = load_model(folder, taxonomy)
    # One table for all that read by it: vectors take 90 MB, and a page is read once for all.
    encoder = resources.encoder("default")
    return build(
        model,
        taxonomy,
        min_confidence=resources.settings.min_confidence,
        encoder=encoder if isinstance(encoder, StaticEncoder) else None,
    )


def build(
    model: ModelFolder,
    taxonomy: Taxonomy,
    *,
    min_confidence: float | None = None,
    encoder: StaticEncoder | None = None,
) -> Ranker:
    """The ranker of a loaded model folder; `encoder` where it is loaded already."""
    encoder = encoder or StaticEncoder(model.encoder, name=model.manifest.encoder)
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
