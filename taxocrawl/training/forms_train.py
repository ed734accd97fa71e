"""`taxocrawl train --what forms`: the model of form and risk from the labelled data."""

import hashlib
import logging
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.form import FORMS
from taxocrawl.classifiers.forms_folder import (
    FormsFolder,
    FormsManifest,
    encoder_sha256,
    write_forms,
)
from taxocrawl.classifiers.reading import field_texts, read
from taxocrawl.taxonomies import formats
from taxocrawl.training import dataset, form_fit, risk_fit

logger = logging.getLogger(__name__)

TAXONOMY = "iab-3.1"

_CARD = """# Model card: {id}

Gives a site its form (17 words) and the risks that it carries (12 words). Made by
`taxocrawl train --what forms`; licence Apache-2.0. It has no encoder of its own: it reads tokens
and vectors of the encoder with sha256 `{encoder}`.

Form: logistic regressions over tokens and vectors, then XGBoost over both and {n_features} named
features of the page's address, texts, links and markup.
Risk: XGBoost over {n_risk} named features of (page, topic) pairs: likeness, the topic's own words,
words of innocent contexts; more of the latter never raises a risk.

## Data
- Form: {n_pages} labelled web pages of the train split. The labels were made by a large language
  model that read each page, not by people.
- Risk: {n_texts} texts written by this project, example sites of its glossary, the same pages.
- Nothing from a domain of the gate or blind split. Fingerprint of the files: `{fingerprint}`.

## Measured by cross-validation (no site in two folds)
| measure | value |
|---|---|
{metrics}

## What it is bad at
- Forms with few labelled pages: personal, social, event.
- Corporate against shop, and news against article: labellers, too, agree on 94 % only.
- Risks that pictures show and words do not.
- Hate and terrorism in words that its lists do not know. It is no replacement for a reader.
"""


def train_forms(
    data: Path,
    out: Path,
    *,
    model: Path,
    seed: int = 0,
    progress: Callable[[str], None] = logger.info,
) -> Mapping[str, float]:
    """Write the model folder and return its cross-validated measurements.

    `model` is the folder of the model that this one will stand beside, by whose encoder it reads.
    """
    started = time.monotonic()
    static = StaticEncoder(model / "encoder")
    taxonomy = formats.load(TAXONOMY)
    labels = data / "pages" / "labels.parquet"
    filters = [("split", "=", "train"), ("status", "=", "ok")]
    rows = list(pq.read_table(labels, filters=filters).to_pylist())
    rows = dataset.without_domains(rows, dataset.held_out_domains(data), "registered_domain")
    rows = sorted(rows, key=lambda row: str(row["page_id"]))
    parsed = dataset.html_documents(data, {row["page_id"] for row in rows if row["has_html"]})
    documents = [parsed.get(row["page_id"]) or dataset.text_document(row) for row in rows]
    progress(f"{len(rows)} pages read, {time.monotonic() - started:.0f} s")
    formed = [i for i, row in enumerate(rows) if row["kind"] in FORMS]
    plan = form_fit.FormPlan()
    forms = form_fit.fit(
        [documents[i] for i in formed],
        read([field_texts(documents[i].pages[0]) for i in formed], static),
        np.array([FORMS.index(rows[i]["kind"]) for i in formed]),
        np.array(
            [zlib.crc32(rows[i]["registered_domain"].encode()) % plan.n_folds for i in formed]
        ),
        len(static.token_vectors),
        plan=plan,
        seed=seed,
    )
    progress(f"form: {forms.metrics}, {time.monotonic() - started:.0f} s")
    texts = risk_fit.own_texts(risk_fit.RiskPlan().n_folds)
    examples = [*texts, *risk_fit.glossary(taxonomy)]
    for row, document in zip(rows, documents, strict=True):
        node_ids = [row["primary"], *row["alternatives"].split(",")]
        topic = risk_fit.labelled_topic(node_ids, taxonomy)
        if topic is not None:
            page, group = document.pages[0], row["registered_domain"]
            examples.append(
                risk_fit.RiskExample(page=page, topic=topic, group=group, is_text=False)
            )
    risks = risk_fit.fit(examples, static, plan=risk_fit.RiskPlan(), seed=seed)
    progress(f"risk: {risks.metrics}, {time.monotonic() - started:.0f} s")
    metrics = {k: round(v, 4) for k, v in {**forms.metrics, **risks.metrics}.items()}
    manifest = FormsManifest(
        id=f"forms-{_digest(forms, risks)}",
        encoder_sha256=encoder_sha256(model),
        counts=form_fit.COUNTS,
        form_temperature=forms.temperature,
        risk_threshold=risks.threshold,
        metrics=metrics,
        data_fingerprint=dataset.fingerprint(data, ("pages/labels.parquet", "pages/pages.parquet")),
    )
    card = _CARD.format(
        id=manifest.id,
        encoder=manifest.encoder_sha256,
        n_features=forms.booster.num_features() - 2 * len(FORMS),
        n_risk=risks.booster.num_features(),
        n_pages=len(formed),
        n_texts=len({text.group for text in texts if text.group.startswith("text ")}),
        fingerprint=manifest.data_fingerprint,
        metrics="\n".join(f"| {name} | {value:.4f} |" for name, value in metrics.items()),
    )
    content = FormsFolder(
        manifest=manifest,
        arrays={"form": forms.arrays, "risk": risks.arrays},
        boosters={"form": forms.booster, "risk": risks.booster},
    )
    write_forms(out, content, card)
    progress(f"{time.monotonic() - started:.0f} s")
    return metrics


def _digest(forms: form_fit.FormFit, risks: risk_fit.RiskFit) -> str:
    """Twelve letters that change whenever the answers do."""
    digest = hashlib.sha256()
    for part in (forms, risks):
        digest.update(part.booster.save_raw("ubj"))
        for name in sorted(part.arrays):
            digest.update(np.ascontiguousarray(part.arrays[name]).tobytes())
    return digest.hexdigest()[:12]
