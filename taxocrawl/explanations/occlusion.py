"""Words: what the probability loses when a word is left out of the page.

The classifier's own cheap opinion of every word (`WordScorer`) only chooses which words are worth
an exact look. Those few are then left out one at a time and the whole classifier is asked again, so
that the numbers are in the probability that the user sees (Robnik-Sikonja and Kononenko 2008;
"occlusion" since Zeiler and Fergus 2014).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.explanations.masking import WordMask, shortened
from taxocrawl.explanations.screening import candidates
from taxocrawl.explanations.targets import deepest, scores, text_seed
from taxocrawl.protocols import Classifier, Resources, Scorer
from taxocrawl.records import Attribution, Document, Explanation, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

METHOD = "words"

CANDIDATES_FOR = 20
CANDIDATES_AGAINST = 8
PHRASES = 6
KEPT_FOR = 10
KEPT_AGAINST = 5
SENTENCES = 3
SENTENCE_WORDS = 40
SENTENCE_CHARACTERS = 320
SENTENCE_FIELDS = frozenset({"title", "description", "headings", "body"})
RANDOM_SETS = 3

# Falls under this share of the probability are rounding in a float32 classifier, no evidence.
_LEAST_SHARE = 1e-4


@dataclass(frozen=True, slots=True)
class _Fall:
    """A word (one number) or phrase (several) and the fall of the probability without it."""

    words: tuple[int, ...]
    weight: float


class WordOcclusion:
    """Explainer `words`, for every classifier that can score a document.

    `base_value` is the score without all words of the explanation. `fidelity` is the share of the
    probability that rests on the words for the node: 1 - (score without them) / (score without as
    many random other words), cut to [0, 1].
    """

    def __init__(self, *, seed: int, taxonomy: Callable[[str], Taxonomy]) -> None:
        self._seed = seed
        self._taxonomy = taxonomy

    def explain(
        self, document: Document, predictions: Sequence[Prediction], classifier: Classifier
    ) -> list[Explanation]:
        """One explanation for each deepest asserted prediction; [] without a `Scorer`."""
        if not isinstance(classifier, Scorer):
            return []
        mask = WordMask(document)
        return [
            self._explain(mask, document, target, classifier)
            for target in deepest(predictions, self._taxonomy)
        ]

    def _explain(
        self, mask: WordMask, document: Document, target: Prediction, classifier: Scorer
    ) -> Explanation:
        started = time.perf_counter()
        chosen = candidates(
            mask,
            document,
            target,
            classifier,
            most_for=CANDIDATES_FOR,
            most_against=CANDIDATES_AGAINST,
        )
        score, falls = _falls(mask, chosen, target, classifier)
        words_for, words_against = _kept(falls, least=_LEAST_SHARE * score)
        generator = text_seed(document, target, self._seed)
        base_value, fidelity = _check(
            mask, words_for, words_against, target, classifier, generator, score
        )
        attributions = [
            Attribution(
                kind="word" if len(fall.words) == 1 else "phrase",
                name=mask.phrase_text(fall.words),
                weight=fall.weight,
            )
            for fall in (*words_for, *words_against)
        ]
        attributions += _sentences(mask, (*words_for, *words_against))
        return Explanation(
            taxonomy=target.taxonomy,
            node_id=target.node_id,
            classifier=target.classifier,
            method=METHOD,
            attributions=tuple(attributions),
            score=score,
            base_value=base_value,
            unit="probability",
            fidelity=fidelity,
            seconds=time.perf_counter() - started,
        )


def create(resources: Resources) -> WordOcclusion:
    return WordOcclusion(seed=resources.seed, taxonomy=resources.taxonomy)


def _falls(
    mask: WordMask, chosen: Sequence[int], target: Prediction, classifier: Scorer
) -> tuple[float, list[_Fall]]:
    """The score of the whole document, and the fall without each word and each telling phrase."""
    phrases = mask.phrases(chosen)[:PHRASES]
    variants = [mask.without(())]
    variants += [mask.without((number,)) for number in chosen]
    variants += [mask.without_phrase(phrase) for phrase in phrases]
    score, *without = scores(classifier, variants, target).tolist()
    weights = [score - value for value in without]
    by_word = dict(zip(chosen, weights[: len(chosen)], strict=True))
    falls = [_Fall((number,), weight) for number, weight in by_word.items()]
    for phrase, weight in zip(phrases, weights[len(chosen) :], strict=True):
        # A phrase is news only where it says more than its words do one by one.
        alone = sum(by_word[number] for number in phrase)
        if abs(weight - alone) > _LEAST_SHARE * score and _says_more(weight, alone):
            falls.append(_Fall(phrase, weight))
    return score, falls


def _says_more(together: float, alone: float) -> bool:
    return together > max(alone, 0.0) * 1.1 or together < min(alone, 0.0) * 1.1


def _kept(falls: Sequence[_Fall], *, least: float) -> tuple[list[_Fall], list[_Fall]]:
    """Those for the node, strongest first, and those against it, strongest first."""
    ordered = sorted(falls, key=lambda fall: -fall.weight)
    words_for = [fall for fall in ordered if fall.weight > least]
    words_against = [fall for fall in reversed(ordered) if fall.weight < -least]
    return words_for[:KEPT_FOR], words_against[:KEPT_AGAINST]


def _check(
    mask: WordMask,
    words_for: Sequence[_Fall],
    words_against: Sequence[_Fall],
    target: Prediction,
    classifier: Scorer,
    generator: np.random.Generator,
    score: float,
) -> tuple[float, float | None]:
    """Base value and fidelity; None where no word speaks for the node or its score is 0."""
    shown_for = _numbers(words_for)
    shown = shown_for | _numbers(words_against)
    if not shown:
        return score, None
    others = np.array([n for n in range(len(mask.words)) if n not in shown], dtype=np.intp)
    variants = [mask.without(shown), mask.without(shown_for)]
    variants += [
        mask.without(generator.permutation(others)[: len(shown_for)].tolist())
        for _ in range(RANDOM_SETS)
    ]
    base_value, without_shown, *without_others = scores(classifier, variants, target).tolist()
    at_random = float(np.mean(without_others))
    if not shown_for or at_random <= 0:
        return base_value, None
    return base_value, min(1.0, max(0.0, 1.0 - without_shown / at_random))


def _numbers(falls: Sequence[_Fall]) -> set[int]:
    return {number for fall in falls for number in fall.words}


def _sentences(mask: WordMask, falls: Sequence[_Fall]) -> list[Attribution]:
    """The sentences whose words weigh most together, each word counted once in a sentence."""
    weight_of: NDArray[np.float64] = np.zeros(len(mask.words))
    for fall in falls:
        if len(fall.words) == 1:
            weight_of[fall.words[0]] = fall.weight
    found: dict[str, Attribution] = {}
    for passage in mask.passages(SENTENCE_FIELDS, longest=SENTENCE_WORDS):
        weight = float(sum(weight_of[number] for number in set(passage.words)))
        # The first page that says a thing is its source: menus and titles stand on all of them.
        if weight > 0 and passage.text not in found:
            name = shortened(passage.text, SENTENCE_CHARACTERS)
            found[passage.text] = Attribution(
                kind="sentence", name=name, weight=weight, url=passage.page.url
            )
    return sorted(found.values(), key=lambda sentence: -sentence.weight)[:SENTENCES]
