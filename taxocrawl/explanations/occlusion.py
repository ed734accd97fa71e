"""Words: what the probability loses when a word is left out of the page.

The classifier's own cheap opinion of words (`WordFinder`, `WordScorer`) only chooses which ones are
worth an exact look. Those few are then left out, one at a time and together, and the whole
classifier is asked again, in one batch, so that the numbers are in the probability that the user
sees (Robnik-Sikonja and Kononenko 2008; "occlusion" since Zeiler and Fergus 2014).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from taxocrawl.explanations.masking import Phrase, Tokens, WordMask
from taxocrawl.explanations.screening import looks
from taxocrawl.explanations.targets import Question, ask, deepest
from taxocrawl.protocols import AblationScorer, Classifier, NodesScorer, Resources, Scorer
from taxocrawl.records import Attribution, Document, Explanation, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

METHOD = "words"

CANDIDATES = 10
PHRASES = 2
KEPT_FOR = 10
KEPT_AGAINST = 5
SENTENCES = 3

# Shown is what is no rounding of a float32 classifier and no crumb beside the strongest word.
_LEAST_OF_SCORE = 1e-4
_LEAST_OF_STRONGEST = 0.02
# What two words say only together, as a part of all that they say.
_LEAST_OF_PHRASE = 0.25


@dataclass(frozen=True, slots=True)
class _Fall:
    """A word (one number) or phrase (several) and the fall of the probability without it."""

    words: tuple[int] | Phrase
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """Targets of one document, the number of it, that share their variants: without each of these
    words and phrases, and without all `words`.
    """

    number: int
    mask: WordMask
    targets: Sequence[Prediction]
    words: Sequence[int]
    phrases: Mapping[Phrase, Tokens]

    @property
    def question(self) -> Question:
        """The whole document first."""
        n_words = len(self.words)
        words = np.zeros((2 + n_words + len(self.phrases), len(self.mask.words)), dtype=np.bool_)
        words[np.arange(1, 1 + n_words), self.words] = True
        words[-1, self.words] = True
        gone = self.mask.gone(words)
        for row, places in enumerate(self.phrases.values(), start=1 + n_words):
            gone[row, places] = True
        return Question(mask=self.mask, gone=gone, targets=self.targets)


class WordOcclusion:
    """Explainer `words`, for every classifier that can score a document.

    `base_value` is the score without all words that were looked at. `fidelity` is the share of the
    probability that rests on them (comprehensiveness in DeYoung et al. 2020): 1 - base_value /
    score, cut to [0, 1]; None where no word speaks for the node.
    """

    def __init__(self, *, taxonomy: Callable[[str], Taxonomy]) -> None:
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
        asked: list[tuple[int, list[Prediction]]] = []
        for number, of_document in enumerate(predictions):
            groups: dict[tuple[str, str], list[Prediction]] = {}
            for target in deepest(of_document, self._taxonomy):
                key = (target.taxonomy, "" if together else target.node_id)
                groups.setdefault(key, []).append(target)
            asked += [(number, group) for group in groups.values()]
        looked = looks(
            [(documents[number], group) for number, group in asked], classifier, most=CANDIDATES
        )
        for (number, group), (mask, words) in zip(asked, looked, strict=True):
            yield _Case(
                number=number,
                mask=mask,
                targets=group,
                words=words,
                phrases=mask.phrases(words, most=PHRASES),
            )


def create(resources: Resources) -> WordOcclusion:
    return WordOcclusion(taxonomy=resources.taxonomy)


def _falls(
    words: Sequence[int], phrases: Iterable[Phrase], weights: Sequence[float]
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
    score, *without, base_value = scores
    falls = _falls(case.words, case.phrases, [score - value for value in without])
    words_for, words_against = _kept(falls, score)
    shown = [*words_for, *words_against]
    words = (_attribution(case, fall) for fall in shown)
    fidelity = None
    if words_for and score > 0:
        fidelity = min(1.0, max(0.0, 1.0 - base_value / score))
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


def _attribution(case: _Case, fall: _Fall) -> Attribution:
    if len(fall.words) == 1:
        return Attribution(kind="word", name=case.mask.words[fall.words[0]], weight=fall.weight)
    name = case.mask.phrase_text(fall.words, case.phrases[fall.words])
    return Attribution(kind="phrase", name=name, weight=fall.weight)


def _sentences(mask: WordMask, falls: Sequence[_Fall]) -> list[Attribution]:
    """The sentences whose words weigh most together, each word counted once in a sentence, and each
    sentence with a word that those before it did not hold.
    """
    weights = np.zeros(len(mask.words))
    for fall in falls:
        if len(fall.words) == 1:
            weights[fall.words[0]] = fall.weight
    chosen: list[Attribution] = []
    told: set[int] = set()
    for sentence, weight, words in mask.sentences(weights):
        telling = {word for word in words if weights[word] > 0}
        if weight <= 0 or len(chosen) == SENTENCES:
            break
        if not telling <= told:
            passage = mask.passage(sentence)
            name, url = passage.text, passage.page.url
            chosen.append(Attribution(kind="sentence", name=name, weight=weight, url=url))
            told |= telling
    return chosen
