"""Which words of a page deserve an exact look."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from taxocrawl.explanations.masking import WordMask
from taxocrawl.protocols import Classifier, Scorer, WordScorer, WordsScorer
from taxocrawl.records import Document, Prediction

Asked = tuple[WordMask, Document, Sequence[Prediction]]


def candidates(
    mask: WordMask,
    document: Document,
    target: Prediction,
    classifier: Classifier | Scorer,
    *,
    most: int,
) -> list[int]:
    """Numbers of the `most` words likeliest to move the target's score, either way."""
    return candidates_of([(mask, document, [target])], classifier, most=most)[0][0]


def candidates_of(
    asked: Sequence[Asked], classifier: Classifier | Scorer, *, most: int
) -> list[list[list[int]]]:
    """`candidates` of each document for each of its targets, which are of one taxonomy.

    By the size of the classifier's own opinion of a word times how prominent it stands; by the
    latter alone where it has no opinion of single words.
    """
    numbers = [np.array(mask.worth_a_look(), dtype=np.intp) for mask, _, _ in asked]
    chosen = []
    for (mask, _, targets), own, opinions in zip(
        asked, numbers, _opinions(asked, numbers, classifier), strict=True
    ):
        sizes = np.abs(opinions)
        # The mean keeps words whose sign or size the opinion does not see. On 84 train pages with
        # the ranker ten words chosen so held .77 of the five that weigh most, and as much weight as
        # those five together; with half of the mean .74 and .97.
        sizes += sizes.mean(axis=0) / 10 if len(own) else 0
        promise = mask.prominence()[own, None] * sizes
        order = np.argsort(-promise, axis=0, kind="stable")[:most]
        chosen.append([own[order[:, column]].tolist() for column in range(len(targets))])
    return chosen


def _opinions(
    asked: Sequence[Asked], numbers: Sequence[NDArray[np.intp]], classifier: Classifier | Scorer
) -> list[NDArray[np.float64]]:
    """Of the words of each document for each target, (n_words, n_targets); ones for no opinion."""
    words = [
        [mask.words[number] for number in own.tolist()]
        for (mask, _, _), own in zip(asked, numbers, strict=True)
    ]
    if isinstance(classifier, WordsScorer):
        return classifier.words_scores(
            [
                (document, own, targets[0].taxonomy, [t.node_id for t in targets])
                for (_, document, targets), own in zip(asked, words, strict=True)
            ]
        )
    if isinstance(classifier, WordScorer):
        return [
            np.stack(
                [classifier.word_scores(document, own, t.taxonomy, t.node_id) for t in targets],
                axis=1,
            )
            for (_, document, targets), own in zip(asked, words, strict=True)
        ]
    return [
        np.ones((len(own), len(targets))) for (_, _, targets), own in zip(asked, words, strict=True)
    ]
