"""Which words of a page deserve an exact look."""

from collections.abc import Sequence

import numpy as np

from taxocrawl.explanations.masking import WordMask
from taxocrawl.protocols import Classifier, Scorer, WordScorer
from taxocrawl.records import Document, Prediction


def candidates(
    mask: WordMask,
    document: Document,
    target: Prediction,
    classifier: Classifier | Scorer,
    *,
    most_for: int,
    most_against: int,
) -> list[int]:
    """Numbers of the words that the classifier itself counts for and against the target, the
    strongest first; where it has no opinion of single words, the most prominent of the page.
    """
    numbers = mask.worth_a_look()
    if not isinstance(classifier, WordScorer):
        order = np.argsort(-mask.prominence()[numbers], kind="stable")
        return [numbers[i] for i in order[: most_for + most_against]]
    words: Sequence[str] = [mask.words[number] for number in numbers]
    opinion = np.asarray(
        classifier.word_scores(document, words, target.taxonomy, target.node_id), dtype=np.float64
    )
    order = np.argsort(-opinion, kind="stable")
    speak_for = [i for i in order[:most_for] if opinion[i] > 0]
    speak_against = [i for i in order[::-1][:most_against] if opinion[i] < 0]
    return [numbers[i] for i in (*speak_for, *speak_against)]
