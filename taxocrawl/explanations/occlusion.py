"""Words: what the probability loses when a word is left out of the page.

The classifier's own cheap opinion of every word (`WordScorer`) only chooses which words are worth
an exact look. Those few are then left out one at a time and the whole classifier is asked again, so
that the numbers are in the probability that the user sees (Robnik-Sikonja and Kononenko 2008;
"occlusion" since Zeiler and Fergus 2014).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.explanations.masking import Passage, WordMask, shortened
from taxocrawl.explanations.screening import candidates
from taxocrawl.explanations.targets import deepest, scores, text_seed
from taxocrawl.protocols import Classifier, NodesScorer, Resources, Scorer
from taxocrawl.records import Attribution, AttributionKind, Document, Explanation, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

METHOD = "words"

CANDIDATES = 20
PHRASES = 5
KEPT_FOR = 10
KEPT_AGAINST = 5
SENTENCES = 3
SENTENCE_WORDS = 40
SENTENCE_CHARACTERS = 320
SENTENCE_FIELDS = frozenset({"title", "description", "headings", "body"})
RANDOM_SETS = 2

# Shown is what is no rounding of a float32 classifier and no crumb beside the strongest word.
_LEAST_OF_SCORE = 1e-4
_LEAST_OF_STRONGEST = 0.02
# What two words say only together, as a part of all that they say.
_LEAST_OF_PHRASE = 0.25


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
        targets = deepest(predictions, self._taxonomy)
        # One look at the variants for all nodes, where the classifier can.
        together = isinstance(classifier, NodesScorer)
        groups = [targets] if together and targets else [[target] for target in targets]
        return [
            explanation
            for group in groups
            for explanation in self._explain(mask, document, group, classifier)
        ]

    def _explain(
        self, mask: WordMask, document: Document, targets: list[Prediction], classifier: Scorer
    ) -> Iterator[Explanation]:
        started = time.perf_counter()
        chosen = {
            number: None
            for target in targets
            for number in candidates(mask, document, target, classifier, most=CANDIDATES)
        }
        found = _falls(mask, list(chosen), targets, classifier)
        seconds = (time.perf_counter() - started) / len(targets)
        for target, (score, falls) in zip(targets, found, strict=True):
            started = time.perf_counter()
            words_for, words_against = _kept(falls, score)
            generator = text_seed(document, target, self._seed)
            base_value, fidelity = _check(
                mask, words_for, words_against, target, classifier, generator, score
            )
            shown = [*words_for, *words_against]
            words = (_attribution(mask, fall) for fall in shown)
            yield Explanation(
                taxonomy=target.taxonomy,
                node_id=target.node_id,
                classifier=target.classifier,
                method=METHOD,
                attributions=(*words, *_sentences(mask, shown)),
                score=score,
                base_value=base_value,
                unit="probability",
                fidelity=fidelity,
                seconds=seconds + time.perf_counter() - started,
            )


def create(resources: Resources) -> WordOcclusion:
    return WordOcclusion(seed=resources.seed, taxonomy=resources.taxonomy)


def _attribution(mask: WordMask, fall: _Fall) -> Attribution:
    kind: AttributionKind = "word" if len(fall.words) == 1 else "phrase"
    return Attribution(kind=kind, name=mask.phrase_text(fall.words), weight=fall.weight)


def _falls(
    mask: WordMask, chosen: Sequence[int], targets: Sequence[Prediction], classifier: Scorer
) -> list[tuple[float, list[_Fall]]]:
    """For each target the score of the whole document, and the fall without each word and without
    each phrase that says something of its own.
    """
    phrases = mask.phrases(chosen)[:PHRASES]
    variants = [mask.without(())]
    variants += [mask.without((number,)) for number in chosen]
    variants += [mask.without_phrase(phrase) for phrase in phrases]
    table = scores(classifier, variants, targets)
    found = []
    for score, *without in table.T.tolist():
        weights = [score - value for value in without]
        by_word = dict(zip(chosen, weights[: len(chosen)], strict=True))
        falls = [_Fall((number,), weight) for number, weight in by_word.items()]
        for phrase, weight in zip(phrases, weights[len(chosen) :], strict=True):
            alone = sum(by_word[number] for number in phrase)
            if (weight - alone) * np.sign(weight) > _LEAST_OF_PHRASE * abs(weight):
                falls.append(_Fall(phrase, weight))
        found.append((score, falls))
    return found


def _kept(falls: Sequence[_Fall], score: float) -> tuple[list[_Fall], list[_Fall]]:
    """Those for the node, strongest first, and those against it, strongest first."""
    ordered = sorted(falls, key=lambda fall: -fall.weight)
    strongest = max((abs(fall.weight) for fall in falls), default=0.0)
    least = max(_LEAST_OF_SCORE * score, _LEAST_OF_STRONGEST * strongest)
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
    base_value, without_shown, *without_others = scores(classifier, variants, [target])[
        :, 0
    ].tolist()
    at_random = float(np.mean(without_others))
    if not shown_for or at_random <= 0:
        return base_value, None
    return base_value, min(1.0, max(0.0, 1.0 - without_shown / at_random))


def _numbers(falls: Sequence[_Fall]) -> set[int]:
    return {number for fall in falls for number in fall.words}


def _sentences(mask: WordMask, falls: Sequence[_Fall]) -> list[Attribution]:
    """The sentences whose words weigh most together, each word counted once in a sentence, and each
    sentence with a word that those before it did not hold.
    """
    weight_of: NDArray[np.float64] = np.zeros(len(mask.words))
    for fall in falls:
        if len(fall.words) == 1:
            weight_of[fall.words[0]] = fall.weight
    found: list[tuple[float, Passage, set[int]]] = []
    for passage in mask.passages(SENTENCE_FIELDS, longest=SENTENCE_WORDS):
        telling = {number for number in passage.words if weight_of[number] > 0}
        if telling:
            found.append((float(sum(weight_of[list(set(passage.words))])), passage, telling))
    found.sort(key=lambda row: -row[0])
    chosen: list[Attribution] = []
    told: set[int] = set()
    for weight, passage, telling in found:
        if len(chosen) < SENTENCES and weight > 0 and not telling <= told:
            name = shortened(passage.text, SENTENCE_CHARACTERS)
            chosen.append(
                Attribution(kind="sentence", name=name, weight=weight, url=passage.page.url)
            )
            told |= telling
    return chosen
