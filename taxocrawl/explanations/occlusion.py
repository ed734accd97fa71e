"""Words: what the probability loses when a word is left out of the page.

The classifier's own cheap opinion of every word (`WordScorer`) only chooses which words are worth
an exact look. Those few are then left out, one at a time and together, and the whole classifier is
asked again, in one batch, so that the numbers are in the probability that the user sees
(Robnik-Sikonja and Kononenko 2008; "occlusion" since Zeiler and Fergus 2014).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

import numpy as np

from taxocrawl.explanations.masking import WordMask, shortened
from taxocrawl.explanations.screening import candidates_of
from taxocrawl.explanations.targets import Question, ask, deepest, text_seed, words_read
from taxocrawl.protocols import AblationScorer, Classifier, NodesScorer, Resources, Scorer
from taxocrawl.records import Attribution, AttributionKind, Document, Explanation, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

METHOD = "words"

CANDIDATES = 10
PHRASES = 2
KEPT_FOR = 10
KEPT_AGAINST = 5
SENTENCES = 3
SENTENCE_WORDS = 40
SENTENCE_CHARACTERS = 320
SENTENCE_FIELDS = frozenset({"title", "description", "headings", "body"})

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
    """Targets of one document, the number of it, that share their variants: without each of these
    words and phrases, without all `words`, without as many `others`.
    """

    number: int
    mask: WordMask
    targets: Sequence[Prediction]
    words: Sequence[int]
    phrases: Sequence[tuple[int, int]]
    others: Sequence[int]

    @property
    def question(self) -> Question:
        """The whole document first."""
        places = self.mask.places
        return Question(
            mask=self.mask,
            variants=[
                places(()),
                *(places((number,)) for number in self.words),
                *(self.mask.phrase_places(phrase) for phrase in self.phrases),
                places(self.words),
                places(self.others),
            ],
            targets=self.targets,
        )


class WordOcclusion:
    """Explainer `words`, for every classifier that can score a document.

    `base_value` is the score without all words that were looked at. `fidelity` is the share of the
    probability that rests on them: 1 - base_value / (score without as many random other words), cut
    to [0, 1]; None where no word speaks for the node.
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
        answers = ask(classifier, [case.question for case in cases])
        for case, table in zip(cases, answers, strict=True):
            for target, scores in zip(case.targets, table.T.tolist(), strict=True):
                explained[case.number].append(_explanation(case, target, scores))
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
        found: list[tuple[int, WordMask, list[Prediction]]] = []
        for number, (document, of_document) in enumerate(zip(documents, predictions, strict=True)):
            targets = deepest(of_document, self._taxonomy)
            if not targets:
                continue
            mask = words_read(document, classifier)
            groups: dict[tuple[str, str], list[Prediction]] = {}
            for target in targets:
                of_group = groups.setdefault(
                    (target.taxonomy, "" if together else target.node_id), []
                )
                of_group.append(target)
            found += [(number, mask, group) for group in groups.values()]
        chosen = candidates_of(
            [(mask, documents[number], group) for number, mask, group in found],
            classifier,
            most=CANDIDATES,
        )
        for (number, mask, group), rankings in zip(found, chosen, strict=True):
            words = _first_of_each(rankings, CANDIDATES)
            generator = text_seed(documents[number], group[0], self._seed)
            others = np.setdiff1d(np.arange(len(mask.words)), words)
            yield _Case(
                number=number,
                mask=mask,
                targets=group,
                words=words,
                phrases=mask.phrases(words)[:PHRASES],
                others=generator.permutation(others)[: len(words)].tolist(),
            )


def create(resources: Resources) -> WordOcclusion:
    return WordOcclusion(seed=resources.seed, taxonomy=resources.taxonomy)


def _first_of_each(rankings: Sequence[Sequence[int]], most: int) -> list[int]:
    """The first of every ranking, then the second, and so on; `most` of them, none twice."""
    turns = chain.from_iterable(zip_longest(*rankings))
    return list(dict.fromkeys(number for number in turns if number is not None))[:most]


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


def _explanation(case: _Case, target: Prediction, scores: Sequence[float]) -> Explanation:
    """From the scores of all variants of the case's question."""
    score, *without, base_value, at_random = scores
    falls = _falls(case.words, case.phrases, [score - value for value in without])
    words_for, words_against = _kept(falls, score)
    shown = [*words_for, *words_against]
    words = (_attribution(case.mask, fall) for fall in shown)
    fidelity = None
    if words_for and at_random > 0:
        fidelity = min(1.0, max(0.0, 1.0 - base_value / at_random))
    return Explanation(
        taxonomy=target.taxonomy,
        node_id=target.node_id,
        classifier=target.classifier,
        method=METHOD,
        attributions=(*words, *_sentences(case.mask, shown)),
        score=score,
        base_value=base_value,
        unit="probability",
        fidelity=fidelity,
    )


def _attribution(mask: WordMask, fall: _Fall) -> Attribution:
    kind: AttributionKind = "word" if len(fall.words) == 1 else "phrase"
    return Attribution(kind=kind, name=mask.phrase_text(fall.words), weight=fall.weight)


def _sentences(mask: WordMask, falls: Sequence[_Fall]) -> list[Attribution]:
    """The sentences whose words weigh most together, each word counted once in a sentence, and each
    sentence with a word that those before it did not hold.
    """
    weights = {fall.words[0]: fall.weight for fall in falls if len(fall.words) == 1}
    found = [
        (sum(weights[number] for number in sorted(words)), sentence, words)
        for sentence, words in mask.sentences(weights.keys(), longest=SENTENCE_WORDS).items()
    ]
    found.sort(key=lambda row: -row[0])
    chosen: list[Attribution] = []
    told: set[int] = set()
    for weight, sentence, words in found:
        telling = {number for number in words if weights[number] > 0}
        if weight <= 0 or len(chosen) == SENTENCES:
            break
        if telling <= told:
            continue
        passage = mask.passage(sentence)
        if passage.field in SENTENCE_FIELDS:
            name = shortened(passage.text, SENTENCE_CHARACTERS)
            chosen.append(
                Attribution(kind="sentence", name=name, weight=weight, url=passage.page.url)
            )
            told |= telling
    return chosen
