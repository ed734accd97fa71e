"""SHAP: what each named feature of the classifier adds to the margin.

The classifier gives exact Shapley values itself (`FeatureScorer`; for trees: Lundberg et al. 2020,
"From local explanations to global understanding with explainable AI for trees"). Here they become
an explanation.
"""

import math
import time
from collections.abc import Callable, Sequence

from taxocrawl.explanations.targets import deepest
from taxocrawl.protocols import Classifier, FeatureScorer, FeaturesScorer, Resources
from taxocrawl.records import Attribution, Document, Explanation, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

METHOD = "shap"
KEPT = 10
REST = "(other features)"
"""Name of the one attribution that holds what the features not shown add together."""


class Shapley:
    """Explainer `shap`, for every classifier that gives contributions of named features.

    The attributions are the strongest features and the sum of the rest, so that with `base_value`
    they always sum to `score`, the margin. `fidelity` is the share of all contributions, by size,
    that the features shown one by one carry; None where nothing contributes.
    """

    def __init__(self, *, taxonomy: Callable[[str], Taxonomy], kept: int = KEPT) -> None:
        self._taxonomy = taxonomy
        self._kept = kept

    def explain(
        self, document: Document, predictions: Sequence[Prediction], classifier: Classifier
    ) -> list[Explanation]:
        """One explanation for each deepest asserted prediction that the classifier made a margin
        for; [] without a `FeatureScorer`. ValueError where a contribution is no finite number.
        """
        return self.explain_batch([document], [predictions], classifier)[0]

    def explain_batch(
        self,
        documents: Sequence[Document],
        predictions: Sequence[Sequence[Prediction]],
        classifier: Classifier,
    ) -> list[list[Explanation]]:
        """What `explain` gives for each document."""
        explained: list[list[Explanation]] = [[] for _ in documents]
        if not isinstance(classifier, FeatureScorer):
            return explained
        started = time.perf_counter()
        targets = [
            (number, target)
            for number, of_document in enumerate(predictions)
            for target in deepest(of_document, self._taxonomy)
        ]
        asked = [(documents[number], t.taxonomy, t.node_id) for number, t in targets]
        answers = (
            classifier.features_contributions(asked)
            if isinstance(classifier, FeaturesScorer)
            else [classifier.feature_contributions(*one) for one in asked]
        )
        seconds = (time.perf_counter() - started) / max(1, len(asked))
        for (number, target), (rows, base_value) in zip(targets, answers, strict=True):
            if rows:
                explained[number].append(self._explanation(target, rows, base_value, seconds))
        return explained

    def _explanation(
        self,
        target: Prediction,
        contributions: Sequence[tuple[str, float, float]],
        base_value: float,
        seconds: float,
    ) -> Explanation:
        for name, _, weight in contributions:
            if not math.isfinite(weight):
                raise ValueError(f"contribution of feature {name!r} is {weight}")
        ordered = sorted(contributions, key=lambda row: -abs(row[2]))
        shown = [row for row in ordered[: self._kept] if row[2] != 0]
        rest = math.fsum(weight for _, _, weight in ordered[self._kept :])
        attributions = [
            Attribution(kind="feature", name=name, weight=float(weight), value=_known(value))
            for name, value, weight in shown
        ]
        if rest:
            attributions.append(Attribution(kind="feature", name=REST, weight=rest))
        size = math.fsum(abs(weight) for _, _, weight in ordered)
        size_shown = math.fsum(abs(weight) for _, _, weight in shown)
        return Explanation(
            taxonomy=target.taxonomy,
            node_id=target.node_id,
            classifier=target.classifier,
            method=METHOD,
            attributions=tuple(attributions),
            score=float(base_value) + math.fsum(weight for _, _, weight in ordered),
            base_value=float(base_value),
            unit="margin",
            fidelity=min(1.0, size_shown / size) if size else None,
            seconds=seconds,
        )


def _known(value: float) -> float | None:
    # A feature whose source had nothing to read is NaN inside the classifier.
    return None if math.isnan(value) else float(value)


def create(resources: Resources) -> Shapley:
    return Shapley(taxonomy=resources.taxonomy)
