"""What is said of a site beside its categories: its form, its risks, its tags."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from taxocrawl.classifiers import tags as tag_words
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.form import FormModel
from taxocrawl.classifiers.forms_folder import encoder_sha256, load_forms
from taxocrawl.classifiers.risk import NODES_OF, RiskModel
from taxocrawl.classifiers.token_bags import TokenBags
from taxocrawl.errors import ModelError
from taxocrawl.protocols import Resources
from taxocrawl.records import Document, Form, Prediction, Risk, Tag
from taxocrawl.risks import PRESETS, Preset

logger = logging.getLogger(__name__)

Predictions = tuple[Prediction, ...]

SHIPPED = "forms"


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
    """The readers of what was asked for, called once a batch; a reader may be absent.

    With a `preset` only the risks that count by it are told.
    """

    def __init__(
        self,
        *,
        form: FormReader | None = None,
        risk: RiskReader | None = None,
        tags: TagReader | None = None,
        preset: Preset | None = None,
    ) -> None:
        self._form, self._risk, self._tags = form, risk, tags
        self._preset = preset

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
        if self._preset:
            risks = [self._preset.counted(of_document) for of_document in risks]
        tags = self._tags.read(documents, predictions) if self._tags else [a.tags for a in nothing]
        return [
            Aspects(form=form, risks=of_document, tags=words)
            for form, of_document, words in zip(forms, risks, tags, strict=True)
        ]


def create(resources: Resources) -> SiteAspects:
    """The readers of the aspects that the settings name.

    ModelError where the model of form and risk was trained for another encoder.
    """
    wanted = resources.settings.aspects
    form: FormReader | None = None
    risk: RiskReader | None = None
    if "form" in wanted or "risk" in wanted:
        try:
            folder = resources.model_folder(resources.settings.forms_model)
        except ModelError:
            if resources.settings.forms_model != SHIPPED:
                raise
            # A checkout in which it was not trained yet still crawls and classifies.
            logger.info("form and risk are left out: there is no model %s", SHIPPED)
        else:
            form, risk = _form_and_risk(resources, folder)
    return SiteAspects(
        form=form if "form" in wanted else None,
        risk=risk if "risk" in wanted else None,
        tags=tag_words.create(resources) if "tags" in wanted else None,
        preset=PRESETS.get(resources.settings.preset),
    )


def _form_and_risk(resources: Resources, folder: Path) -> tuple[FormReader, RiskReader]:
    model = load_forms(folder)
    encoder = _encoder(resources, folder, model.manifest.encoder_sha256)
    form = FormModel(
        encoder=encoder,
        bags=TokenBags(model.arrays["form"], len(encoder.token_vectors)),
        booster=model.boosters["form"],
        counts=model.manifest.counts,
        temperature=model.manifest.form_temperature,
    )
    risk = RiskModel(
        encoder=encoder,
        arrays=model.arrays["risk"],
        booster=model.boosters["risk"],
        threshold=model.manifest.risk_threshold,
        taxonomy=resources.taxonomy(NODES_OF),
    )
    return form, risk


def _encoder(resources: Resources, folder: Path, wanted: str) -> StaticEncoder:
    """The encoder that the model was trained with: the chosen model's, or the default one's."""
    found = {}
    for name in dict.fromkeys((resources.settings.model, "default")):
        home = resources.model_folder(name)
        found[name] = encoder_sha256(home)
        if found[name] == wanted:
            if name == resources.settings.model:  # one table for all that read by it
                encoder = resources.encoder("default")
                if isinstance(encoder, StaticEncoder):
                    return encoder
            return StaticEncoder(home / "encoder")
    listed = ", ".join(f"{name} has {digest[:12]}" for name, digest in found.items())
    raise ModelError(
        f"{folder} was trained for encoder {wanted[:12]}; {listed}: train it again "
        "(taxocrawl train --what forms) or leave form and risk out by the setting aspects"
    )
