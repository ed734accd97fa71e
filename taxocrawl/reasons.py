"""Why a stored site got its answer: what the store holds, and what is worked out anew on demand.

Methods that no run stored are asked of the classifier now, on the text that the store kept, through
`pipeline.categorize` like everything else.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from taxocrawl import pipeline, threads
from taxocrawl.errors import InputError, TaxocrawlError
from taxocrawl.explanations.comparison import Comparison, compare
from taxocrawl.explanations.interactions import Interactions, interactions
from taxocrawl.explanations.render import Answer, CategoryLine
from taxocrawl.explanations.targets import deepest
from taxocrawl.extraction import documents
from taxocrawl.plugins import loading
from taxocrawl.plugins.registry import Registry
from taxocrawl.records import Document, Explanation, Outcome, PluginFailure
from taxocrawl.settings import Settings
from taxocrawl.store.kept_text import KeptSite, kept_sites
from taxocrawl.store.reader import SiteAnswer, StoreReader
from taxocrawl.taxonomies.tree import PATH_SEPARATOR

ALL = "all"
MOVED = 0.05  # of a probability, from which the kept text is said to give another


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to work out beside what is stored: methods by name or `all`, and two views on them."""

    methods: tuple[str, ...] = ()
    compare: bool = False
    interactions: bool = False

    @property
    def anything(self) -> bool:
        """Whether the classifier has to be asked again."""
        return bool(self.methods) or self.compare or self.interactions


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """A stored answer with its explanations, stored and new; `remarks` are for people."""

    answer: SiteAnswer
    explanations: tuple[Explanation, ...]
    comparisons: tuple[Comparison, ...] = ()
    interactions: tuple[Interactions, ...] = ()
    failures: tuple[PluginFailure, ...] = ()
    remarks: tuple[str, ...] = field(default=())


def stored(path: Path, domain: str) -> Reasons | None:
    """What the store holds; None where it has never seen the site."""
    answer = StoreReader(path).site(domain)
    if answer is None:
        return None
    return Reasons(answer=answer, explanations=answer.explanations, failures=answer.plugin_failures)


def asked(
    path: Path, domain: str, wanted: Wanted, settings: Settings, *, given: Collection[str] = ()
) -> Reasons | None:
    """What the store holds and, on the text it kept, what is wanted beside that.

    The run's own classifiers, taxonomies and model are asked, unless the user named others: the
    names of such settings are `given`. InputError where the store kept no text of the site.
    """
    found = stored(path, domain)
    if found is None or not wanted.anything:
        return found
    kept = next(iter(kept_sites(path, [domain])), None)
    if kept is None or not kept.has_text:
        why = f"it ended as {found.answer.kind}" if kept is None else "keep_text was none"
        raise InputError(
            f"the store kept no text of {domain} ({why}), so no method can be asked about it now"
        )
    return _asked(found, kept, wanted, settings_of(kept, settings, given=given))


def settings_of(kept: KeptSite, settings: Settings, *, given: Collection[str]) -> Settings:
    """The settings with what decided the answer as it was in the site's run."""
    of_run = {
        "classifiers": kept.classifiers,
        "taxonomies": kept.taxonomies,
        "model": kept.model,
        "min_confidence": kept.min_confidence,
    }
    known = {name: value for name, value in of_run.items() if value and name not in given}
    return replace(settings, **known)  # type: ignore[arg-type]


def document_of(kept: KeptSite) -> Document:
    """The kept text as a classifier reads it."""
    pages = [
        documents.from_text(
            page.url,
            text=page.text,
            title=page.title,
            description=page.description,
            headings=page.headings,
            link_texts=page.link_texts,
            alt_texts=page.alt_texts,
            facts=page.facts,
            url=page.url,
            domain=kept.domain,
            language=page.language,
        )
        for page in kept.pages
    ]
    return Document(
        id=kept.domain,
        domain=kept.domain,
        pages=tuple(page for document in pages for page in document.pages),
        url=kept.pages[0].url if kept.pages else "",
    )


def _asked(found: Reasons, kept: KeptSite, wanted: Wanted, settings: Settings) -> Reasons:
    settings = replace(settings, aspects=())  # those that are shown are the stored ones
    registry = loading.load(settings)
    document = document_of(kept)
    threads.one_thread()
    methods = _methods(registry, wanted)
    remarks = _remarks(found.answer, kept, _outcome(document, registry, settings, ()), registry)
    # Where the answer has moved, stored explanations would explain another one than the new.
    here = () if remarks else tuple(e for e in found.explanations if e.method in methods)
    missing = tuple(name for name in methods if name not in {e.method for e in here})
    outcome = _outcome(document, registry, settings, missing)
    explanations = tuple(
        sorted((*here, *outcome.explanations), key=lambda e: methods.index(e.method))
    )
    return replace(
        found,
        explanations=explanations if methods else found.explanations,
        comparisons=compare(
            document,
            explanations,
            outcome.predictions,
            registry.classifier,
            seed=settings.seed,
        )
        if wanted.compare
        else (),
        interactions=_interactions(document, outcome, registry) if wanted.interactions else (),
        failures=(*found.failures, *outcome.plugin_failures),
        remarks=remarks,
    )


def _methods(registry: Registry, wanted: Wanted) -> tuple[str, ...]:
    known = tuple(component.name for component in registry.components("explainers"))
    if ALL in wanted.methods or (wanted.compare and not wanted.methods):
        return known
    for name in wanted.methods:
        registry.explainer(name)  # its error names the known ones
    return tuple(dict.fromkeys(wanted.methods))


def _outcome(
    document: Document, registry: Registry, settings: Settings, methods: tuple[str, ...]
) -> Outcome:
    [outcome] = pipeline.categorize([document], registry, replace(settings, explain=methods))
    if outcome.kind == "classifier_failed":
        raise TaxocrawlError(f"{outcome.detail} failed on the kept text: {outcome.message}")
    return outcome


def _interactions(
    document: Document, outcome: Outcome, registry: Registry
) -> tuple[Interactions, ...]:
    by_classifier = {p.classifier: None for p in outcome.predictions}
    return tuple(
        answer
        for name in by_classifier
        for answer in interactions(
            document,
            [p for p in outcome.predictions if p.classifier == name],
            registry.classifier(name),
            taxonomy=registry.taxonomy,
        )
    )


def _remarks(
    answer: SiteAnswer, kept: KeptSite, outcome: Outcome, registry: Registry
) -> tuple[str, ...]:
    """What differs between the stored answer and the one that was explained now."""
    remarks = []
    models = {p.model_id for p in outcome.predictions}
    if kept.model_ids and not models & set(kept.model_ids):
        remarks.append(
            f"the stored answer is of {', '.join(kept.model_ids)}, the new explanations are of "
            f"{', '.join(sorted(models))}"
        )
    confidence = {(c.taxonomy, c.node_id): c.confidence for c in answer.categories}
    confidence |= {(c.taxonomy, c.node_id): c.confidence for c in answer.candidates}
    for prediction in deepest(outcome.predictions, registry.taxonomy):
        key = (prediction.taxonomy, prediction.node_id)
        path = registry.taxonomy(prediction.taxonomy).path(prediction.node_id)
        before = confidence.get(key)
        if before is None:
            remarks.append(f"on the kept text the answer is now {path}, which was not stored")
        elif abs(before - prediction.confidence) > MOVED:
            remarks.append(
                f"on the kept text {path} has the probability {prediction.confidence:.2f}, on the "
                f"whole pages it had {before:.2f} (keep_text = all keeps all that was read)"
            )
    return tuple(remarks)


def shown(reasons: Reasons, *, texts: Sequence[tuple[str, str]] | None = None) -> Answer:
    """The reasons as the terminal, the page and the notebook show them."""
    answer = reasons.answer
    asserted = {(c.taxonomy, c.node_id) for c in answer.categories}
    rows = answer.categories or answer.candidates[:5]
    lines = tuple(
        CategoryLine(
            taxonomy=row.taxonomy,
            node_id=row.node_id,
            path=tuple(row.path.split(PATH_SEPARATOR)),
            confidence=row.confidence,
            asserted=(row.taxonomy, row.node_id) in asserted,
        )
        for row in rows
    )
    about = (answer.language, f"{len(answer.pages)} pages" if answer.pages else "", answer.message)
    return Answer(
        title=answer.domain,
        outcome=answer.kind,
        detail=answer.detail,
        url=answer.final_url,
        about=tuple(part for part in about if part),
        categories=lines,
        explanations=reasons.explanations,
        comparisons=reasons.comparisons,
        interactions=reasons.interactions,
        form=answer.form,
        risks=answer.risks,
        tags=answer.tags,
        remarks=reasons.remarks,
        texts=tuple(((page.url, page.text) for page in answer.pages) if texts is None else texts),
    )
