"""Documents in, outcomes out; no I/O. The one way by which anything is categorised.

A site that was crawled, an HTML file, a stored text and a line of JSON all come through here, so
the same page gets the same answer through every door.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from taxocrawl import words
from taxocrawl.classifiers.answering import Plan, make_plan, relabel, translate
from taxocrawl.classifiers.aspects import Aspects
from taxocrawl.errors import ModelError, ResultError, TaxonomyError
from taxocrawl.explanations.agreement import agreements
from taxocrawl.extraction.site_status import site_status
from taxocrawl.plugins import results
from taxocrawl.plugins.guard import describe, guard
from taxocrawl.plugins.registry import ComponentKind, Registry
from taxocrawl.protocols import BatchExplainer, ZeroShot
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
from taxocrawl.taxonomies import crosswalks
from taxocrawl.taxonomies.tree import Taxonomy

logger = logging.getLogger(__name__)

T = TypeVar("T")
Asked = TypeVar("Asked")

Answers = tuple[Prediction, ...]
ComponentKey = tuple[ComponentKind, str]

FALLBACK = "nearest"
"""Answers where no chosen classifier does and no crosswalk leads: it needs no training."""

SPECIALISTS: Mapping[str, str] = MappingProxyType({"google": "products"})
"""Classifiers that were made for one taxonomy: asked for that, they need not be named."""

NONE_OFF: Mapping[ComponentKey, str] = MappingProxyType({})


def _unwatched(component: ComponentKey | None) -> None:
    """Nobody asks which component is at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What every step of one call needs."""

    registry: Registry
    settings: Settings
    plan: Plan
    off: Mapping[ComponentKey, str]
    watch: Callable[[ComponentKey | None], None]

    def failure(self, key: ComponentKey, message: str) -> PluginFailure:
        """The failure of that component."""
        return PluginFailure(
            plugin=self.registry.plugin_of(*key), component=key[1], message=message
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Classified:
    """What the classifiers said of one document; `native` is the site's answer before crosswalks.

    It holds also what was predicted only for the sake of another taxonomy.
    """

    site: Answers
    native: Answers
    pages: tuple[PagePredictions, ...]
    failures: tuple[PluginFailure, ...]


def components(settings: Settings) -> tuple[ComponentKey, ...]:
    """Whatever `categorize` may call, by kind and name."""
    classifiers: list[ComponentKey] = [("classifiers", name) for name in settings.classifiers]
    unnamed = (*SPECIALISTS.values(), FALLBACK)
    classifiers += [("classifiers", name) for name in unnamed if name not in settings.classifiers]
    return (*classifiers, *(("explainers", name) for name in settings.explain))


def categorize(
    documents: Sequence[Document],
    registry: Registry,
    settings: Settings,
    *,
    off: Mapping[ComponentKey, str] = NONE_OFF,
    watch: Callable[[ComponentKey | None], None] = _unwatched,
) -> list[Outcome]:
    """One outcome a document, in the same order; never raises for a document.

    Components that are `off` are not called and fail with the reason given there. `watch` is told
    which component is about to run, None after the last: what it heard last is to blame where the
    process dies.
    """
    started = time.perf_counter()
    hints = [status(document, settings) for document in documents]
    topical = [d for d, hint in zip(documents, hints, strict=True) if hint is None]
    plan = _plan(registry, settings)
    run = _Run(registry=registry, settings=settings, plan=plan, off=off, watch=watch)
    classified = _classify(topical, run)
    watch(None)
    aspects = registry.aspects().read(topical, [answer.native for answer in classified])
    explained = _explain(topical, classified, run)
    answers = zip(classified, aspects, explained, strict=True)
    outcomes = []
    for document, hint in zip(documents, hints, strict=True):
        if hint is not None:
            outcomes.append(_untopical(document, hint))
        else:
            outcomes.append(_outcome(document, *next(answers), run))
    watch(None)
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
    for name in settings.classifiers:
        registry.classifier(name)
    plan = _plan(registry, settings)
    if len(set(plan.wanted)) < len(plan.wanted):
        raise TaxonomyError(f"a taxonomy is named twice: {', '.join(settings.taxonomies)}")
    if plan.zero_shot:
        registry.encoder()
        logger.info("%s answers in %s, untrained", FALLBACK, ", ".join(plan.zero_shot))
    for name in settings.explain:
        registry.explainer(name)
    registry.aspects()
    for name in settings.extractors:
        registry.extractor(name)


def taxonomies(registry: Registry, settings: Settings) -> list[Taxonomy]:
    """Those that answers are given in, then those that such answers come from by crosswalk."""
    plan = _plan(registry, settings)
    return [registry.taxonomy(name) for name in dict.fromkeys((*plan.wanted, *plan.sources))]


def _plan(registry: Registry, settings: Settings) -> Plan:
    wanted = [registry.taxonomy(name).name for name in settings.taxonomies]
    answered: set[str] = set()
    for name in settings.classifiers:
        try:
            answered.update(registry.classifier(name).taxonomies)
        except Exception:  # plugin code; blamed when it is asked to classify
            logger.debug("classifier %s cannot be made", name, exc_info=True)
            return make_plan(wanted, wanted)
    return make_plan(wanted, answered, _specialists(registry, set(wanted) - answered))


def _specialists(registry: Registry, wanted: Collection[str]) -> Mapping[str, str]:
    """Those whose model is there: a package may be built without it."""
    found = {}
    for taxonomy, name in SPECIALISTS.items():
        if taxonomy in wanted:
            try:
                registry.classifier(name)
            except ModelError as error:
                logger.debug("%s cannot answer in %s: %s", name, taxonomy, error)
            else:
                found[taxonomy] = name
    return found


def _untopical(document: Document, hint: StatusHint) -> Outcome:
    return Outcome(domain=document.domain, kind=hint.kind, detail=hint.detail, document=document)


def _outcome(
    document: Document,
    classified: _Classified,
    aspects: Aspects,
    explained: tuple[tuple[Explanation, ...], tuple[PluginFailure, ...]],
    run: _Run,
) -> Outcome:
    found, failures = explained
    explanations = _explained_as_asked(found, run)
    outcome = Outcome(
        domain=document.domain,
        kind="classified",
        document=document,
        predictions=classified.site,
        page_predictions=classified.pages,
        form=aspects.form,
        risks=aspects.risks,
        tags=aspects.tags,
        explanations=explanations,
        agreements=agreements(explanations),
        plugin_failures=(*classified.failures, *failures),
    )
    if not classified.site and classified.failures:
        first = classified.failures[0]
        message = f"{first.plugin}: {first.message}"
        return replace(outcome, kind="classifier_failed", detail=first.component, message=message)
    if not any(prediction.asserted for prediction in classified.site):
        return replace(outcome, kind="uncertain", detail="below_threshold")
    return outcome


def _classify(documents: Sequence[Document], run: _Run) -> list[_Classified]:
    """Every classifier on every document and, where a site has several pages, on each page."""
    if not documents:
        return []
    pages = [_page_documents(document) for document in documents]
    flat = [*documents, *(page for of_site in pages for page in of_site)]
    answers: list[list[Answers]] = [[] for _ in flat]
    failures: list[list[PluginFailure]] = [[] for _ in flat]
    for name, accepted in _askings(run):
        key: ComponentKey = ("classifiers", name)
        for i, answer in enumerate(_answers(flat, key, accepted, run)):
            if isinstance(answer, str):
                failures[i].append(run.failure(key, answer))
            else:
                answers[i].append(answer)
    native = [tuple(p for answer in of_document for p in answer) for of_document in answers]
    merged = [_wanted(answer, run) for answer in native]
    result, at = [], len(documents)
    for i, of_site in enumerate(pages):
        own = merged[at : at + len(of_site)]
        at += len(of_site)
        result.append(
            _Classified(
                site=merged[i],
                native=native[i],
                pages=tuple(
                    PagePredictions(url=page.url, predictions=predictions)
                    for page, predictions in zip(of_site, own, strict=True)
                ),
                failures=tuple(failures[i]),
            )
        )
    return result


def _askings(run: _Run) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each classifier that runs, and the taxonomies of which its answer is kept."""
    for name in run.settings.classifiers:
        yield name, (*run.plan.wanted, *run.plan.sources)
    for taxonomy, name in run.plan.by_specialist.items():
        yield name, (taxonomy,)
    if run.plan.zero_shot:
        yield FALLBACK, run.plan.zero_shot


def _wanted(native: Answers, run: _Run) -> Answers:
    """The answer in each taxonomy that was asked for, in that order."""
    found: list[Prediction] = []
    for name in run.plan.wanted:
        source = run.plan.by_crosswalk.get(name, name)
        own = [p for p in native if p.taxonomy == source]
        if source != name:
            way, target = crosswalks.load(source, name), run.registry.taxonomy(name)
            by_classifier = {
                p.classifier: [q for q in own if q.classifier == p.classifier] for p in own
            }
            own = [p for answer in by_classifier.values() for p in translate(answer, way, target)]
        found += own
    return tuple(found)


def _page_documents(document: Document) -> tuple[Document, ...]:
    """Each page as a document of its own; () for a site of one page, whose answer is the site's."""
    if len(document.pages) < 2:
        return ()
    return tuple(
        Document(id=page.url, domain=document.domain, pages=(page,), url=page.url)
        for page in document.pages
    )


def _answers(
    documents: Sequence[Document], key: ComponentKey, accepted: Collection[str], run: _Run
) -> Iterable[Answers | str]:
    """The classifier's answer to each document, or why there is none."""
    if key in run.off:
        return [run.off[key] for _ in documents]
    run.watch(key)
    return _each(documents, _checked(key[1], accepted, run.registry, run.settings))


def _checked(
    name: str, accepted: Collection[str], registry: Registry, settings: Settings
) -> Callable[[Sequence[Document]], Sequence[Answers]]:
    plugin = registry.plugin_of("classifiers", name)

    def classify(documents: Sequence[Document]) -> Sequence[Answers]:
        with guard():
            classifier = registry.classifier(name)
            answers = (
                classifier.classify_in(
                    documents, [t for t in classifier.taxonomies if t in accepted]
                )
                if isinstance(classifier, ZeroShot)
                else classifier.classify(documents)
            )
        checked = [
            results.checked_answer(
                answer,
                name=name,
                plugin=plugin,
                taxonomies=accepted,
                taxonomy=registry.taxonomy,
            )
            for answer in results.checked_batch(answers, len(documents), name=name, plugin=plugin)
        ]
        return [
            results.with_ancestors(
                tuple(_thresholded(p, settings) for p in answer), registry.taxonomy
            )
            for answer in checked
        ]

    return classify


def _thresholded(prediction: Prediction, settings: Settings) -> Prediction:
    if settings.min_confidence is None:
        return prediction
    return replace(prediction, asserted=prediction.confidence >= settings.min_confidence)


def _each(
    documents: Sequence[Asked], function: Callable[[Sequence[Asked]], Sequence[T]]
) -> Iterable[T | str]:
    """Results by batch; where the batch raises, document by document, so that one is blamed."""
    try:
        return function(documents)
    except Exception as error:  # plugin code: whatever it raises is blamed on it
        if len(documents) == 1:
            return [_message(error)]
    return [result for document in documents for result in _each([document], function)]


def _message(error: Exception) -> str:
    # A ResultError says all itself, the plugin's name too.
    return str(error) if isinstance(error, ResultError) else describe(error)


def _explain(
    documents: Sequence[Document], classified: Sequence[_Classified], run: _Run
) -> list[tuple[tuple[Explanation, ...], tuple[PluginFailure, ...]]]:
    """Explanations of what decides in each taxonomy; an explainer that fails costs no label."""
    explanations: list[list[Explanation]] = [[] for _ in documents]
    failures: list[list[PluginFailure]] = [[] for _ in documents]
    deciding = [_deciding(of_document.native) for of_document in classified]
    for classifier in dict.fromkeys(name for of_document in deciding for name in of_document):
        numbers = [i for i, of_document in enumerate(deciding) if classifier in of_document]
        asked = [(documents[i], deciding[i][classifier]) for i in numbers]
        for name in run.settings.explain:
            key: ComponentKey = ("explainers", name)
            for i, answer in zip(numbers, _explained(asked, key, classifier, run), strict=True):
                if isinstance(answer, str):
                    failures[i].append(run.failure(key, answer))
                else:
                    explanations[i] += answer
    return [(tuple(e), tuple(f)) for e, f in zip(explanations, failures, strict=True)]


def _explained(
    asked: Sequence[tuple[Document, Answers]], key: ComponentKey, classifier: str, run: _Run
) -> Iterable[list[Explanation] | str]:
    """The explainer's answer for each document and its predictions, or why there is none."""
    if key in run.off:
        return [run.off[key] for _ in asked]
    run.watch(key)
    name, registry = key[1], run.registry
    plugin = registry.plugin_of("explainers", name)

    def explain(batch: Sequence[tuple[Document, Answers]]) -> Sequence[list[Explanation]]:
        documents, predictions = zip(*batch, strict=True)
        with guard():
            explainer, model = registry.explainer(name), registry.classifier(classifier)
            found: object = (
                explainer.explain_batch(documents, predictions, model)
                if isinstance(explainer, BatchExplainer)
                else [explainer.explain(*one, model) for one in batch]
            )
        return [
            results.checked_explanations(answer, own, name=name, plugin=plugin)
            for answer, own in zip(
                results.checked_batch(found, len(batch), name=name, plugin=plugin),
                predictions,
                strict=True,
            )
        ]

    return _each(asked, explain)


def _explained_as_asked(
    explanations: tuple[Explanation, ...], run: _Run
) -> tuple[Explanation, ...]:
    """In taxonomies that were asked for: what only another's answer came from explains that."""
    found = [e for e in explanations if e.taxonomy in run.plan.wanted]
    for name, source in run.plan.by_crosswalk.items():
        if source not in run.plan.wanted:
            way, target = crosswalks.load(source, name), run.registry.taxonomy(name)
            found += relabel(explanations, way, target)
    return tuple(found)


def _deciding(predictions: Answers) -> Mapping[str, Answers]:
    """By classifier the predictions that count: of each taxonomy those of its first answerer."""
    first: dict[str, str] = {}
    for prediction in predictions:
        first.setdefault(prediction.taxonomy, prediction.classifier)
    return {
        classifier: tuple(p for p in predictions if p.classifier == first[p.taxonomy] == classifier)
        for classifier in dict.fromkeys(first.values())
    }
