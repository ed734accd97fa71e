"""What the tests of a plugin's author call: every rule of the protocols, on texts that hurt.

    from taxocrawl import testing

    def test_it_keeps_the_rules():
        testing.check_classifier(create)

Each check makes the component by its factory, uses it as a run would, and raises `BrokenRule` at
the first rule that is broken. `taxocrawl plugins check` calls the same for all that is installed.
"""

import locale
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from taxocrawl import specimens, words
from taxocrawl.errors import ResultError, TaxocrawlError
from taxocrawl.plugins import loading, results
from taxocrawl.plugins.guard import describe, guard
from taxocrawl.plugins.registry import Component
from taxocrawl.protocols import (
    Classifier,
    ClassifierFactory,
    Encoder,
    EncoderFactory,
    Explainer,
    ExplainerFactory,
    Extractor,
    ExtractorFactory,
    ParsedPage,
    Resources,
    Scorer,
    TaxonomyFactory,
)
from taxocrawl.records import Document
from taxocrawl.settings import Settings
from taxocrawl.taxonomies.tree import NodeTexts, Taxonomy

T = TypeVar("T")
Given = TypeVar("Given")

PLUGIN = "under test"

SAME = 5e-3
"""Numbers of one document may differ by so much between batches: sums in another order, which may
then fall on the other side of a tree's split."""


class BrokenRule(AssertionError):  # noqa: N818 - what a failed test says, no error of a program
    """A component breaks a rule of its protocol; `rule` names it in a word or two."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"rule '{rule}': {message}")
        self.rule = rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a component that keeps all rules took: `seconds` for `items` documents, texts, nodes."""

    items: int
    seconds: float

    @property
    def milliseconds_each(self) -> float:
        """Of one item."""
        return 1000 * self.seconds / max(1, self.items)


def small_resources(
    *,
    options: Mapping[str, object] | None = None,
    seed: int = 0,
    taxonomies: Sequence[Taxonomy] = (),
) -> Resources:
    """What a factory gets: these options, the packaged taxonomies and these of its plugin."""
    settings = Settings(
        seed=seed,
        plugins={PLUGIN: options or {}},
        taxonomies=("iab-3.1", *(taxonomy.name for taxonomy in taxonomies)),
    )
    own = [
        Component(kind="taxonomies", name=tree.name, plugin=PLUGIN, factory=_Given(tree))
        for tree in taxonomies
    ]
    return loading.load_builtins(settings, own).resources(PLUGIN)


def check_classifier(
    factory: ClassifierFactory,
    *,
    resources: Resources | None = None,
    texts: Sequence[str] = (),
    name: str = "",
) -> Cost:
    """Cost of a classifier that keeps all rules, on its documents and these texts.

    `name` is what it is registered by; without it, what its first prediction says.
    """
    resources = resources or small_resources()
    classifier: Classifier = _made(factory, resources, Classifier)
    taxonomies = _taxonomies(classifier, resources)
    given = specimens.some_documents(texts)

    def classify(batch: Sequence[Document]) -> list[results.Answers]:
        with _blamed("classify"):
            answers: object = classifier.classify(batch)
        with _blamed("answer"):
            return [
                results.checked_answer(
                    answer,
                    name=name or _name(answer),
                    plugin=PLUGIN,
                    taxonomies=tuple(taxonomies),
                    taxonomy=taxonomies.__getitem__,
                )
                for answer in results.checked_batch(
                    answers, len(batch), name=name or PLUGIN, plugin=PLUGIN
                )
            ]

    answers, cost = _repeated(classify, given)
    for document, answer in zip(given, answers, strict=True):
        _check_ranks(document, answer)
        _check_parents(document, answer, taxonomies)
        _check_alone(document, answer, classify([document])[0])
    _require(classify([]) == [], "empty batch", "no documents must give an empty list")
    if isinstance(classifier, Scorer):
        _check_scores(classifier, given, answers)
    return cost


def check_explainer(factory: ExplainerFactory, *, resources: Resources | None = None) -> Cost:
    """Cost of an explainer that keeps all rules, on a small classifier that counts words."""
    resources = resources or small_resources()
    explainer: Explainer = _made(factory, resources, Explainer)
    classifier = specimens.WordCounter()
    given = specimens.some_documents(
        ["Tennis match", "A recipe for the travel bag: cheese, bread and wine."]
    )
    answers = classifier.classify(given)

    def explain(batch: Sequence[Document]) -> list[object]:
        found: list[object] = []
        for document, predictions in zip(batch, answers, strict=True):
            with _blamed("explain"):
                explained: object = explainer.explain(document, predictions, classifier)
            with _blamed("explanation"):
                checked = results.checked_explanations(
                    explained, predictions, name=PLUGIN, plugin=PLUGIN
                )
            found.append([replace(explanation, seconds=0.0) for explanation in checked])
        return found

    _, cost = _repeated(explain, given)
    with _blamed("any classifier"):
        unscored: object = explainer.explain(given[0], answers[0], specimens.Unscored(classifier))
    _require(isinstance(unscored, list), "any classifier", f"{unscored!r} is no list")
    return cost


def check_extractor(factory: ExtractorFactory, *, resources: Resources | None = None) -> Cost:
    """Cost of a rung of the extraction ladder that keeps all rules."""
    extractor: Extractor = _made(factory, resources or small_resources(), Extractor)
    parsed = specimens.parsed_pages()

    def read(batch: Sequence[ParsedPage]) -> list[object]:
        found = []
        for page in batch:
            before = _tree_of(page)
            with _blamed("main_text"):
                text: object = extractor.main_text(page)
            _require(isinstance(text, str), "text", f"{text!r} is no text")
            _require(_tree_of(page) == before, "read only", f"{page.url}: the tree was changed")
            found.append(text)
        return found

    return _repeated(read, parsed)[1]


def check_encoder(factory: EncoderFactory, *, resources: Resources | None = None) -> Cost:
    """Cost of an encoder that keeps all rules."""
    encoder: Encoder = _made(factory, resources or small_resources(), Encoder)
    _require(bool(encoder.name), "name", f"{encoder.name!r} is no name")
    texts = tuple(specimens.TEXTS.values())

    def encode(batch: Sequence[str]) -> NDArray[np.float32]:
        with _blamed("encode"):
            vectors: object = encoder.encode(batch)
        shape = (len(batch), encoder.dimension)
        right = isinstance(vectors, np.ndarray) and vectors.shape == shape
        got = getattr(vectors, "shape", vectors)
        _require(right, "shape", f"{len(batch)} texts gave {got!r}, not an array of {shape}")
        checked = cast("NDArray[np.float32]", vectors)
        _require(checked.dtype == np.float32, "float32", f"vectors are {checked.dtype}")
        _require(bool(np.isfinite(checked).all()), "finite", "a vector holds NaN or infinity")
        return checked

    vectors, cost = _repeated(encode, texts)
    for (label, text), vector in zip(specimens.TEXTS.items(), vectors, strict=True):
        length = float(np.linalg.norm(vector))
        unit = abs(length - 1) < SAME or length == 0
        _require(unit, "unit length", f"{label}: the vector's length is {length:.4f}")
        if not words.count(text):
            _require(length == 0, "no words", f"{label}: a text without words gives zeros")
        alone = encode([text])[0]
        _require(np.allclose(alone, vector, atol=SAME), "batch", f"{label}: differs when alone")
    encode([])
    return cost


def check_taxonomy(
    factory: TaxonomyFactory, *, resources: Resources | None = None, name: str = ""
) -> Cost:
    """Cost of a taxonomy that keeps all rules; `name` is what it is registered by."""
    resources = resources or small_resources()
    started = time.perf_counter()
    tree: Taxonomy = _made(factory, resources, Taxonomy)
    seconds = time.perf_counter() - started
    _require(len(tree) > 0, "nodes", "it has none")
    _require(not name or tree.name == name, "name", f"it calls itself {tree.name!r}, not {name!r}")
    for node in tree:
        _require(node.id == node.id.strip() != "", "id", f"{node.id!r} is empty or has blanks")
        _require(node.name.strip() != "", "node name", f"node {node.id!r} has none")
        with _blamed("texts"):
            texts: object = tree.texts(node.id)
        _require(isinstance(texts, NodeTexts), "texts", f"node {node.id!r}: {texts!r}")
    again: Taxonomy = _made(factory, resources, Taxonomy)
    _require(again.sha256 == tree.sha256, "repeatable", "made twice, it has other nodes")
    return Cost(items=len(tree), seconds=seconds)


class _Given:
    """A factory of what is there already."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy

    def __call__(self, resources: Resources) -> Taxonomy:
        return self._taxonomy


def _require(kept: bool, rule: str, message: str) -> None:
    if not kept:
        raise BrokenRule(rule, message)


@contextmanager
def _blamed(rule: str) -> Iterator[None]:
    """Whatever the plugin raises breaks the rule."""
    try:
        with guard():
            yield
    except BrokenRule:
        raise
    except ResultError as error:
        raise BrokenRule(rule, str(error).removeprefix(f"plugin {PLUGIN}: ")) from error
    except Exception as error:
        raise BrokenRule(rule, f"raised {describe(error)}") from error


def _made(factory: Callable[[Resources], object], resources: Resources, kind: Any) -> Any:
    """What the factory makes, which is of that kind."""
    with _blamed("factory"):
        made = factory(resources)
        right = isinstance(made, kind)
    missing = sorted(
        name
        for name in getattr(kind, "__protocol_attrs__", None) or vars(kind)
        if not name.startswith("_") and not hasattr(made, name)
    )
    lacks = f": it has no {', '.join(missing)}" if missing else ""
    _require(right, "factory", f"{made!r} is no {kind.__name__}{lacks}")
    return made


def _taxonomies(classifier: Classifier, resources: Resources) -> dict[str, Taxonomy]:
    names: object = classifier.taxonomies
    listed = isinstance(names, Sequence) and not isinstance(names, str) and bool(names)
    _require(listed, "taxonomies", f"{names!r} is no list of names")
    model_id: object = classifier.model_id
    _require(bool(model_id) and isinstance(model_id, str), "model_id", f"{model_id!r} is no name")
    try:
        return {name: resources.taxonomy(name) for name in classifier.taxonomies}
    except TaxocrawlError as error:
        raise BrokenRule("taxonomies", str(error)) from error


def _name(answer: object) -> str:
    return next((p.classifier for p in cast(results.Answers, answer)), "")


def _repeated(use: Callable[[Sequence[Given]], T], given: Sequence[Given]) -> tuple[T, Cost]:
    """The answers to `given` and their cost; used twice, the answers are the same, and neither
    what was given nor the process is another than before (P08-P10).
    """
    randomness = _global_randomness()
    first = use(given)
    # The tree of a parsed page cannot be compared by value; its check looks at it itself.
    kept = deepcopy([item for item in given if not isinstance(item, ParsedPage)])
    # What the first use imported may have changed the process; the second changes nothing.
    before, started = _process_state(), time.perf_counter()
    second = use(given)
    seconds = time.perf_counter() - started
    for part, value in (_process_state() | _global_randomness()).items():
        same = value == (before | randomness)[part]
        _require(same, "leaves no trace", f"it changes {part}")
    equal: Any = first == second
    same = bool(equal.all()) if isinstance(first, np.ndarray) else bool(equal)
    _require(same, "repeatable", "asked twice, it gives two answers")
    unchanged = [item for item in given if not isinstance(item, ParsedPage)] == kept
    _require(unchanged, "read only", "it changes what it is given")
    return second, Cost(items=len(given), seconds=seconds)


def _process_state() -> dict[str, object]:
    return {
        "the working folder": Path.cwd(),
        "the environment": dict(os.environ),
        "the locale": locale.setlocale(locale.LC_ALL),
        "a signal's handler": [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGALRM)],
    }


def _global_randomness() -> dict[str, object]:
    _, keys, position, *_ = np.random.get_state()
    return {
        "the state of random": random.getstate(),
        "the state of numpy.random": (np.asarray(keys).tobytes(), int(position)),
    }


def _check_ranks(document: Document, answer: results.Answers) -> None:
    for taxonomy in dict.fromkeys(p.taxonomy for p in answer):
        ranks = [p.rank for p in answer if p.taxonomy == taxonomy and p.rank is not None]
        right = ranks == list(range(1, len(ranks) + 1))
        _require(right, "ranks", f"{document.id}: ranks are {ranks}, not 1, 2, 3 ... in order")


def _check_parents(
    document: Document, answer: results.Answers, taxonomies: Mapping[str, Taxonomy]
) -> None:
    sure = {(p.taxonomy, p.node_id): p.confidence for p in answer}
    for (taxonomy, node_id), confidence in sure.items():
        parent = taxonomies[taxonomy][node_id].parent_id
        above = sure.get((taxonomy, parent or ""), 1.0)
        _require(
            above >= confidence - SAME,
            "parents",
            f"{document.id}: node {node_id!r} has confidence {confidence:.4f}, its parent "
            f"{parent!r} {above:.4f}; a parent is at least as sure as its child",
        )


def _check_alone(document: Document, answer: results.Answers, alone: results.Answers) -> None:
    together = {(p.taxonomy, p.node_id): p.confidence for p in answer}
    apart = {(p.taxonomy, p.node_id): p.confidence for p in alone}
    near = all(
        abs(together.get(key, 0.0) - apart.get(key, 0.0)) <= SAME for key in together | apart
    )
    _require(near, "batch", f"{document.id}: alone it gets another answer than among others")


def _check_scores(
    classifier: Scorer, given: Sequence[Document], answers: Sequence[results.Answers]
) -> None:
    targets = dict.fromkeys((p.taxonomy, p.node_id) for answer in answers for p in answer[:1])
    for taxonomy, node_id in targets:
        with _blamed("score"):
            numbers: object = classifier.score(given, taxonomy, node_id)
        right = isinstance(numbers, np.ndarray) and numbers.shape == (len(given),)
        got = getattr(numbers, "shape", numbers)
        _require(right, "score", f"{len(given)} documents gave {got!r}, not ({len(given)},)")
        scores = cast("NDArray[np.float64]", numbers)
        inside = bool(((scores >= 0) & (scores <= 1)).all())
        _require(inside, "score", f"node {node_id!r}: a score is not in [0, 1]")
        for document, answer, score in zip(given, answers, scores.tolist(), strict=True):
            said = [p.confidence for p in answer if (p.taxonomy, p.node_id) == (taxonomy, node_id)]
            _require(
                not said or abs(said[0] - score) <= 10 * SAME,
                "score",
                f"{document.id}: score says {score:.4f} of node {node_id!r}, classify {said}",
            )


def _tree_of(page: ParsedPage) -> list[tuple[str, dict[str, str], str | None, str | None]]:
    return [(str(e.tag), dict(e.attrib), e.text, e.tail) for e in page.tree.iter()]
