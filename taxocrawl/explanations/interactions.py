"""SHAP interaction values: what two features say only together.

Lundberg et al. 2020, "From local explanations to global understanding with explainable AI for
trees". The values of a row sum to the feature's own SHAP value, all of them and the base value to
the margin; an interaction stands half in either feature's row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from taxocrawl.explanations.targets import deepest
from taxocrawl.protocols import Classifier, InteractionScorer
from taxocrawl.records import Document, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

KEPT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """Two features and what they add to the margin only together, both halves."""

    first: str
    second: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Interactions:
    """The strongest interactions of one answer, by falling size.

    `own` is what all features add each by itself, `together` what all pairs add, so that with
    `base_value` both sum to `score`, the margin.
    """

    taxonomy: str
    node_id: str
    pairs: tuple[Interaction, ...]
    own: float
    together: float
    base_value: float

    @property
    def score(self) -> float:
        """The margin."""
        return self.base_value + self.own + self.together


def interactions(
    document: Document,
    predictions: Sequence[Prediction],
    classifier: Classifier,
    *,
    taxonomy: Callable[[str], Taxonomy],
    kept: int = KEPT,
) -> list[Interactions]:
    """One for each deepest asserted prediction; [] without an `InteractionScorer`."""
    if not isinstance(classifier, InteractionScorer):
        return []
    found = (
        _of(document, target, classifier, kept)
        for target in deepest(predictions, taxonomy)
        if target.taxonomy in classifier.taxonomies
    )
    return [answer for answer in found if answer is not None]


def _of(
    document: Document, target: Prediction, classifier: InteractionScorer, kept: int
) -> Interactions | None:
    names, values, base_value = classifier.feature_interactions(
        document, target.taxonomy, target.node_id
    )
    if not names:
        return None
    pairs = [
        Interaction(
            first=names[i], second=names[j], weight=float(values[i, j]) + float(values[j, i])
        )
        for i in range(len(names))
        for j in range(i)
        if values[i, j] or values[j, i]
    ]
    pairs.sort(key=lambda pair: -abs(pair.weight))
    own = float(values.diagonal().sum())
    return Interactions(
        taxonomy=target.taxonomy,
        node_id=target.node_id,
        pairs=tuple(pairs[:kept]),
        own=own,
        together=float(values.sum()) - own,
        base_value=float(base_value),
    )
