"""Do two explanations say the same, and do the words they name really carry the answer?"""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from taxocrawl.explanations.masking import WordMask
from taxocrawl.explanations.ranks import spearman
from taxocrawl.records import Agreement, Document, Explanation

TOP = 5

Score = Callable[[Sequence[Document]], NDArray[np.float64]]


def agreement(a: Explanation, b: Explanation, *, top: int = TOP) -> Agreement:
    """Agreement on words; ValueError where the two explain different predictions."""
    if (a.taxonomy, a.node_id) != (b.taxonomy, b.node_id):
        raise ValueError(
            f"explanations of {a.taxonomy} {a.node_id} and {b.taxonomy} {b.node_id} cannot agree"
        )
    weights_a, weights_b = word_weights(a), word_weights(b)
    return Agreement(
        taxonomy=a.taxonomy,
        node_id=a.node_id,
        method_a=a.method,
        method_b=b.method,
        rank_correlation=rank_correlation(weights_a, weights_b),
        overlap=top_overlap(weights_a, weights_b, top=top),
        top=top,
        classifier=a.classifier,
    )


def agreements(explanations: Sequence[Explanation]) -> tuple[Agreement, ...]:
    """Of every two explanations of one prediction that both name words."""
    worded = [explanation for explanation in explanations if word_weights(explanation)]
    return tuple(
        agreement(a, b)
        for a, b in combinations(worded, 2)
        if (a.taxonomy, a.node_id, a.classifier) == (b.taxonomy, b.node_id, b.classifier)
    )


def word_weights(explanation: Explanation) -> dict[str, float]:
    """Weights of the single words of an explanation."""
    return {a.name: a.weight for a in explanation.attributions if a.kind == "word"}


def rank_correlation(a: Mapping[str, float], b: Mapping[str, float]) -> float | None:
    """Spearman's rho over all names in either, a missing one weighing 0; None where one of them
    gives all the same weight.
    """
    names = sorted(a.keys() | b.keys())
    table = np.array([[a.get(name, 0.0), b.get(name, 0.0)] for name in names]).reshape(-1, 2)
    if not names or (table == table[0]).all(axis=0).any():
        return None
    return float(spearman(table)[0, 1])


def top_overlap(a: Mapping[str, float], b: Mapping[str, float], *, top: int) -> float | None:
    """Share of the `top` names of greatest positive weight that both have; of fewer where one has
    fewer.
    """
    first, second = _top(a, top), _top(b, top)
    if not first or not second:
        return None
    return len(set(first) & set(second)) / min(len(first), len(second))


def deletion(score: Score, mask: WordMask, words: Sequence[int]) -> NDArray[np.float64]:
    """Scores as these words go one after the other, (n_words + 1,), the whole document first."""
    return score([mask.without(words[:count]) for count in range(len(words) + 1)])


def insertion(score: Score, mask: WordMask, words: Sequence[int]) -> NDArray[np.float64]:
    """Scores as these words come one after the other into a document of none, (n_words + 1,)."""
    everything = set(range(len(mask.words)))
    return score([mask.without(everything - set(words[:count])) for count in range(len(words) + 1)])


def _top(weights: Mapping[str, float], top: int) -> list[str]:
    positive = [name for name, weight in weights.items() if weight > 0]
    return sorted(positive, key=lambda name: (-weights[name], name))[:top]
