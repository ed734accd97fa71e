"""What a classifier cannot do without, measured on labelled pages that it has not learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.model_folder import load_model
from taxocrawl.classifiers.ranker import sources_of
from taxocrawl.classifiers.reading import field_texts, read
from taxocrawl.explanations.permutation import (
    Importance,
    Permutations,
    correlated_groups,
    feature_importances,
    field_importances,
    permutations,
)
from taxocrawl.protocols import Classifier, Vectors
from taxocrawl.records import Document
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training.dataset import LabelledPage
from taxocrawl.training.package import gains

BATCH = 64
METRIC = "share of pages whose first node is accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class TierImportances:
    """Importances by one score: at one tier, or (None) for the node itself.

    `accuracy` is the score of the untouched pages, `n_pages` how many have a label at that tier.
    """

    tier: int | None
    accuracy: float
    n_pages: int
    importances: tuple[Importance, ...]


class TierScores:
    """The share of pages whose first node is right, for the node itself and at each tier.

    At tier t a page counts if its label is at least so deep; right is the node of tier t above the
    answer, or itself, that stands above an accepted node too.
    """

    def __init__(self, pages: Sequence[LabelledPage], taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self._accepted = [page.accepted & set(taxonomy.index) for page in pages]
        depth = np.array([taxonomy[page.primary].tier for page in pages], dtype=np.int64)
        self.tiers: tuple[int | None, ...] = (None, *range(1, int(depth.max(initial=1)) + 1))
        self._counted = [
            np.ones(len(pages), dtype=bool) if tier is None else depth >= tier
            for tier in self.tiers
        ]
        self._above = [
            {tier: {self._at(node, tier) for node in accepted} - {None} for tier in self.tiers}
            for accepted in self._accepted
        ]

    @property
    def n_pages(self) -> list[int]:
        """Pages that count for each score."""
        return [int(counted.sum()) for counted in self._counted]

    def __call__(self, answers: Sequence[str | None]) -> NDArray[np.float64]:
        """The scores of one answer a page, (n_scores,); None is always wrong."""
        found = []
        for tier, counted in zip(self.tiers, self._counted, strict=True):
            right = [
                answer is not None and self._at(answer, tier) in above[tier]
                for answer, above in zip(answers, self._above, strict=True)
            ]
            found.append(float(np.mean(np.array(right)[counted])) if counted.any() else 0.0)
        return np.array(found)

    def _at(self, node_id: str, tier: int | None) -> str | None:
        """The node's ancestor of that tier, or itself; None where it is not so deep."""
        line = [node_id, *self._taxonomy.ancestors(node_id)]
        return next((i for i in line if tier is None or self._taxonomy[i].tier == tier), None)


def of_fields(
    classifier: Classifier,
    pages: Sequence[LabelledPage],
    taxonomy: Taxonomy,
    *,
    repeats: int,
    seed: int,
) -> list[TierImportances]:
    """Importance of the documents' fields for any classifier."""
    scores = TierScores(pages, taxonomy)
    documents = [_document(page) for page in pages]

    def score(shuffled: Sequence[Document]) -> NDArray[np.float64]:
        return scores(_first_nodes(classifier, shuffled, taxonomy.name))

    orders = permutations(len(documents), repeats=repeats, seed=seed)
    found = field_importances(score, documents, orders=orders)
    return _by_tier(scores, score(documents), found)


def of_features(
    folder: Path,
    pages: Sequence[LabelledPage],
    taxonomy: Taxonomy,
    *,
    repeats: int,
    seed: int,
) -> tuple[list[TierImportances], dict[str, float]]:
    """Importance of a model folder's ranker features and of groups of those that say the same;
    gain by feature beside it.
    """
    model = load_model(folder, taxonomy)
    encoder = StaticEncoder(model.encoder, name=model.manifest.encoder)
    sources = sources_of(model.arrays, taxonomy)
    texts = [field_texts(page.page) for page in pages]
    batches = [
        sources.pairs(read(texts[i : i + BATCH], encoder), model.manifest.n_candidates)
        for i in range(0, len(texts), BATCH)
    ]
    candidates = np.concatenate([batch.candidates for batch in batches])
    values = np.concatenate([batch.features for batch in batches])
    table = values.reshape(-1, values.shape[2])
    node_ids = [node.id for node in taxonomy]
    scores = TierScores(pages, taxonomy)

    def score(shuffled: Vectors) -> NDArray[np.float64]:
        margins = model.ranker.inplace_predict(shuffled, predict_type="margin")
        best = margins.reshape(candidates.shape).argmax(axis=1)
        given = candidates[np.arange(len(candidates)), best]
        return scores([node_ids[node] for node in given])

    names = model.manifest.feature_names
    orders = permutations(len(table), repeats=repeats, seed=seed)
    groups = correlated_groups(table, names)
    found = feature_importances(score, table, names, groups=groups, orders=orders)
    return _by_tier(scores, score(table), found), gains(model.ranker)


def sample(pages: Sequence[LabelledPage], most: int, *, seed: int) -> tuple[LabelledPage, ...]:
    """At most so many pages, drawn at random, in their order."""
    if len(pages) <= most:
        return tuple(pages)
    chosen: Permutations = permutations(len(pages), repeats=1, seed=seed)[:, :most]
    return tuple(pages[i] for i in np.sort(chosen[0]).tolist())


def _by_tier(
    scores: TierScores, whole: NDArray[np.float64], found: Sequence[tuple[Importance, ...]]
) -> list[TierImportances]:
    return [
        TierImportances(tier=tier, accuracy=float(accuracy), n_pages=n, importances=importances)
        for tier, accuracy, n, importances in zip(
            scores.tiers, whole, scores.n_pages, found, strict=True
        )
    ]


def _document(page: LabelledPage) -> Document:
    return Document(id=page.page_id, domain=page.domain, pages=(page.page,), url=page.page.url)


def _first_nodes(
    classifier: Classifier, documents: Sequence[Document], taxonomy: str
) -> list[str | None]:
    found: list[str | None] = []
    for i in range(0, len(documents), BATCH):
        for answer in classifier.classify(documents[i : i + BATCH]):
            ranked = (p for p in answer if p.taxonomy == taxonomy and p.rank == 1)
            first = next(ranked, None)
            found.append(first.node_id if first else None)
    return found
