"""Which predictions are worth an explanation, and what a classifier says of variants."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from taxocrawl.protocols import NodesScorer, Scorer
from taxocrawl.records import Document, Prediction
from taxocrawl.taxonomies.tree import Taxonomy


def deepest(
    predictions: Sequence[Prediction], taxonomy: Callable[[str], Taxonomy]
) -> list[Prediction]:
    """For each taxonomy the asserted predictions with no asserted one below them, in the order
    given; where none is asserted, the one of rank 1.
    """
    asserted = [prediction for prediction in predictions if prediction.asserted]
    answered = {prediction.taxonomy for prediction in asserted}
    covered = {
        (prediction.taxonomy, ancestor)
        for prediction in asserted
        for ancestor in taxonomy(prediction.taxonomy).ancestors(prediction.node_id)
    }
    return [
        prediction
        for prediction in predictions
        if (prediction.asserted and (prediction.taxonomy, prediction.node_id) not in covered)
        or (prediction.rank == 1 and prediction.taxonomy not in answered)
    ]


def scores(
    classifier: Scorer, documents: Sequence[Document], targets: Sequence[Prediction]
) -> NDArray[np.float64]:
    """Probability of each target for each document, (n_documents, n_targets).

    ValueError where a plugin gives another shape or what is no number.
    """
    if isinstance(classifier, NodesScorer) and len(targets) > 1:
        answer = np.zeros((len(documents), len(targets)))
        for taxonomy in dict.fromkeys(target.taxonomy for target in targets):
            columns = [i for i, target in enumerate(targets) if target.taxonomy == taxonomy]
            node_ids = [targets[i].node_id for i in columns]
            answer[:, columns] = classifier.score_nodes(documents, taxonomy, node_ids)
        return _checked(answer, answer.shape)
    each = [
        _checked(classifier.score(documents, t.taxonomy, t.node_id), (len(documents),))
        for t in targets
    ]
    return np.stack(each, axis=1)


def _checked(answer: object, shape: tuple[int, ...]) -> NDArray[np.float64]:
    numbers = np.asarray(answer, dtype=np.float64)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        raise ValueError(
            f"score of {shape[0]} documents has shape {numbers.shape} and holds "
            f"{int((~np.isfinite(numbers)).sum())} values that are no numbers"
        )
    return numbers


def text_seed(document: Document, target: Prediction, seed: int) -> np.random.Generator:
    """Randomness that depends on the text and the target alone, so that the same page gets the
    same explanation in every run and every batch.
    """
    digest = hashlib.sha256()
    for part in (str(seed), target.taxonomy, target.node_id, document.text):
        # Lone surrogates may stand in text that no crawler made.
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return np.random.default_rng(int.from_bytes(digest.digest()[:8], "big"))
