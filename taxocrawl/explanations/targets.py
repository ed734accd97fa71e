"""Which predictions are worth an explanation, and what a classifier says of variants."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.explanations.masking import Bools, WordMask
from taxocrawl.protocols import AblationScorer, Classifier, DocumentReader, NodesScorer, Scorer
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Variants of a document, each without the words in some places, (n_variants, n_places), and
    what is asked of them. The targets are of one taxonomy.
    """

    mask: WordMask
    gone: Bools
    targets: Sequence[Prediction]


def words_read(
    document: Document, classifier: Classifier | Scorer, words: Sequence[str] | None = None
) -> WordMask:
    """The document's words, or these alone, as far as the classifier reads them."""
    if isinstance(classifier, DocumentReader):
        document = classifier.as_read(document)
    return WordMask(document, words)


def ask(classifier: Scorer, questions: Sequence[Question]) -> list[NDArray[np.float64]]:
    """Probability of each target for each variant, (n_variants, n_targets) for each question."""
    if not isinstance(classifier, AblationScorer):
        return [
            scores(classifier, [q.mask.cut(np.flatnonzero(row)) for row in q.gone], q.targets)
            for q in questions
        ]
    answers = classifier.score_ablations(
        [
            q.mask.ablation(q.gone, q.targets[0].taxonomy, [t.node_id for t in q.targets])
            for q in questions
        ]
    )
    return [
        _checked(answer, (len(q.gone), len(q.targets)))
        for q, answer in zip(questions, answers, strict=True)
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
    """Randomness that depends on the text and the target alone, so that the same page is asked the
    same in every run and every batch.
    """
    digest = hashlib.sha256()
    for part in (str(seed), target.taxonomy, target.node_id, document.text):
        # Lone surrogates may stand in text that no crawler made.
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return np.random.default_rng(int.from_bytes(digest.digest()[:8], "big"))
