"""What is said of a site beside its categories: its form, its risks, its tags."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from taxocrawl.classifiers import tags
from taxocrawl.protocols import Resources
from taxocrawl.records import Document, Form, Prediction, Risk, Tag

Predictions = tuple[Prediction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspects:
    """One document's; None and () where nothing is sure, or where it was not asked for."""

    form: Form | None = None
    risks: tuple[Risk, ...] = ()
    tags: tuple[Tag, ...] = ()


class FormReader(Protocol):
    """Documents to forms."""

    def read(self, documents: Sequence[Document]) -> list[Form | None]:
        """One a document, None where none is sure."""


class RiskReader(Protocol):
    """Documents to risks."""

    def read(
        self, documents: Sequence[Document], predictions: Sequence[Predictions]
    ) -> list[tuple[Risk, ...]]:
        """Those of each document that are asserted, the surest first."""


class TagReader(Protocol):
    """Documents to tags."""

    def read(
        self, documents: Sequence[Document], predictions: Sequence[Predictions]
    ) -> list[tuple[Tag, ...]]:
        """Tags of each document, the most relevant first."""


class SiteAspects:
    """The readers of what was asked for, called once a batch; a reader may be absent."""

    def __init__(
        self,
        *,
        form: FormReader | None = None,
        risk: RiskReader | None = None,
        tags: TagReader | None = None,
    ) -> None:
        self._form, self._risk, self._tags = form, risk, tags

    def read(
        self, documents: Sequence[Document], predictions: Sequence[Predictions]
    ) -> list[Aspects]:
        """One a document, in order. `predictions` are what the classifiers gave each, or ()."""
        nothing: list[Aspects] = [Aspects() for _ in documents]
        if not documents:
            return nothing
        forms = self._form.read(documents) if self._form else [a.form for a in nothing]
        risks = (
            self._risk.read(documents, predictions) if self._risk else [a.risks for a in nothing]
        )
        tags = self._tags.read(documents, predictions) if self._tags else [a.tags for a in nothing]
        return [
            Aspects(form=form, risks=of_document, tags=words)
            for form, of_document, words in zip(forms, risks, tags, strict=True)
        ]


def create(resources: Resources) -> SiteAspects:
    """The readers of the aspects that the settings name."""
    wanted = resources.settings.aspects
    return SiteAspects(tags=tags.create(resources) if "tags" in wanted else None)
