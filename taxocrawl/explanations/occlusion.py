"""Words: what the probability loses when a word is left out of the page.

The classifier's own cheap opinion of every word (`WordScorer`) only chooses which words are worth
an exact look. Those few are then left out one at a time and the whole classifier is asked again, so
that the numbers are in the probability that the user sees (Robnik-Sikonja and Kononenko 2008;
"occlusion" since Zeiler and Fergus 2014).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from taxocrawl.explanations.masking import Passage, Tokens, WordMask, shortened
from taxocrawl.explanations.screening import candidates
from taxocrawl.explanations.targets import Question, ask, deepest, text_seed, words_read
from taxocrawl.protocols import AblationScorer, Classifier, NodesScorer, Resources, Scorer
from taxocrawl.records import Attribution, AttributionKind, Document, Explanation, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

METHOD = "words"

CANDIDATES = 14
PHRASES = 3
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Targets of one document, the number of it, that share their variants."""

    number: int
    document: Document
    mask: WordMask
    targets: Sequence[Prediction]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the words do to one target, strongest first."""

    target: Prediction
    score: float
    words_for: Sequence[_Fall]
    words_against: Sequence[_Fall]

    @property
    def shown(self) -> list[_Fall]:
        return [*self.words_for, *self.words_against]


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
        return self.explain_batch([document], [predictions], classifier)[0]

    def explain_batch(
        self,
        documents: Sequence[Document],
        predictions: Sequence[Sequence[Prediction]],
        classifier: Classifier,
    ) -> list[list[Explanation]]:
        """What `explain` gives for each document."""
        explained: list[list[Explanation]] = [[] for _ in documents]
        if not isinstance(classifier, Scorer):
            return explained
        started = time.perf_counter()
        cases = list(self._cases(documents, predictions, classifier))
        found = _look(cases, classifier)
        checks = self._check(cases, found, classifier)
        for case, of_case, of_checks in zip(cases, found, checks, strict=True):
            for one, (base_value, fidelity) in zip(of_case, of_checks, strict=True):
                explained[case.number].append(
                    _explanation(case.mask, one, base_value=base_value, fidelity=fidelity)
                )
        n_explained = sum(map(len, explained))
        seconds = (time.perf_counter() - started) / max(1, n_explained)
        return [[replace(e, seconds=seconds) for e in of_document] for of_document in explained]

    def _cases(
        self,
        documents: Sequence[Document],
        predictions: Sequence[Sequence[Prediction]],
        classifier: Scorer,
    ) -> Iterator[_Case]:
        # One look at the variants for all nodes of a taxonomy, where the classifier can.
        together = isinstance(classifier, NodesScorer | AblationScorer)
        for number, (document, of_document) in enumerate(zip(documents, predictions, strict=True)):
            targets = deepest(of_document, self._taxonomy)
            if not targets:
                continue
            mask = words_read(document, classifier)
            groups = {
                (t.taxonomy, "" if together else t.node_id): [
                    other
                    for other in targets
                    if other.taxonomy == t.taxonomy and (together or other is t)
                ]
                for t in targets
            }
            for group in groups.values():
                yield _Case(number=number, document=document, mask=mask, targets=group)

    def _check(
        self, cases: Sequence[_Case], found: Sequence[Sequence[_Found]], classifier: Scorer
    ) -> list[list[tuple[float, float | None]]]:
        """Base value and fidelity of each; None where no word speaks for the node or its score is
        0.
        """
        variants = [
            [self._check_variants(case, one) for one in of_case]
            for case, of_case in zip(cases, found, strict=True)
        ]
        asked = [number for number, of_case in enumerate(variants) if any(of_case)]
        questions = [
            Question(
                mask=cases[number].mask,
                variants=[places for of_target in variants[number] for places in of_target],
                targets=cases[number].targets,
            )
            for number in asked
        ]
        answers = dict(zip(asked, ask(classifier, questions), strict=True))
        checks = []
        for number, of_case in enumerate(found):
            at, of_checks = 0, []
            for column, (one, own) in enumerate(zip(of_case, variants[number], strict=True)):
                values = answers[number][at : at + len(own), column].tolist() if own else []
                at += len(own)
                of_checks.append(_checked(one, values))
            checks.append(of_checks)
        return checks

    def _check_variants(self, case: _Case, one: _Found) -> list[Tokens]:
        """Without all that is shown; without what is for the node; without as many other words."""
        shown, shown_for = _numbers(one.shown), _numbers(one.words_for)
        if not shown:
            return []
        generator = text_seed(case.document, one.target, self._seed)
        others = np.setdiff1d(np.arange(len(case.mask.words)), list(shown))
        return [
            case.mask.places(shown),
            case.mask.places(shown_for),
            *(
                case.mask.places(generator.permutation(others)[: len(shown_for)].tolist())
                for _ in range(RANDOM_SETS)
            ),
        ]


def create(resources: Resources) -> WordOcclusion:
    return WordOcclusion(seed=resources.seed, taxonomy=resources.taxonomy)


def _look(cases: Sequence[_Case], classifier: Scorer) -> list[list[_Found]]:
    """For each target of each case the score of the whole document, and the words whose loss, or
    that of a phrase which says something of its own, moves it most.
    """
    chosen, phrases, questions = [], [], []
    for case in cases:
        mask = case.mask
        numbers = {
            number: None
            for target in case.targets
            for number in candidates(mask, case.document, target, classifier, most=CANDIDATES)
        }
        chosen.append(list(numbers))
        phrases.append(mask.phrases(list(numbers))[:PHRASES])
        variants = [mask.places(())]
        variants += [mask.places((number,)) for number in numbers]
        variants += [mask.phrase_places(phrase) for phrase in phrases[-1]]
        questions.append(Question(mask=mask, variants=variants, targets=case.targets))
    found = []
    for case, words, pairs, table in zip(
        cases, chosen, phrases, ask(classifier, questions), strict=True
    ):
        of_case = []
        for target, (score, *without) in zip(case.targets, table.T.tolist(), strict=True):
            falls = _falls(words, pairs, [score - value for value in without])
            words_for, words_against = _kept(falls, score)
            of_case.append(
                _Found(target=target, score=score, words_for=words_for, words_against=words_against)
            )
        found.append(of_case)
    return found


def _falls(
    words: Sequence[int], phrases: Sequence[tuple[int, int]], weights: Sequence[float]
) -> list[_Fall]:
    """The words, then the phrases that say more than their words one by one."""
    by_word = dict(zip(words, weights[: len(words)], strict=True))
    falls = [_Fall((number,), weight) for number, weight in by_word.items()]
    for phrase, weight in zip(phrases, weights[len(words) :], strict=True):
        alone = sum(by_word[number] for number in phrase)
        if (weight - alone) * np.sign(weight) > _LEAST_OF_PHRASE * abs(weight):
            falls.append(_Fall(phrase, weight))
    return falls


def _kept(falls: Sequence[_Fall], score: float) -> tuple[list[_Fall], list[_Fall]]:
    """Those for the node, strongest first, and those against it, strongest first."""
    ordered = sorted(falls, key=lambda fall: -fall.weight)
    strongest = max((abs(fall.weight) for fall in falls), default=0.0)
    least = max(_LEAST_OF_SCORE * score, _LEAST_OF_STRONGEST * strongest)
    words_for = [fall for fall in ordered if fall.weight > least]
    words_against = [fall for fall in reversed(ordered) if fall.weight < -least]
    return words_for[:KEPT_FOR], words_against[:KEPT_AGAINST]


def _checked(one: _Found, values: Sequence[float]) -> tuple[float, float | None]:
    """Base value and fidelity from the scores of the variants that check them."""
    if not values:
        return one.score, None
    base_value, without_shown, *without_others = values
    at_random = float(np.mean(without_others))
    if not one.words_for or at_random <= 0:
        return base_value, None
    return base_value, min(1.0, max(0.0, 1.0 - without_shown / at_random))


def _explanation(
    mask: WordMask, one: _Found, *, base_value: float, fidelity: float | None
) -> Explanation:
    words = (_attribution(mask, fall) for fall in one.shown)
    return Explanation(
        taxonomy=one.target.taxonomy,
        node_id=one.target.node_id,
        classifier=one.target.classifier,
        method=METHOD,
        attributions=(*words, *_sentences(mask, one.shown)),
        score=one.score,
        base_value=base_value,
        unit="probability",
        fidelity=fidelity,
    )


def _attribution(mask: WordMask, fall: _Fall) -> Attribution:
    kind: AttributionKind = "word" if len(fall.words) == 1 else "phrase"
    return Attribution(kind=kind, name=mask.phrase_text(fall.words), weight=fall.weight)


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
    for passage in mask.passages(SENTENCE_FIELDS, longest=SENTENCE_WORDS, with_any=weight_of > 0):
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
