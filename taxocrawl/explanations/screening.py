"""Which words of a page deserve an exact look."""

from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from taxocrawl.explanations.masking import WordMask
from taxocrawl.explanations.targets import words_read
from taxocrawl.protocols import Classifier, Scorer, WordFinder, WordScorer
from taxocrawl.records import Document, Prediction

T = TypeVar("T")


def looks(
    asked: Sequence[tuple[Document, Sequence[Prediction]]], classifier: Scorer, *, most: int
) -> Iterator[tuple[WordMask, list[int]]]:
    """The words of each document that are likeliest to move the scores of its targets, which are of
    one taxonomy, in turn; at most `most`, as numbers in a mask.
    """
    if isinstance(classifier, WordFinder):
        found = classifier.telling_words(
            [(document, of[0].taxonomy, [t.node_id for t in of]) for document, of in asked],
            most=most,
        )
        for (document, _), rankings in zip(asked, found, strict=True):
            mask = words_read(document, classifier, _first_of_each(rankings, most))
            yield mask, np.flatnonzero(mask.counts).tolist()
        return
    last: tuple[Document, WordMask] | None = None
    for document, targets in asked:
        # The targets of a document follow each other.
        if last is None or last[0] is not document:
            last = document, words_read(document, classifier)
        mask = last[1]
        chosen = [candidates(mask, document, t, classifier, most=most) for t in targets]
        yield mask, _first_of_each(chosen, most)


def candidates(
    mask: WordMask,
    document: Document,
    target: Prediction,
    classifier: Classifier | Scorer,
    *,
    most: int,
) -> list[int]:
    """Numbers of the `most` words likeliest to move the target's score, either way: those that the
    classifier finds, else by its opinion of each, where it has one, times how prominent they stand.
    """
    if isinstance(classifier, WordFinder):
        [[words]] = classifier.telling_words(
            [(document, target.taxonomy, [target.node_id])], most=most
        )
        numbers = {word: number for number, word in enumerate(mask.words)}
        return [numbers[word] for word in words if word in numbers]
    own = np.array(mask.worth_a_look(), dtype=np.intp)
    sizes = np.abs(_opinions(mask, own, document, target, classifier))
    # The mean keeps words whose sign or size the opinion does not see.
    sizes += sizes.mean() / 10 if len(own) else 0
    order = np.argsort(-mask.prominence()[own] * sizes, kind="stable")[:most]
    found: list[int] = own[order].tolist()
    return found


def _opinions(
    mask: WordMask,
    own: NDArray[np.intp],
    document: Document,
    target: Prediction,
    classifier: Classifier | Scorer,
) -> NDArray[np.float64]:
    """Of these words, (n_words,); ones for no opinion."""
    if not isinstance(classifier, WordScorer):
        return np.ones(len(own))
    words = [mask.words[number] for number in own.tolist()]
    return classifier.word_scores(document, words, target.taxonomy, target.node_id)


def _first_of_each(rankings: Sequence[Sequence[T]], most: int) -> list[T]:
    """The first of every ranking, then the second, and so on; `most` of them, none twice."""
    turns = chain.from_iterable(zip_longest(*rankings))
    return list(dict.fromkeys(one for one in turns if one is not None))[:most]
