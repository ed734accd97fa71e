"""Which predictions are worth an explanation, and what a classifier says of variants."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from taxocrawl.protocols import Scorer
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
    classifier: Scorer, documents: Sequence[Document], target: Prediction
) -> NDArray[np.float64]:
    """Probability of the target for each document, (n,). ValueError where a plugin gives another
    shape or what is no number.
    """
    answer = np.asarray(
        classifier.score(documents, target.taxonomy, target.node_id), dtype=np.float64
    )
    if answer.shape != (len(documents),) or not np.isfinite(answer).all():
        raise ValueError(
            f"score of {len(documents)} documents has shape {answer.shape} and holds "
            f"{int((~np.isfinite(answer)).sum())} values that are no numbers"
        )
    return answer


def text_seed(document: Document, target: Prediction, seed: int) -> np.random.Generator:
    """Randomness that depends on the text and the target alone, so that the same page gets the
    same explanation in every run and every batch.
    """
    digest = hashlib.sha256()
    for part in (str(seed), target.taxonomy, target.node_id, document.text):
        # Lone surrogates may stand in text that no crawler made.
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return np.random.default_rng(int.from_bytes(digest.digest()[:8], "big"))
