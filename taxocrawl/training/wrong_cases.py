"""Labelled pages that were answered wrongly, grouped by the words and features that drove them.

One wrong answer is an accident; five that one word drove into one category are something to mend:
a missing label, a word with two meanings, a category that says too little.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from taxocrawl.protocols import Classifier, Explainer, FeatureScorer
from taxocrawl.records import Document, Prediction
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training.dataset import LabelledPage
from taxocrawl.training.importance import BATCH, TierScores

DRIVERS = 5
"""Words of a wrong answer, and features, that count as having driven it."""

NO_CANDIDATE = "(the right one was no candidate)"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongCase:
    """One page with a wrong first node. `words` are those that carried it, strongest first;
    `features` those that preferred it to the right node, strongest first. `sure`: asserted.
    """

    page_id: str
    url: str
    true: str
    predicted: str
    confidence: float
    sure: bool
    words: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongGroup:
    """Cases that one `driver` has in common: a word (into one branch of the tree) or a feature.

    `pairs` are (true, predicted, n), most frequent first; `words` and `features` what the cases
    have in common beside the driver.
    """

    kind: str
    driver: str
    cases: tuple[WrongCase, ...]
    pairs: tuple[tuple[str, str, int], ...]
    words: tuple[str, ...]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Debugged:
    """All wrong cases of some labelled pages. Each case stands in at most one group by words and
    one by features.
    """

    n_pages: int
    n_unanswered: int
    cases: tuple[WrongCase, ...]
    by_word: tuple[WrongGroup, ...]
    by_feature: tuple[WrongGroup, ...]


def debug(
    classifier: Classifier,
    explainer: Explainer,
    pages: Sequence[LabelledPage],
    taxonomy: Taxonomy,
    *,
    tier: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Debugged:
    """The wrong cases and their groups; with `tier`, wrong is what is wrong at that tier.

    `explainer` says which words carried an answer. `progress` hears how many cases are explained.
    """
    documents = [
        Document(id=page.page_id, domain=page.domain, pages=(page.page,), url=page.page.url)
        for page in pages
    ]
    wrong: list[tuple[LabelledPage, Document, Prediction]] = []
    unanswered = 0
    for i in range(0, len(pages), BATCH):
        answers = classifier.classify(documents[i : i + BATCH])
        for page, document, answer in zip(pages[i:], documents[i:], answers, strict=False):
            own = (p for p in answer if p.taxonomy == taxonomy.name and p.rank == 1)
            first = next(own, None)
            if first is None:
                unanswered += 1
            elif not _right(page, first.node_id, taxonomy, tier):
                wrong.append((page, document, first))
    cases = []
    for done, (page, document, first) in enumerate(wrong, 1):
        cases.append(_case(page, document, first, classifier, explainer))
        progress(done)
    return Debugged(
        n_pages=len(pages),
        n_unanswered=unanswered,
        cases=tuple(cases),
        by_word=_groups(
            cases, "word", lambda case: ((_root(case.predicted, taxonomy), w) for w in case.words)
        ),
        by_feature=_groups(cases, "feature", lambda case: (("", f) for f in case.features[:1])),
    )


def _right(page: LabelledPage, node_id: str, taxonomy: Taxonomy, tier: int | None) -> bool:
    scores = TierScores([page], taxonomy)
    if tier not in scores.tiers:
        return True  # the label is not so deep
    return bool(scores([node_id])[scores.tiers.index(tier)])


def _case(
    page: LabelledPage,
    document: Document,
    first: Prediction,
    classifier: Classifier,
    explainer: Explainer,
) -> WrongCase:
    words: list[str] = []
    for explanation in explainer.explain(document, [replace(first, asserted=True)], classifier):
        driving = [a for a in explanation.attributions if a.kind == "word" and a.weight > 0]
        words += [a.name for a in sorted(driving, key=lambda a: -a.weight)[:DRIVERS]]
    return WrongCase(
        page_id=page.page_id,
        url=page.page.url,
        true=page.primary,
        predicted=first.node_id,
        confidence=first.confidence,
        sure=first.asserted,
        words=tuple(words),
        features=_preferring(document, first, page.primary, classifier),
    )


def _preferring(
    document: Document, first: Prediction, true: str, classifier: Classifier
) -> tuple[str, ...]:
    """Features by how much more they gave the answer than the right node."""
    if not isinstance(classifier, FeatureScorer):
        return ()
    given, _ = classifier.feature_contributions(document, first.taxonomy, first.node_id)
    right, _ = classifier.feature_contributions(document, first.taxonomy, true)
    if not right:
        return (NO_CANDIDATE,) if given else ()
    of_right = {name: weight for name, _, weight in right}
    lead = {name: weight - of_right.get(name, 0.0) for name, _, weight in given}
    ordered = sorted(lead, key=lambda name: (-lead[name], name))
    return tuple(name for name in ordered[:DRIVERS] if lead[name] > 0)


def _root(node_id: str, taxonomy: Taxonomy) -> str:
    line = [node_id, *taxonomy.ancestors(node_id)]
    return next(i for i in line if taxonomy[i].tier == 1)


Key = tuple[str, str]


def _groups(
    cases: Sequence[WrongCase], kind: str, keys: Callable[[WrongCase], Iterable[Key]]
) -> tuple[WrongGroup, ...]:
    """The driver that the most cases share takes them, then the next among the rest."""
    left = list(cases)
    found = []
    while left:
        counted = Counter(key for case in left for key in set(keys(case)))
        key, n = min(counted.items(), key=lambda item: (-item[1], item[0]), default=(("", ""), 0))
        if n < 2:
            break
        own = [case for case in left if key in set(keys(case))]
        left = [case for case in left if case not in own]
        found.append(_group(kind, key[1], own))
    return tuple(found)


def _group(kind: str, driver: str, cases: Sequence[WrongCase]) -> WrongGroup:
    pairs = Counter((case.true, case.predicted) for case in cases)
    return WrongGroup(
        kind=kind,
        driver=driver,
        cases=tuple(sorted(cases, key=lambda case: -case.confidence)),
        pairs=tuple((true, predicted, n) for (true, predicted), n in pairs.most_common()),
        words=_common((case.words for case in cases), driver),
        features=_common((case.features for case in cases), driver),
    )


def _common(of_cases: Iterable[tuple[str, ...]], driver: str) -> tuple[str, ...]:
    counted = Counter(name for names in of_cases for name in dict.fromkeys(names))
    return tuple(name for name, n in counted.most_common(DRIVERS) if n > 1 and name != driver)
