"""Each rule that a plugin's author is told about is broken here once, by a component that is right
in all else.
"""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from taxocrawl import testing
from taxocrawl.errors import TaxonomyError
from taxocrawl.explanations import lime, occlusion
from taxocrawl.extraction import ladder
from taxocrawl.protocols import ParsedPage, Resources
from taxocrawl.records import Attribution, Document, Explanation, Prediction
from taxocrawl.specimens import WordCounter, some_documents
from taxocrawl.taxonomies.tree import Node, Taxonomy

Answers = tuple[Prediction, ...]


class Changed(WordCounter):
    """Word counter whose answers go through a function."""

    def __init__(self, change: Callable[[Document, Answers], object]) -> None:
        self.change = change

    def classify(self, documents: Sequence[Document]) -> Any:
        answers = super().classify(documents)
        return [self.change(d, a) for d, a in zip(documents, answers, strict=True)]


def each(**values: object) -> Callable[[Document, Answers], Answers]:
    return lambda document, answer: tuple(replace(p, **values) for p in answer)  # type: ignore[arg-type]


def forget_read_only(document: Document, answer: Answers) -> Answers:
    object.__setattr__(document, "url", document.url + "!")
    return answer


def guess(document: Document, answer: Answers) -> Answers:
    return tuple(replace(p, confidence=os.urandom(1)[0] / 256) for p in answer)


def seeded(document: Document, answer: Answers) -> Answers:
    random.seed(7)
    return answer


def child_surer(document: Document, answer: Answers) -> Answers:
    child = replace(answer[0], node_id="484", tier=2, confidence=1.0, rank=None)
    return (*(replace(p, confidence=0.5) for p in answer), child)


def crash(document: Document, answer: Answers) -> Answers:
    raise SystemExit(document.id)


def neighbours() -> Any:
    class Neighbours(WordCounter):
        def classify(self, documents: Sequence[Document]) -> list[Answers]:
            sure = 1 / max(1, len(documents))
            return [each(confidence=sure)(*pair) for pair in self._pairs(documents)]

        def _pairs(self, documents: Sequence[Document]) -> Any:
            return zip(documents, super().classify(documents), strict=True)

    return Neighbours()


def overstated() -> Any:
    class Overstated(WordCounter):
        def score(self, documents: Sequence[Document], taxonomy: str, node_id: str) -> Any:
            scores = super().score(documents, taxonomy, node_id)
            return scores / min(2, len(documents))  # classify asks for one at a time

    return Overstated()


def attributes(**values: object) -> Any:
    return type("Odd", (WordCounter,), values)()


def test_a_classifier_that_keeps_all_rules_costs_something() -> None:
    cost = testing.check_classifier(lambda resources: WordCounter(), texts=["one more text"])
    assert cost.items == len(some_documents()) + 1
    assert cost.milliseconds_each > 0


@pytest.mark.parametrize(
    ("make", "rule", "said"),
    [
        (lambda: 1 / 0, "factory", "ZeroDivisionError"),
        (lambda: object(), "factory", "it has no classify, model_id, taxonomies"),
        (lambda: attributes(taxonomies="iab-3.1"), "taxonomies", "no list of names"),
        (lambda: attributes(taxonomies=("iab-31",)), "taxonomies", "did you mean 'iab-3.1'"),
        (lambda: attributes(model_id=""), "model_id", "'' is no name"),
        (lambda: Changed(crash), "classify", "raised SystemExit: English"),
        (lambda: Changed(lambda d, a: list(a)), "answer", "no tuple"),
        (lambda: Changed(each(confidence=float("nan"))), "answer", "confidence nan"),
        (lambda: Changed(each(node_id="none")), "answer", "node 'none' of iab-3.1: no such node"),
        (lambda: Changed(each(classifier="other")), "answer", "not the name it is registered by"),
        (lambda: Changed(lambda d, a: a[::-1]), "ranks", "English: ranks are [3, 2, 1]"),
        (lambda: Changed(child_surer), "parents", "its parent '483' 0.5000"),
        (lambda: Changed(guess), "repeatable", "two answers"),
        (lambda: Changed(forget_read_only), "read only", "changes what it is given"),
        (lambda: Changed(seeded), "leaves no trace", "the state of random"),
        (neighbours, "batch", "alone it gets another answer"),
        (overstated, "score", "score says"),
    ],
)
def test_a_classifier_that_breaks_a_rule_is_told_which(
    make: Callable[[], Any], rule: str, said: str
) -> None:
    with pytest.raises(testing.BrokenRule, match=f"rule '{rule}'") as caught:
        testing.check_classifier(lambda resources: make(), name=WordCounter.NAME)
    assert said in str(caught.value)


def test_resources_hold_options_seed_and_the_plugins_own_taxonomies() -> None:
    tree = Taxonomy("colours", [Node(id="c", parent_id=None, name="Colours", tier=1)])
    resources = testing.small_resources(options={"rows": 3}, seed=7, taxonomies=[tree])
    assert (resources.options["rows"], resources.seed) == (3, 7)
    assert resources.taxonomy("colours") is tree
    assert resources.taxonomy("iab-3.1")["483"].name == "Sports"
    with pytest.raises(TaxonomyError):
        resources.taxonomy("shapes")


def explained(**values: object) -> Any:
    class Explainer:
        def explain(self, document: Document, predictions: Answers, classifier: object) -> Any:
            first = predictions[0]
            said = Explanation(
                taxonomy=first.taxonomy,
                node_id=first.node_id,
                classifier=first.classifier,
                method="odd",
                attributions=(Attribution(kind="word", name="a", weight=0.5),),
                score=0.5,
                base_value=0.0,
            )
            return [replace(said, **values)]  # type: ignore[arg-type]

    return Explainer()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"method": ""}, "method '' is no name"),
        ({"score": float("inf")}, "score inf"),
        ({"fidelity": 2}, "fidelity 2 is not in"),
        ({"node_id": "1"}, "was not among the predictions"),
        ({"attributions": []}, "are no tuple"),
        ({"attributions": (Attribution(kind="word", name="a", weight=0),) * 1001}, "1001 attri"),
        ({"attributions": (Attribution(kind="word", name="\ud800", weight=0),)}, "is no text"),
        ({"method": "odd\0"}, "is no name"),
        ({"attributions": ("word",)}, "'word' is no Attribution"),
        ({"attributions": (Attribution(kind="smell", name="a", weight=1),)}, "kind 'smell'"),  # type: ignore[arg-type]
    ],
)
def test_an_explainer_that_breaks_a_rule_is_told_which(
    values: dict[str, object], said: str
) -> None:
    with pytest.raises(testing.BrokenRule, match="rule 'explanation'") as caught:
        testing.check_explainer(lambda resources: explained(**values))
    assert said in str(caught.value)


def test_an_explainer_must_bear_a_classifier_without_scores() -> None:
    class Demanding:
        def explain(self, document: Document, predictions: Answers, classifier: Any) -> Any:
            classifier.score([document], "iab-3.1", "483")
            return []

    with pytest.raises(testing.BrokenRule, match="rule 'any classifier'"):
        testing.check_explainer(lambda resources: Demanding())


def test_built_in_explainers_keep_the_rules() -> None:
    testing.check_explainer(occlusion.create)
    testing.check_explainer(
        lambda resources: lime.Lime(seed=0, taxonomy=resources.taxonomy, samples=20)
    )


def rung(read: Callable[[ParsedPage], object]) -> Any:
    return type("Rung", (), {"main_text": lambda self, page: read(page)})()


def test_built_in_rungs_keep_the_rules() -> None:
    testing.check_extractor(ladder.create_visible)
    testing.check_extractor(ladder.create_baseline)


@pytest.mark.parametrize(
    ("read", "rule"),
    [
        (lambda page: None, "text"),
        (lambda page: page.html.encode(), "text"),
        (lambda page: page.tree.clear() or "", "read only"),
        (lambda page: str(random.random()), "leaves no trace"),
        (lambda page: os.urandom(4).hex(), "repeatable"),
        (lambda page: page.tree.no_such_method(), "main_text"),
    ],
)
def test_a_rung_that_breaks_a_rule_is_told_which(read: Any, rule: str) -> None:
    with pytest.raises(testing.BrokenRule, match=f"rule '{rule}'"):
        testing.check_extractor(lambda resources: rung(read))


class Lengths:
    """An encoder of two dimensions: zeros without letters."""

    name = "lengths"
    dimension = 2

    def encode(self, texts: Sequence[str]) -> Any:
        vectors = np.zeros((len(texts), 2), dtype=np.float32)
        vectors[[any(map(str.isalnum, text)) for text in texts]] = (0.6, 0.8)
        return vectors


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda v: v, None),
        (lambda v: v.tolist(), "shape"),
        (lambda v: v[:, :1], "shape"),
        (lambda v: v.astype(np.float64), "float32"),
        (lambda v: v * 2, "unit length"),
        (lambda v: v * np.float32("nan"), "finite"),
        (lambda v: v * np.float32("inf"), "finite"),
        (lambda v: v * 0 + np.float32(0.5**0.5), "no words"),
    ],
)
def test_an_encoder_that_breaks_a_rule_is_told_which(change: Any, rule: str | None) -> None:
    class Encoder(Lengths):
        def encode(self, texts: Sequence[str]) -> Any:
            return change(super().encode(texts))

    if rule is None:
        testing.check_encoder(lambda resources: Encoder())
        return
    with pytest.raises(testing.BrokenRule, match=f"rule '{rule}'"), np.errstate(invalid="ignore"):
        testing.check_encoder(lambda resources: Encoder())


def colours(*names: str) -> Taxonomy:
    nodes = [Node(id=str(n), parent_id=None, name=name, tier=1) for n, name in enumerate(names)]
    return Taxonomy("colours", nodes)


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda resources: colours("Red"), None),
        (lambda resources: colours(), "nodes"),
        (lambda resources: colours("Red", " "), "node name"),
        (lambda resources: Taxonomy("shapes", colours("Round")), "name"),
        (lambda resources: colours(os.urandom(4).hex()), "repeatable"),
        (lambda resources: {"Red": 1}, "factory"),
    ],
)
def test_a_taxonomy_that_breaks_a_rule_is_told_which(
    make: Callable[[Resources], Any], rule: str | None
) -> None:
    if rule is None:
        assert testing.check_taxonomy(make, name="colours").items == 1
        return
    with pytest.raises(testing.BrokenRule, match=f"rule '{rule}'"):
        testing.check_taxonomy(make, name="colours")
