"""How right the model of form and risk is on pages that nothing was tuned on.

`python quality/forms.py` measures the form of the gate pages (from their HTML, through the
product's own extraction), the risks of pages written for this project before any model was trained
(`tests/risk_pages.jsonl`), false alarms on the gate pages, and the time a page costs; `--write`
keeps the table in `quality/forms.json`. Needs the shared data ($TAXOCRAWL_DATA, default
`../shared/data`).

The labels of the gate were made by a large language model, not by people: two passes agree on the
form of 93.6 %.
"""

import argparse
import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from taxocrawl.classifiers.form import FORMS
from taxocrawl.classifiers.risk import TOPIC_NODES
from taxocrawl.extraction import documents
from taxocrawl.pipeline import categorize
from taxocrawl.plugins import loading
from taxocrawl.plugins.registry import Registry
from taxocrawl.records import Document, Outcome
from taxocrawl.risks import PRESETS
from taxocrawl.settings import Settings
from taxocrawl.taxonomies import formats
from taxocrawl.training import dataset

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "quality" / "forms.json"
WRITTEN = ROOT / "tests" / "risk_pages.jsonl"
SETTINGS = Settings(explain=(), aspects=("form", "risk"))
SENSITIVE = "Sensitive Topics"
CONFUSIONS = 12
AT_ONCE = 16

Table = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePage:
    """One gate page with a topic, its form and the nodes that labellers accept."""

    document: Document
    form: str
    language: str
    nodes: tuple[str, ...]


def gate_pages(data: Path) -> list[GatePage]:
    """Gate pages of status ok, `other` and all."""
    filters = [("split", "=", "gate"), ("status", "=", "ok")]
    rows = parquet.read_table(data / "pages" / "labels.parquet", filters=filters).to_pylist()
    parsed = dataset.html_documents(data, {row["page_id"] for row in rows})
    return [
        GatePage(
            document=parsed[row["page_id"]],
            form=row["kind"],
            language=row["lang"],
            nodes=(row["primary"], *filter(None, row["alternatives"].split(","))),
        )
        for row in sorted(rows, key=lambda row: row["page_id"])
    ]


def written_pages() -> list[tuple[Document, Mapping[str, str]]]:
    """The written pages as documents of a title, a description and a text."""
    rows = [json.loads(line) for line in WRITTEN.read_text(encoding="utf-8").splitlines()]
    return [
        (
            documents.from_text(
                row["id"], title=row["title"], description=row["description"], text=row["text"]
            ),
            row,
        )
        for row in rows
    ]


def answers(found: Sequence[Document], registry: Registry) -> list[Outcome]:
    """Outcomes through the pipeline, as a crawl makes them."""
    result = []
    for start in range(0, len(found), AT_ONCE):
        result += categorize(found[start : start + AT_ONCE], registry, SETTINGS)
    return result


def form_table(pages: Sequence[GatePage], outcomes: Sequence[Outcome]) -> Table:
    """Accuracy over the 17 words, by word and language, and what is taken for what."""
    confusion: Counter[tuple[str, str]] = Counter()
    by_form: dict[str, list[bool]] = defaultdict(list)
    by_language: dict[str, list[bool]] = defaultdict(list)
    for page, outcome in zip(pages, outcomes, strict=True):
        if page.form not in FORMS:
            continue
        given = outcome.form.word if outcome.form else "-"
        by_form[page.form].append(given == page.form)
        by_language["en" if page.language == "en" else "other"].append(given == page.form)
        if given != page.form:
            confusion[page.form, given] += 1
    hits = [hit for group in by_form.values() for hit in group]
    return {
        "n": len(hits),
        "accuracy": _mean(hits),
        "undecided": _mean([o.form is None for o in outcomes]),
        "by_language": {name: _mean(group) for name, group in sorted(by_language.items())},
        "by_form": {
            name: {"n": len(group), "accuracy": _mean(group)}
            for name, group in sorted(by_form.items())
        },
        "confusions": {f"{a} as {b}": n for (a, b), n in confusion.most_common(CONFUSIONS)},
    }


def risk_table(
    cases: Sequence[tuple[Document, Mapping[str, str]]], found: Sequence[Outcome]
) -> Table:
    """Look-alikes that are called risky, and risky pages whose own topic is missed."""
    plain = [
        (row, outcome.risks)
        for (_, row), outcome in zip(cases, found, strict=True)
        if not row["topic"]
    ]
    risky = [
        (row, outcome.risks) for (_, row), outcome in zip(cases, found, strict=True) if row["topic"]
    ]
    missed = [row["topic"] not in {risk.topic for risk in risks} for row, risks in risky]
    least = PRESETS["brand-safety"].min_confidence
    sure = [
        row["topic"] in {risk.topic for risk in risks if risk.confidence >= least}
        for row, risks in risky
    ]
    alarmed = [any(risk.confidence >= least for risk in risks) for _, risks in plain]
    alarms = Counter(risk.topic for _, risks in plain for risk in risks)
    return {
        "look_alikes": len(plain),
        "look_alikes_called_risky": _mean([bool(risks) for _, risks in plain]),
        "look_alikes_called_adult_or_hate": alarms["adult"] + alarms["hate"],
        "risky": len(risky),
        "risky_missed": _mean(missed),
        "risky_called_another_risk_only": _mean(
            [miss and bool(risks) for miss, (_, risks) in zip(missed, risky, strict=True)]
        ),
        "brand_safety_missed": round(1 - _mean(sure), 4),
        "brand_safety_look_alikes": _mean(alarmed),
        "alarms": dict(sorted(alarms.items())),
    }


def false_alarms(pages: Sequence[GatePage], outcomes: Sequence[Outcome]) -> Table:
    """Gate pages none of whose labels is sensitive or a topic of ours, that are called risky."""
    taxonomy = formats.load("iab-3.1")
    ours = {node for nodes in TOPIC_NODES.values() for node in nodes}
    plain = [
        outcome
        for page, outcome in zip(pages, outcomes, strict=True)
        if not any(
            node in ours or taxonomy.path(node).startswith(SENSITIVE)
            for node in page.nodes
            if node in taxonomy
        )
    ]
    alarms = Counter(risk.topic for outcome in plain for risk in outcome.risks)
    return {
        "n": len(plain),
        "called_risky": _mean([bool(outcome.risks) for outcome in plain]),
        "alarms": dict(sorted(alarms.items())),
    }


def milliseconds_a_page(found: Sequence[Document], registry: Registry) -> float:
    """CPU time of form and risk beside the ranker, which has read the pages already."""
    reader = registry.aspects()
    spent = 0.0
    for start in range(0, len(found), AT_ONCE):
        batch = found[start : start + AT_ONCE]
        classified = registry.classifier("ranker").classify(batch)
        began = time.process_time()
        reader.read(batch, classified)
        spent += time.process_time() - began
    return 1000 * spent / len(found)


def model_sha256(registry: Registry) -> str:
    """Fingerprint of the model's files, from its checksums."""
    folder = registry.model_folder(registry.settings.forms_model)
    return hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()


def _mean(values: Sequence[bool]) -> float:
    return round(sum(values) / max(1, len(values)), 4)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help="keep the table in quality/forms.json")
    options = parser.parse_args()
    registry = loading.load(SETTINGS)
    cases = written_pages()
    pages = gate_pages(dataset.data_folder())
    outcomes = answers([page.document for page in pages], registry)
    table: Table = {
        "model_sha256": model_sha256(registry),
        "form": form_table(pages, outcomes),
        "risk": risk_table(cases, answers([document for document, _ in cases], registry)),
        "risk_on_gate": false_alarms(pages, outcomes),
        "milliseconds_a_page": round(
            milliseconds_a_page([page.document for page in pages[:320]], registry), 2
        ),
    }
    print(json.dumps(table, indent=2, ensure_ascii=False))
    if options.write:
        RESULTS.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
