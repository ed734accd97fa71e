"""Anchors: the fewest words that keep the answer, whatever else of the page goes.

Ribeiro, Singh and Guestrin 2018, "Anchors: high-precision model-agnostic explanations": a beam
search over rules ("these words stand there"), each rule's precision estimated from random variants
of the page. Which rules deserve more variants is decided by KL-LUCB (Kaufmann and Kalyanakrishnan
2013), so that most of them go where two rules are hard to tell apart.
"""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from taxocrawl.explanations.masking import Bools, WordMask
from taxocrawl.explanations.screening import candidates
from taxocrawl.explanations.targets import deepest, text_seed, words_read
from taxocrawl.protocols import AblationScorer, Classifier, Resources
from taxocrawl.records import Attribution, Document, Explanation, Prediction
from taxocrawl.taxonomies.tree import Taxonomy

METHOD = "anchors"

PRECISION = 0.95
CERTAINTY = 0.9  # that a bound holds
TOLERANCE = 0.05  # a rule passes when its lower bound is this near to PRECISION
EPSILON = 0.15  # rules nearer to each other than this need not be told apart
BEAM = 2
MOST_WORDS = 5
BATCH = 20
BUDGET = 1200  # variants for all answers of a page together
PARTS = 8  # of the budget; each choice of rules and each confirmation gets one
WORDS = 20
# How much of the rest stays in a variant: the first share at which the answer needs a rule. Long
# pages keep their answer on any half of their words, which explains nothing.
SHARES_KEPT = (0.5, 0.25, 0.1, 0.03)

_CERTAIN = math.log(1 / (1 - CERTAINTY))

Sample = Callable[[tuple[int, ...], int], tuple[NDArray[np.bool_], NDArray[np.bool_]]]
"""Words of a rule and a number of variants -> which words each variant kept, (n, n_words), and
whether the answer stayed, (n,). All variants keep the rule's words.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Words, and how often the answer stayed where they did.

    `low` is the lower bound of `precision`; `gains` what each word added to the precision, in the
    order of `words`; `base` the precision without any word; `passed` whether the precision is high
    enough for all that the variants drawn can tell.
    """

    words: tuple[int, ...]
    precision: float
    low: float
    base: float
    gains: tuple[float, ...]
    samples: int
    passed: bool


@dataclass(slots=True)
class _Arm:
    """A rule under test and the variants that were drawn for it."""

    words: tuple[int, ...]
    kept: NDArray[np.bool_]
    stayed: NDArray[np.bool_]
    path: tuple[float, ...] = field(default=())

    @property
    def mean(self) -> float:
        return float(self.stayed.mean()) if len(self.stayed) else 0.0

    def low(self, beta: float) -> float:
        return kl_low(self.mean, beta / len(self.stayed)) if len(self.stayed) else 0.0

    def high(self, beta: float) -> float:
        return kl_high(self.mean, beta / len(self.stayed)) if len(self.stayed) else 1.0


class Anchors:
    """Explainer `anchors`, for every classifier: it needs no more than `classify`.

    The answer stays where the node is still asserted (for an answer that was not, where it still
    has rank 1). `score` and `fidelity` are the precision of the rule, `base_value` that of the
    empty rule, weights what each word adds to it. Figures: `coverage`, the share of variants that
    hold all words of the rule; `precision_low`, the lower bound; `share_kept` of the other words in
    a variant; `samples` drawn; `budget_reached`, 1 where no rule was precise enough after as
    many variants as it may take and the best is shown, 0 else.
    """

    def __init__(
        self, *, seed: int, taxonomy: Callable[[str], Taxonomy], budget: int = BUDGET
    ) -> None:
        self._seed = seed
        self._taxonomy = taxonomy
        self._budget = budget

    def explain(
        self, document: Document, predictions: Sequence[Prediction], classifier: Classifier
    ) -> list[Explanation]:
        """One explanation for each deepest asserted prediction; what one leaves of its part of the
        budget the next ones get.
        """
        mask = words_read(document, classifier)
        targets = deepest(predictions, self._taxonomy)
        found: list[Explanation] = []
        left = self._budget
        for number, target in enumerate(targets):
            # A step may draw a few too many, and the last answer is not to pay for all others.
            part = max(left // (len(targets) - number), self._budget // (2 * len(targets)))
            explanation, drawn = self._explain(mask, document, target, classifier, part)
            found.append(explanation)
            left -= drawn
        return found

    def _explain(
        self,
        mask: WordMask,
        document: Document,
        target: Prediction,
        classifier: Classifier,
        budget: int,
    ) -> tuple[Explanation, int]:
        """The explanation, and how many variants it took."""
        started = time.perf_counter()
        words = candidates(mask, document, target, classifier, most=WORDS)
        generator = text_seed(document, target, self._seed)
        drawn = 0
        for share_kept in SHARES_KEPT:
            sample = _sampler(mask, words, self._asker(target, classifier), generator, share_kept)
            rule = find_rule(sample, len(words), budget=budget - drawn)
            drawn += rule.samples
            if rule.words or drawn >= budget:
                break
        coverage = share_kept ** len(rule.words)
        explanation = Explanation(
            taxonomy=target.taxonomy,
            node_id=target.node_id,
            classifier=target.classifier,
            method=METHOD,
            attributions=tuple(
                Attribution(kind="word", name=mask.words[words[i]], weight=gain)
                for i, gain in zip(rule.words, rule.gains, strict=True)
            ),
            score=rule.precision,
            base_value=rule.base,
            unit="probability",
            fidelity=rule.precision,
            seconds=time.perf_counter() - started,
            figures=(
                ("coverage", coverage),
                ("precision_low", rule.low),
                ("share_kept", share_kept),
                ("samples", float(drawn)),
                ("budget_reached", float(not rule.passed)),
            ),
        )
        return explanation, drawn

    def _asker(
        self, target: Prediction, classifier: Classifier
    ) -> Callable[[WordMask, Bools], Bools]:
        """Whether the answer stays in variants without the words in some places."""

        def classified(mask: WordMask, gone: Bools) -> Bools:
            answers = classifier.classify([mask.cut(np.flatnonzero(row)) for row in gone])
            return np.array([_stays(answer, target) for answer in answers], dtype=bool)

        if not (isinstance(classifier, AblationScorer) and target.asserted):
            return classified
        line = self._taxonomy(target.taxonomy).lineage(target.node_id)
        bars = classifier.bars(target.taxonomy, line)

        def scored(mask: WordMask, gone: Bools) -> Bools:
            asked = mask.ablation(gone, target.taxonomy, line)
            return np.asarray((classifier.score_ablations([asked])[0] >= bars).all(axis=1))

        return scored


def create(resources: Resources) -> Anchors:
    return Anchors(seed=resources.seed, taxonomy=resources.taxonomy)


def _sampler(
    mask: WordMask,
    words: Sequence[int],
    stay: Callable[[WordMask, Bools], Bools],
    generator: np.random.Generator,
    share_kept: float,
) -> Sample:
    numbers = np.array(words, dtype=np.intp)

    def sample(rule: tuple[int, ...], count: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        kept = generator.random((count, len(mask.words))) < share_kept
        kept[:, numbers[list(rule)]] = True
        return kept[:, numbers], stay(mask, mask.gone(~kept))

    return sample


def _stays(answer: Sequence[Prediction], target: Prediction) -> bool:
    return any(
        (prediction.asserted if target.asserted else prediction.rank == 1)
        for prediction in answer
        if (prediction.taxonomy, prediction.node_id) == (target.taxonomy, target.node_id)
    )


def find_rule(
    sample: Sample,
    n_words: int,
    *,
    precision: float = PRECISION,
    budget: int = BUDGET,
    most_words: int = MOST_WORDS,
) -> Rule:
    """The shortest rule found whose precision is high enough; where none is within the budget, the
    one of highest precision. The empty rule where the answer needs no word in particular.
    """
    search = _Search(sample, n_words, precision=precision, budget=budget)
    empty = search.arm((), None)
    if search.passes(empty, n_rules=1):
        return search.rule(empty, empty, passed=True)
    beam, best = [empty], empty
    for _ in range(min(most_words, n_words)):
        arms = search.children(beam)
        beam = search.best(arms)
        # By the lower bound, so that no few lucky variants win; of two equals the shorter rule.
        best = max([best, *beam], key=lambda arm: arm.low(_CERTAIN))
        for arm in beam:
            if search.passes(arm, n_rules=len(arms)):
                return search.rule(arm, empty, passed=True)
        if search.exhausted:
            break
    return search.rule(best, empty, passed=False)


class _Search:
    """The bandit: where to draw the next variants."""

    def __init__(self, sample: Sample, n_words: int, *, precision: float, budget: int) -> None:
        self._sample = sample
        self._n_words = n_words
        self._precision = precision
        self._budget = budget
        self._limit = 0
        self.drawn = 0

    @property
    def exhausted(self) -> bool:
        return self.drawn >= self._budget

    @property
    def spent(self) -> bool:
        """Whether the present step has had its part of the budget."""
        return self.drawn >= self._limit

    def grant(self) -> None:
        """A part of the budget for the next step. Without parts, a choice between rules that are
        alike would leave nothing to confirm the one chosen, or to try longer ones.
        """
        self._limit = min(self._budget, self.drawn + self._budget // PARTS)

    def draw(self, arm: _Arm) -> None:
        kept, stayed = self._sample(arm.words, BATCH)
        self.drawn += BATCH
        arm.kept = np.concatenate([arm.kept, kept])
        arm.stayed = np.concatenate([arm.stayed, stayed])

    def arm(self, words: tuple[int, ...], parent: _Arm | None) -> _Arm:
        """A new arm. Its parent's variants that happen to keep the new word are drawn from the same
        distribution as its own would be, so they are used again.
        """
        if parent is None:
            kept, stayed = np.zeros((0, self._n_words), dtype=bool), np.zeros(0, dtype=bool)
            return _Arm(words=words, kept=kept, stayed=stayed)
        reused = parent.kept[:, words[-1]]
        path = (*parent.path, parent.mean)
        return _Arm(words=words, kept=parent.kept[reused], stayed=parent.stayed[reused], path=path)

    def children(self, beam: Sequence[_Arm]) -> list[_Arm]:
        self.grant()
        found: dict[frozenset[int], _Arm] = {}
        for parent in beam:
            for word in range(self._n_words):
                words = (*parent.words, word)
                if word not in parent.words and frozenset(words) not in found:
                    found[frozenset(words)] = self.arm(words, parent)
        for arm in found.values():
            if len(arm.stayed) < BATCH // 2 and not self.spent:
                self.draw(arm)
        return list(found.values())

    def best(self, arms: Sequence[_Arm]) -> list[_Arm]:
        """The `BEAM` arms of highest precision, told apart from the others by KL-LUCB."""
        self.grant()
        for step in itertools.count(1):
            ordered = sorted(arms, key=lambda arm: -arm.mean)
            chosen, others = ordered[:BEAM], ordered[BEAM:]
            if not others or self.spent:
                break
            beta = _beta(len(arms), step)
            weakest = min(chosen, key=lambda arm: arm.low(beta))
            rival = max(others, key=lambda arm: arm.high(beta))
            if rival.high(beta) - weakest.low(beta) < EPSILON:
                break
            self.draw(weakest)
            self.draw(rival)
        return chosen

    def passes(self, arm: _Arm, *, n_rules: int) -> bool:
        """Whether the arm's precision is high enough, after as many variants as that needs."""
        beta = _CERTAIN + math.log(1 + (BEAM - 1) * n_rules)
        self.grant()
        while not self.spent:
            high_enough = arm.mean >= self._precision
            if high_enough and arm.low(beta) >= self._precision - TOLERANCE:
                return True
            if not high_enough and arm.high(beta) < self._precision + TOLERANCE / 2:
                return False
            self.draw(arm)
        return arm.mean >= self._precision and arm.low(beta) >= self._precision - TOLERANCE

    def rule(self, arm: _Arm, empty: _Arm, *, passed: bool) -> Rule:
        steps = (*arm.path, arm.mean)
        return Rule(
            words=arm.words,
            precision=arm.mean,
            low=arm.low(_CERTAIN),
            base=empty.mean,
            gains=tuple(after - before for before, after in itertools.pairwise(steps)),
            samples=self.drawn,
            passed=passed,
        )


def _beta(n_arms: int, step: int) -> float:
    # The exploration rate of Kaufmann and Kalyanakrishnan, theorem 1, alpha = 1.1.
    rate = math.log(405.5 * n_arms * step**1.1 / (1 - CERTAINTY))
    return rate + math.log(rate)


def bernoulli_kl(p: float, q: float) -> float:
    """Divergence of two coins: p log(p/q) + (1-p) log((1-p)/(1-q))."""
    q = min(1 - 1e-12, max(1e-12, q))
    first = p * math.log(p / q) if p > 0 else 0.0
    second = (1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0
    return first + second


def kl_high(p: float, level: float) -> float:
    """The greatest q with a divergence from p of at most `level`."""
    return _bisect(p, 1.0, level, p)


def kl_low(p: float, level: float) -> float:
    """The least q with a divergence from p of at most `level`."""
    return _bisect(p, 0.0, level, p)


def _bisect(inside: float, outside: float, level: float, p: float) -> float:
    if bernoulli_kl(p, outside) <= level:
        return outside
    for _ in range(30):
        middle = (inside + outside) / 2
        if bernoulli_kl(p, middle) <= level:
            inside = middle
        else:
            outside = middle
    return inside
