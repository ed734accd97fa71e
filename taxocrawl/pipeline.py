"""Documents in, outcomes out; no I/O. The one way by which anything is categorised.

A site that was crawled, an HTML file, a stored text and a line of JSON all come through here, so
the same page gets the same answer through every door.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from taxocrawl import words
from taxocrawl.errors import ResultError, TaxocrawlError
from taxocrawl.extraction.site_status import site_status
from taxocrawl.plugins.registry import Registry
from taxocrawl.protocols import Classifier
from taxocrawl.records import (
    Document,
    Explanation,
    Outcome,
    PagePredictions,
    PluginFailure,
    Prediction,
    StatusHint,
)
from taxocrawl.settings import Settings

T = TypeVar("T")

Answers = tuple[Prediction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Classified:
    """What the classifiers said of one document."""

    site: Answers
    pages: tuple[PagePredictions, ...]
    failures: tuple[PluginFailure, ...]


def categorize(
    documents: Sequence[Document], registry: Registry, settings: Settings
) -> list[Outcome]:
    """One outcome a document, in the same order; never raises for a document."""
    started = time.perf_counter()
    hints = [status(document, settings) for document in documents]
    topical = [d for d, hint in zip(documents, hints, strict=True) if hint is None]
    classified = iter(_classify(topical, registry, settings))
    outcomes = []
    for document, hint in zip(documents, hints, strict=True):
        if hint is not None:
            outcomes.append(_untopical(document, hint))
        else:
            outcomes.append(_outcome(document, next(classified), registry, settings))
    seconds = (time.perf_counter() - started) / max(1, len(documents))
    return [replace(outcome, seconds=seconds) for outcome in outcomes]


def status(document: Document, settings: Settings) -> StatusHint | None:
    """Why a document is not classified by topic, or None where it is."""
    if document.extracts:
        return site_status(document.extracts, settings)
    count = words.count(document.text)
    if count == 0:
        return StatusHint(kind="empty", detail="", rule="no text")
    if count < settings.min_words_of_text:
        return StatusHint(kind="thin", detail=f"{count} words", rule="min_words_of_text")
    return None


def check_settings(registry: Registry, settings: Settings) -> None:
    """Make everything that the settings name, so that a wrong name stops the run at its start.

    Raises the error of the registry, which names the valid names.
    """
    answerable: set[str] = set()
    for name in settings.classifiers:
        answerable.update(registry.classifier(name).taxonomies)
    for name in settings.taxonomies:
        registry.taxonomy(name)
        if name not in answerable:
            raise TaxocrawlError(
                f"no classifier of {', '.join(settings.classifiers)} answers in taxonomy {name!r}; "
                f"they answer in {', '.join(sorted(answerable))}; `nearest` answers in any"
            )
    for name in settings.explain:
        registry.explainer(name)
    for name in settings.extractors:
        registry.extractor(name)


def _untopical(document: Document, hint: StatusHint) -> Outcome:
    return Outcome(domain=document.domain, kind=hint.kind, detail=hint.detail, document=document)


def _outcome(
    document: Document, classified: _Classified, registry: Registry, settings: Settings
) -> Outcome:
    explanations, failures = _explain(document, classified.site, registry, settings)
    outcome = Outcome(
        domain=document.domain,
        kind="classified",
        document=document,
        predictions=classified.site,
        page_predictions=classified.pages,
        explanations=explanations,
        plugin_failures=(*classified.failures, *failures),
    )
    if not classified.site and classified.failures:
        first = classified.failures[0]
        message = f"{first.plugin}: {first.message}"
        return replace(outcome, kind="classifier_failed", detail=first.component, message=message)
    if not any(prediction.asserted for prediction in classified.site):
        return replace(outcome, kind="uncertain", detail="below_threshold")
    return outcome


def _classify(
    documents: Sequence[Document], registry: Registry, settings: Settings
) -> list[_Classified]:
    """Every classifier on every document and, where a site has several pages, on each page."""
    if not documents:
        return []
    pages = [_page_documents(document) for document in documents]
    flat = [*documents, *(page for of_site in pages for page in of_site)]
    answers: list[list[Answers]] = [[] for _ in flat]
    failures: list[list[PluginFailure]] = [[] for _ in flat]
    for name in settings.classifiers:
        plugin = registry.plugin_of("classifiers", name)
        for i, answer in enumerate(_each(flat, _checked(name, registry, settings))):
            if isinstance(answer, Exception):
                failures[i].append(_failure(plugin, name, answer))
            else:
                answers[i].append(answer)
    merged = [tuple(p for answer in of_document for p in answer) for of_document in answers]
    result, at = [], len(documents)
    for i, of_site in enumerate(pages):
        own = merged[at : at + len(of_site)]
        at += len(of_site)
        result.append(
            _Classified(
                site=merged[i],
                pages=tuple(
                    PagePredictions(url=page.url, predictions=predictions)
                    for page, predictions in zip(of_site, own, strict=True)
                ),
                failures=tuple(failures[i]),
            )
        )
    return result


def _page_documents(document: Document) -> tuple[Document, ...]:
    """Each page as a document of its own; () for a site of one page, whose answer is the site's."""
    if len(document.pages) < 2:
        return ()
    return tuple(
        Document(id=page.url, domain=document.domain, pages=(page,), url=page.url)
        for page in document.pages
    )


def _checked(
    name: str, registry: Registry, settings: Settings
) -> Callable[[Sequence[Document]], Sequence[Answers]]:
    def classify(documents: Sequence[Document]) -> Sequence[Answers]:
        answers = registry.classifier(name).classify(documents)
        plugin = registry.plugin_of("classifiers", name)
        if not isinstance(answers, list) or len(answers) != len(documents):
            count = len(answers) if isinstance(answers, list | tuple) else answers
            raise ResultError(
                plugin,
                f"{name}: {count!r} answers for {len(documents)} documents, not a list of them",
            )
        return [_checked_answer(answer, name, plugin, registry, settings) for answer in answers]

    return classify


def _checked_answer(
    answer: object, name: str, plugin: str, registry: Registry, settings: Settings
) -> Answers:
    """The answer if it keeps the protocol; ResultError names the field and its value."""
    if not isinstance(answer, tuple):
        raise ResultError(plugin, f"{name}: answer {answer!r} is no tuple of predictions")
    kept = []
    seen: set[tuple[str, str]] = set()
    for prediction in answer:
        if not isinstance(prediction, Prediction):
            raise ResultError(plugin, f"{name}: {prediction!r} is no Prediction")
        if prediction.taxonomy not in settings.taxonomies:
            continue
        taxonomy = registry.taxonomy(prediction.taxonomy)
        where = f"{name}: node {prediction.node_id!r} of {prediction.taxonomy}"
        if prediction.node_id not in taxonomy:
            raise ResultError(plugin, f"{where}: no such node")
        if (prediction.taxonomy, prediction.node_id) in seen:
            raise ResultError(plugin, f"{where}: given twice")
        seen.add((prediction.taxonomy, prediction.node_id))
        confidence = prediction.confidence
        if not (isinstance(confidence, float | int) and math.isfinite(confidence)):
            raise ResultError(plugin, f"{where}: confidence {confidence!r} is no finite number")
        if not 0 <= confidence <= 1:
            raise ResultError(plugin, f"{where}: confidence {confidence!r} is not in [0, 1]")
        kept.append(_thresholded(prediction, settings))
    return tuple(kept)


def _thresholded(prediction: Prediction, settings: Settings) -> Prediction:
    if settings.min_confidence is None:
        return prediction
    return replace(prediction, asserted=prediction.confidence >= settings.min_confidence)


def _each(
    documents: Sequence[Document], function: Callable[[Sequence[Document]], Sequence[T]]
) -> Iterable[T | Exception]:
    """Results by batch; where the batch raises, document by document, so that one is blamed."""
    try:
        return function(documents)
    except Exception as error:  # plugin code: whatever it raises is blamed on it
        if len(documents) == 1:
            return [error]
    return [result for document in documents for result in _each([document], function)]


def _failure(plugin: str, component: str, error: Exception) -> PluginFailure:
    message = str(error) if isinstance(error, ResultError) else f"{type(error).__name__}: {error}"
    return PluginFailure(plugin=plugin, component=component, message=message)


def _explain(
    document: Document, predictions: Answers, registry: Registry, settings: Settings
) -> tuple[tuple[Explanation, ...], tuple[PluginFailure, ...]]:
    """Explanations of the deciding classifier's answer; an explainer that fails costs no label."""
    deciding = next((p.classifier for p in predictions), None)
    if deciding is None:
        return (), ()
    own = tuple(p for p in predictions if p.classifier == deciding)
    explanations: list[Explanation] = []
    failures: list[PluginFailure] = []
    for name in settings.explain:
        try:
            classifier: Classifier = registry.classifier(deciding)
            explanations += registry.explainer(name).explain(document, own, classifier)
        except Exception as error:  # plugin code
            failures.append(_failure(registry.plugin_of("explainers", name), name, error))
    return tuple(explanations), tuple(failures)
