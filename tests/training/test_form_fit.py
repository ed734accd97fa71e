"""Training of form and risk on a handful of pages: it learns, and twice the same."""

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import taxocrawl
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.form import FORMS
from taxocrawl.classifiers.reading import field_texts, read
from taxocrawl.classifiers.token_bags import TokenBags
from taxocrawl.extraction import documents
from taxocrawl.records import Document
from taxocrawl.risks import RISKS
from taxocrawl.taxonomies import formats
from taxocrawl.training import form_fit, risk_fit

SOLD = {
    "shop": "add to cart price basket delivery checkout",
    "forum": "reply thread members posted joined moderator",
    "news": "reporters said minister on monday headline breaking",
}
SUBJECTS = ("bikes", "roses", "cameras", "dogs", "trains", "cheese", "boats", "violins")


@pytest.fixture(scope="module")
def encoder() -> StaticEncoder:
    return StaticEncoder(Path(taxocrawl.__file__).parent / "models" / "default" / "encoder")


def pages() -> tuple[list[Document], np.ndarray]:
    found, labels = [], []
    for subject in SUBJECTS:
        for form, words in SOLD.items():
            url = f"https://{subject}.example/{form}"
            found.append(documents.from_text(url, text=f"{subject} {words}", url=url))
            labels.append(FORMS.index(form))
    return found, np.array(labels)


def trained(encoder: StaticEncoder) -> form_fit.FormFit:
    found, labels = pages()
    return form_fit.fit(
        found,
        read([field_texts(document.pages[0]) for document in found], encoder),
        labels,
        np.arange(len(found)) // len(SOLD) % 4,
        len(encoder.token_vectors),
        plan=form_fit.FormPlan(trees=8),
        seed=0,
    )


def test_form_training_learns_and_repeats_itself(encoder: StaticEncoder) -> None:
    first, second = trained(encoder), trained(encoder)
    assert first.metrics["form_accuracy_by_tokens_alone"] == 1.0
    assert first.booster.save_raw("ubj") == second.booster.save_raw("ubj")
    assert all((first.arrays[name] == second.arrays[name]).all() for name in first.arrays)
    bags = TokenBags(first.arrays, len(encoder.token_vectors))
    known = documents.from_text("x", text="boats reply thread members posted joined moderator")
    shares = bags.log_shares(read([field_texts(known.pages[0])], encoder))
    assert FORMS[int(shares[0, : len(FORMS)].argmax())] == "forum"


def test_pages_of_sensitive_subjects_teach_nothing_unless_they_are_the_topic() -> None:
    taxonomy = formats.load("iab-3.1")
    topics = tuple(RISKS)
    assert risk_fit.labelled_topic(["Rm3SiT"], taxonomy) == topics.index("adult")
    assert risk_fit.labelled_topic(["211", "483"], taxonomy) == topics.index("alcohol")
    assert risk_fit.labelled_topic(["XtODT3"], taxonomy) is None
    assert risk_fit.labelled_topic(["483", "211"], taxonomy) is None
    assert risk_fit.labelled_topic(["483", ""], taxonomy) == risk_fit.NONE


def test_kin_stay_in_the_fold_of_their_texts() -> None:
    examples = risk_fit.own_texts(4)
    single = {e.page.fields.body: zlib.crc32(e.group.encode()) % 4 for e in examples}
    joined = [e for e in examples if e.group.startswith("kin ")]
    alone = [e for e in examples if e.group.startswith("text ")]
    assert len(joined) == len(alone)
    for example in joined[:60]:
        parts = [e for e in alone if e.page.fields.body in example.page.fields.body]
        assert {single[p.page.fields.body] for p in parts} == {
            zlib.crc32(example.group.encode()) % 4
        }


def test_risk_training_repeats_itself(encoder: StaticEncoder) -> None:
    plan = replace(risk_fit.RiskPlan(), trees=8)
    examples = [e for e in risk_fit.own_texts(4) if e.group.startswith("text ")][::5]
    first, second = (risk_fit.fit(examples, encoder, plan=plan, seed=0) for _ in range(2))
    assert first.booster.save_raw("ubj") == second.booster.save_raw("ubj")
    assert first.metrics == second.metrics
