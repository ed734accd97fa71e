"""LIME: a linear model of the classifier around one page (Ribeiro, Singh and Guestrin 2016).

Random sets of words are left out, the classifier scores what is left, and a ridge regression,
weighed towards the variants that keep most words, says what each word adds. Distance and kernel are
those of the paper's package. Its ridge penalty is scaled to the variants' weights here: unscaled it
draws all weights of a text of a few words to 0, because there every variant is far away (a page of
one word that carries 0.8 of the probability got 0.11).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from taxocrawl.explanations.masking import WordMask
from taxocrawl.explanations.screening import candidates
from taxocrawl.explanations.targets import Question, ask, deepest, text_seed, words_read
from taxocrawl.protocols import Classifier, Resources, Scorer
from taxocrawl.records import Attribution, Document, Explanation, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

METHOD = "lime"

SAMPLES = 600
WORDS = 60  # ten variants for every word; all other words of the page always stay
KERNEL_WIDTH = 0.25
RIDGE = 1.0
KEPT_FOR = 10
KEPT_AGAINST = 5
# A regression gives every word some weight; crumbs beside the strongest are its noise.
_LEAST_OF_STRONGEST = 0.02


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A local linear model: `weights` (n_words,), and `r_squared` over the weighted variants."""

    weights: NDArray[np.float64]
    intercept: float
    r_squared: float


class Lime:
    """Explainer `lime`, for every classifier that can score a document.

    `base_value` is what the linear model gives the page without its words, `fidelity` the R2 of
    the linear model on the variants. Figures: `samples`; `words` that took part; `kernel_width`;
    `share_kept`, how local it is: the share of those words in the variants, as the kernel weighs.
    """

    def __init__(
        self, *, seed: int, taxonomy: Callable[[str], Taxonomy], samples: int = SAMPLES
    ) -> None:
        self._seed = seed
        self._taxonomy = taxonomy
        self._samples = samples

    def explain(
        self, document: Document, predictions: Sequence[Prediction], classifier: Classifier
    ) -> list[Explanation]:
        """One explanation for each deepest asserted prediction; [] without a `Scorer`."""
        if not isinstance(classifier, Scorer):
            return []
        mask = words_read(document, classifier)
        return [
            self._explain(mask, document, target, classifier)
            for target in deepest(predictions, self._taxonomy)
        ]

    def _explain(
        self, mask: WordMask, document: Document, target: Prediction, classifier: Scorer
    ) -> Explanation:
        started = time.perf_counter()
        words = candidates(mask, document, target, classifier, most=WORDS)
        generator = text_seed(document, target, self._seed)
        kept = keep_masks(len(words), self._samples, generator)
        gone = np.zeros((len(kept), len(mask.words)), dtype=np.bool_)
        gone[:, words] = ~kept
        question = Question(mask=mask, gone=mask.gone(gone), targets=[target])
        answers = ask(classifier, [question])[0][:, 0]
        closeness = kernel(kept, width=KERNEL_WIDTH)
        penalty = RIDGE * float(closeness.mean())
        fit = ridge(kept.astype(np.float64), answers, closeness, penalty=penalty)
        share_kept = float(np.average(kept.mean(axis=1), weights=closeness)) if words else 1.0
        order = np.argsort(-fit.weights, kind="stable")
        least = _LEAST_OF_STRONGEST * float(np.abs(fit.weights).max(initial=0.0))
        shown = [i for i in order[:KEPT_FOR] if fit.weights[i] > least]
        shown += [i for i in order[::-1][:KEPT_AGAINST] if fit.weights[i] < -least]
        return Explanation(
            taxonomy=target.taxonomy,
            node_id=target.node_id,
            classifier=target.classifier,
            method=METHOD,
            attributions=tuple(
                Attribution(kind="word", name=mask.words[words[i]], weight=float(fit.weights[i]))
                for i in shown
            ),
            score=float(answers[0]),
            base_value=fit.intercept,
            unit="probability",
            fidelity=min(1.0, max(0.0, fit.r_squared)) if words else None,
            seconds=time.perf_counter() - started,
            figures=(
                ("samples", float(len(kept))),
                ("words", float(len(words))),
                ("kernel_width", KERNEL_WIDTH),
                ("share_kept", share_kept),
            ),
        )


def create(resources: Resources) -> Lime:
    return Lime(seed=resources.seed, taxonomy=resources.taxonomy)


def keep_masks(n_words: int, n_samples: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Which words stay in each variant, (n_samples, n_words): all in the first; in each other one
    a random number from 1 to all is left out.
    """
    if n_words == 0:
        return np.ones((1, 0), dtype=bool)
    gone = generator.integers(1, n_words + 1, size=n_samples)
    gone[0] = 0
    place = generator.random((n_samples, n_words)).argsort(axis=1).argsort(axis=1)
    kept: NDArray[np.bool_] = place >= gone[:, None]
    return kept


def kernel(kept: NDArray[np.bool_], *, width: float) -> NDArray[np.float64]:
    """Weight of each variant, (n_samples,), by its cosine distance from the whole page."""
    share = kept.mean(axis=1) if kept.shape[1] else np.ones(len(kept))
    distance = 1.0 - np.sqrt(share)
    weight: NDArray[np.float64] = np.exp(-((distance / width) ** 2) / 2)
    return weight


def ridge(
    inputs: NDArray[np.float64],
    answers: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    penalty: float,
) -> LinearFit:
    """Weighted ridge regression with an unpenalised intercept (Hoerl and Kennard 1970).

    `r_squared` is weighted too, and 1 where the answers do not vary.
    """
    share = weights / weights.sum()
    centre, mean = share @ inputs, float(share @ answers)
    x, y = inputs - centre, answers - mean
    weighted = x * weights[:, None]
    gram = weighted.T @ x + penalty * np.eye(x.shape[1])
    found = np.linalg.solve(gram, weighted.T @ y)
    unexplained, total = float(weights @ (y - x @ found) ** 2), float(weights @ y**2)
    # Answers equal but for rounding leave nothing to explain.
    constant = total <= 1e-12 * float(weights.sum())
    return LinearFit(
        weights=found,
        intercept=mean - float(centre @ found),
        r_squared=1.0 if constant else 1.0 - unexplained / total,
    )
