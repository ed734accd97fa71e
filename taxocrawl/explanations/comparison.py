"""Several methods on one answer, side by side: where they agree, where not, and what that means."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from taxocrawl.explanations.agreement import (
    TOP,
    Score,
    agreement,
    deletion,
    insertion,
    word_weights,
)
from taxocrawl.explanations.masking import WordMask
from taxocrawl.explanations.targets import scores, text_seed
from taxocrawl.protocols import Classifier, Scorer
from taxocrawl.records import Agreement, Document, Explanation, Prediction

RANDOM_SETS = 5
SAME = 0.6  # of the first words: three of five
LINEAR = 0.5  # R2 below which LIME's line says little
PRECISE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodWords:
    """What one method names, strongest first, and whether that carries the answer.

    `gone` is the score as its first words go one after the other, `alone` as they come into an
    empty page, both from none of them on; () where the classifier cannot score.
    """

    method: str
    words: tuple[str, ...]
    against: tuple[str, ...]
    fidelity: float | None
    gone: tuple[float, ...] = ()
    alone: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The methods on one category. `random_gone`: the score without as many random words, mean of
    a few draws; None where not measured. `remarks` say in plain words what to make of it.
    """

    taxonomy: str
    node_id: str
    methods: tuple[MethodWords, ...]
    agreements: tuple[Agreement, ...]
    random_gone: float | None
    remarks: tuple[str, ...]


def compare(
    document: Document,
    explanations: Sequence[Explanation],
    predictions: Sequence[Prediction],
    classifier: Callable[[str], Classifier],
    *,
    seed: int = 0,
) -> tuple[Comparison, ...]:
    """One comparison for each category that more than one method explained."""
    mask = WordMask(document)
    known = {(p.taxonomy, p.node_id): p for p in reversed(predictions)}
    found = []
    grouped: dict[tuple[str, str, str], list[Explanation]] = {}
    for explanation in explanations:
        key = (explanation.taxonomy, explanation.node_id, explanation.classifier)
        grouped.setdefault(key, []).append(explanation)
    for (taxonomy, node_id, name), group in grouped.items():
        target = known.get((taxonomy, node_id))
        model = classifier(name)
        scorer = isinstance(model, Scorer) and taxonomy in model.taxonomies
        if len(group) > 1:
            of_target = (model, target) if target and scorer else None
            found.append(_compared(document, mask, group, of_target, seed))
    return tuple(found)


def _compared(
    document: Document,
    mask: WordMask,
    group: Sequence[Explanation],
    of_target: tuple[Classifier, Prediction] | None,
    seed: int,
) -> Comparison:
    score: Score | None = None
    random_gone = None
    number = {word: i for i, word in enumerate(mask.words)}
    if of_target is not None:
        model, target = of_target

        def score(documents: Sequence[Document]) -> np.ndarray:
            assert isinstance(model, Scorer)  # noqa: S101 - for the reader of types
            return scores(model, documents, [target])[:, 0]

        named = {number[w] for e in group for w in word_weights(e) if w in number}
        others = np.array([i for i in range(len(number)) if i not in named], dtype=np.intp)
        draw = text_seed(document, target, seed)
        sets = [mask.without(draw.permutation(others)[:TOP].tolist()) for _ in range(RANDOM_SETS)]
        random_gone = float(score(sets).mean())
    methods = tuple(_method(e, mask, number, score) for e in group)
    worded = [e for e in group if word_weights(e)]
    agreements = tuple(agreement(a, b) for a, b in itertools.combinations(worded, 2))
    first = group[0]
    return Comparison(
        taxonomy=first.taxonomy,
        node_id=first.node_id,
        methods=methods,
        agreements=agreements,
        random_gone=random_gone,
        remarks=tuple(_remarks(group, methods, agreements, random_gone)),
    )


def _method(
    explanation: Explanation, mask: WordMask, number: Mapping[str, int], score: Score | None
) -> MethodWords:
    weights = word_weights(explanation)
    words = sorted((w for w in weights if weights[w] > 0), key=lambda w: (-weights[w], w))[:TOP]
    against = sorted((w for w in weights if weights[w] < 0), key=lambda w: (weights[w], w))[:TOP]
    numbers = [number[word] for word in words if word in number]
    measured = score is not None and bool(numbers)
    return MethodWords(
        method=explanation.method,
        words=tuple(words),
        against=tuple(against),
        fidelity=explanation.fidelity,
        gone=_curve(deletion(score, mask, numbers)) if score and measured else (),
        alone=_curve(insertion(score, mask, numbers)) if score and measured else (),
    )


def _curve(values: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _remarks(
    group: Sequence[Explanation],
    methods: Sequence[MethodWords],
    agreements: Sequence[Agreement],
    random_gone: float | None,
) -> Iterator[str]:
    words = {method.method: method.words for method in methods}
    for pair in agreements:
        yield from _pair(pair, words[pair.method_a], words[pair.method_b])
    yield from _carried(methods, random_gone)
    for explanation in group:
        yield from _doubt(explanation)


def _pair(pair: Agreement, first: Sequence[str], second: Sequence[str]) -> Iterator[str]:
    a, b = pair.method_a, pair.method_b
    both = [word for word in first if word in second]
    if pair.overlap is None:
        yield f"{a} and {b}: one of them names no word for this category."
        return
    of = min(len(first), len(second))
    said = {True: "agree", False: "agree in part" if both else "disagree"}[pair.overlap >= SAME]
    yield f"{a} and {b} {said}: {len(both)} of the first {of} words are the same."
    if pair.overlap >= SAME:
        return
    only_a = ", ".join(w for w in first if w not in second)
    only_b = ", ".join(w for w in second if w not in first)
    for one, other, own in ((a, b, only_a), (b, a, only_b)):
        if own and one in _MEANINGS and other in _MEANINGS:
            yield f"Only {one} names {own}: {_MEANINGS[one]}."


_MEANINGS = {
    "words": "taken from the whole page, each is missed; beside few other words it says less",
    "lime": "other words of the page make up for each of them, so that none is missed alone, "
    "but they count where much of the page is gone",
    "anchors": "with these words the answer stays whatever else goes; that does not mean that "
    "it falls without them",
}


def _carried(methods: Sequence[MethodWords], random_gone: float | None) -> Iterator[str]:
    measured = [method for method in methods if method.gone]
    if not measured or random_gone is None:
        return
    start = measured[0].gone[0]
    falls = ", ".join(f"{m.method} {m.gone[-1]:.2f}" for m in measured)
    yield (
        f"Without the first {TOP} words of each the probability goes from {start:.2f} to: {falls}; "
        f"without {TOP} random words {random_gone:.2f}."
    )
    for method in measured:
        # A word that others make up for is not missed, but then it is enough by itself.
        if method.gone[-1] >= random_gone and method.alone[-1] <= method.alone[0]:
            yield (
                f"The words of {method.method} carry the answer no better than random ones: do "
                "not rely on it here."
            )
    if all(m.gone[-1] > 0.5 * start for m in measured):
        yield "The answer rests on many words that say a little each; no list of five tells it all."


def _doubt(explanation: Explanation) -> Iterator[str]:
    fidelity = explanation.fidelity
    if explanation.method == "words" and not any(w > 0 for w in word_weights(explanation).values()):
        yield "words names no word for it: none is missed alone, as others make up for each."
    if explanation.method == "lime" and fidelity is not None and fidelity < LINEAR:
        yield (
            f"lime's line fits badly (R2 {fidelity:.2f}): words work together here, and its "
            "single weights mean little."
        )
    if explanation.method == "anchors":
        if not explanation.attributions:
            yield "anchors needs no word in particular: the answer survives whatever goes."
        elif fidelity is not None and fidelity < PRECISE:
            yield f"anchors found no short rule that always holds; its best: {fidelity:.0%}."
    if explanation.unit == "margin" and not word_weights(explanation):
        yield (
            f"{explanation.method} speaks of the model's features, not of words: it says by which "
            "evidence the words counted, and is not compared with the others."
        )
