"""The quality gate: how right the classifiers are on pages that nothing was tuned on.

`python quality/gate.py` (or `make quality`) measures every classifier on the gate pages with a
topic, from their HTML through the product's own extraction and again from their text fields alone;
on texts written for this project; on other people's sets; and on what has no topic. It prints the
table and, with `--write`, keeps it in `quality/results.json` and draws the pictures of the model
card into `docs/pictures`. Needs the shared data ($TAXOCRAWL_DATA, default `../shared/data`).

The labels of the gate were made by a large language model, not by people: two passes agree on tier
1 in 94 %, on the node in 87 %, on primary or alternative in 99 %.
"""

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import build_model_card
import gate_plots
import gate_refusals
import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from taxocrawl.classifiers.model_folder import read_manifest
from taxocrawl.extraction import documents
from taxocrawl.plugins import loading
from taxocrawl.plugins.registry import Registry
from taxocrawl.protocols import Classifier
from taxocrawl.records import Document, Prediction
from taxocrawl.settings import Settings
from taxocrawl.taxonomies.formats import load
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training import dataset
from taxocrawl.training.evaluate import calibration_error, coverage_accuracy

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "quality" / "results.json"
PICTURES = ROOT / "docs" / "pictures"
WRITTEN = ROOT / "tests" / "written_pages.jsonl"
TAXONOMY = "iab-3.1"
DEFAULT = "ranker"
CLASSIFIERS = (DEFAULT, "ensemble", "linear", "nearest", "keywords")
SLOW = "transformer"
SLOW_PAGES = 200

OUTSIDE = (
    "bbc_news",
    "ag_news",
    "huffpost_news",
    "gnad10_german_news",
    "masakhanews",
    "medical_abstracts",
)
OUTSIDE_ROWS = 500
PAGES_FOR_MACRO = 5
# A share of so few pages is known to within 12 (languages) or 18 points.
PAGES_FOR_LANGUAGE = 60
PAGES_FOR_GROUP = 30
COVERAGES = (0.9, 0.8, 0.5)
RESAMPLES = 1000
BATCH = 16

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Table = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One document with its labels, and the groups it counts in.

    `text_only` is the page as more than half the training pages come: from text fields that were
    kept of it, without its HTML.
    """

    document: Document
    primary: str
    accepted: frozenset[str]
    language: str
    kind: str = ""
    source: str = ""
    text_only: Document | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a classifier gave each case, and whether that was right."""

    node: tuple[str, ...]
    surest: Floats
    asserted: Bools
    hits: Mapping[str, Bools]


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classifier", action="append", help="only these (repeatable)")
    parser.add_argument("--model", default="default")
    parser.add_argument("--slow", action="store_true", help=f"{SLOW} too, on {SLOW_PAGES} pages")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name} and pictures")
    arguments = parser.parse_args()
    data = dataset.data_folder()
    threadpool_limits(1)  # as in a worker
    registry = loading.load(Settings(model=arguments.model))
    names = arguments.classifier or (*CLASSIFIERS, *((SLOW,) if arguments.slow else ()))
    cases = gate_cases(data, load(TAXONOMY))
    result: dict[str, Any] = {**identity(registry, data), "gate_pages": len(cases)}
    result["gate"] = {name: gate_table(registry.classifier(name), name, cases) for name in names}
    ranker = registry.classifier(DEFAULT)
    result["written"] = groups(written := written_cases(), marked(ranker, written)[0])
    result["outside"] = outside(ranker, data)
    real = [case.document for case in cases]
    result["refusals"] = {
        name: gate_refusals.measured(registry, name, real, data) for name in names if name != SLOW
    }
    for part in ("written", "outside", "refusals"):
        print(part, json.dumps(result[part], indent=1))
    if arguments.write:
        keep_slow(result)
        RESULTS.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", "utf-8")
        draw(cases, marked(ranker, cases)[0])
        build_model_card.CARD.write_text(build_model_card.card(), "utf-8")
    return 0


def gate_table(classifier: Classifier, name: str, cases: Sequence[Case]) -> Table:
    """All groups of one classifier; a slow one gets a drawn part of the pages, and no time."""
    if name == SLOW:
        drawn = np.random.default_rng(0).permutation(len(cases))[:SLOW_PAGES]
        cases = [cases[i] for i in sorted(drawn)]
    marks, micros = marked(classifier, cases)
    table = groups(cases, marks)
    table["all"]["microseconds"] = round(micros, 1)
    if name != SLOW:
        texts = [replace(case, document=case.text_only) for case in cases if case.text_only]
        everything = np.ones(len(texts), dtype=bool)
        table["text only"] = measured(texts, marked(classifier, texts)[0], everything)
    show(name, table)
    return table


def keep_slow(result: dict[str, Any]) -> None:
    """Figures of the slow classifier from an earlier run on the same data and model."""
    if SLOW in result["gate"] or not RESULTS.is_file():
        return
    earlier = json.loads(RESULTS.read_text("utf-8"))
    same = all(earlier[name] == result[name] for name in ("data_fingerprint", "model_sha256"))
    if same and SLOW in earlier["gate"]:
        result["gate"][SLOW] = earlier["gate"][SLOW]


def identity(registry: Registry, data: Path) -> dict[str, object]:
    """What was measured: the model and the data, by their fingerprints."""
    folder = registry.model_folder()
    manifest = read_manifest(folder)
    return {
        "taxonomy": manifest.taxonomy,
        "model_id": manifest.id,
        "model_sha256": model_sha256(folder),
        "data_fingerprint": dataset.fingerprint(data),
    }


def model_sha256(folder: Path) -> str:
    """Hash of the model folder's own list of hashes."""
    return hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()


def gate_cases(data: Path, taxonomy: Taxonomy) -> list[Case]:
    """The gate's pages that have a topic."""
    labels = data / "pages" / "labels.parquet"
    table = parquet.read_table(labels, filters=[("split", "=", "gate")])
    rows = {row["page_id"]: row for row in table.to_pylist()}
    return [
        Case(
            document=Document(id=page.page_id, domain=page.domain, pages=(page.page,)),
            primary=page.primary,
            accepted=page.accepted,
            language=page.language,
            kind=page.kind,
            source=rows[page.page_id]["source"],
            text_only=dataset.text_document(rows[page.page_id]),
        )
        for page in dataset.read_pages(data, taxonomy, split="gate")
    ]


def written_cases() -> list[Case]:
    """Texts written for this project, which no training reads."""
    rows = [json.loads(line) for line in WRITTEN.read_text("utf-8").splitlines()]
    return [
        Case(
            document=documents.from_text(row["id"], text=row["text"]),
            primary=row["node_id"],
            accepted=frozenset({row["node_id"]}),
            language=row["language"],
        )
        for row in rows
    ]


def marked(classifier: Classifier, cases: Sequence[Case]) -> tuple[Marks, float]:
    """Right and wrong of each case, and CPU microseconds a document."""
    taxonomy = load(TAXONOMY)
    found = [case.document for case in cases]
    classifier.classify(found[:BATCH])  # the first call loads tables
    started = time.process_time()
    answers = [
        answer
        for start in range(0, len(found), BATCH)
        for answer in classifier.classify(found[start : start + BATCH])
    ]
    micros = (time.process_time() - started) / len(found) * 1e6
    nodes = tuple(first_choice(answer) for answer in answers)
    roots = [taxonomy.lineage(node)[0] if node else "" for node in nodes]
    truth = [taxonomy.lineage(case.primary)[0] for case in cases]
    accepted = [{taxonomy.lineage(node)[0] for node in case.accepted} for case in cases]
    hits = {
        "tier1_primary": np.array([r == t for r, t in zip(roots, truth, strict=True)]),
        "tier1_accepted": np.array([r in ok for r, ok in zip(roots, accepted, strict=True)]),
        "node_primary": np.array([n == c.primary for n, c in zip(nodes, cases, strict=True)]),
        "node_accepted": np.array([n in c.accepted for n, c in zip(nodes, cases, strict=True)]),
    }
    surest = [root_confidence(answer, root) for answer, root in zip(answers, roots, strict=True)]
    asserted = [any(p.asserted for p in answer) for answer in answers]
    return Marks(
        node=nodes, surest=np.array(surest), asserted=np.array(asserted), hits=hits
    ), micros


def first_choice(answer: Sequence[Prediction]) -> str:
    """The node of rank 1; '' where there is none."""
    return next((p.node_id for p in answer if p.rank == 1), "")


def root_confidence(answer: Sequence[Prediction], root: str) -> float:
    """How sure the answer is of the root that its first choice lies under."""
    return next((p.confidence for p in answer if p.node_id == root), 0.0)


def groups(cases: Sequence[Case], marks: Marks) -> Table:
    """Measurements of all cases, and by language, form and source where there are enough."""
    english = np.array([case.language == "en" for case in cases])
    chosen: dict[str, Bools] = {"all": np.ones(len(cases), bool), "en": english, "other": ~english}
    for name, value, least in (
        ("language", lambda case: case.language, PAGES_FOR_LANGUAGE),
        ("form", lambda case: case.kind, PAGES_FOR_GROUP),
        ("source", lambda case: case.source, PAGES_FOR_GROUP),
    ):
        chosen |= parted(name, [value(case) for case in cases], least)
    return {name: measured(cases, marks, rows) for name, rows in chosen.items() if rows.any()}


def parted(name: str, values: Sequence[str], least: int) -> dict[str, Bools]:
    """Rows of each frequent value, and of all rare ones together; {} where nothing is known."""
    counts = Counter(values)
    frequent = sorted(value for value, n in counts.items() if n >= least)
    if not any(values):
        return {}
    found = {f"{name} {v}": np.array([value == v for value in values]) for v in frequent}
    found[f"{name}, rare ones"] = np.array([counts[value] < least for value in values])
    return found


def measured(cases: Sequence[Case], marks: Marks, rows: Bools) -> dict[str, float]:
    """Accuracies with their 95 % intervals, calibration, coverage, macro-F1, for some cases."""
    row: dict[str, float] = {"n": int(rows.sum())}
    for name, hit in marks.hits.items():
        row[name] = float(hit[rows].mean())
        low, high = interval(hit[rows])
        row |= {f"{name}_low": low, f"{name}_high": high}
    surest, right = marks.surest[rows], marks.hits["tier1_accepted"][rows]
    row["ece_tier1"] = calibration_error(surest, marks.hits["tier1_primary"][rows])
    for share in COVERAGES:
        name = f"tier1_accepted_at_{100 * share:.0f}"
        row[name] = coverage_accuracy(surest, right, share)
    row["answered"] = float(marks.asserted[rows].mean())
    if (score := macro_f1(cases, marks.node, rows)) is not None:
        row["macro_f1"] = score
    return {name: round(value, 4) for name, value in row.items()}


def interval(hits: Bools) -> tuple[float, float]:
    """95 % bootstrap interval of a share."""
    rng = np.random.default_rng(0)
    means = hits[rng.integers(0, len(hits), (RESAMPLES, len(hits)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def macro_f1(cases: Sequence[Case], given: Sequence[str], rows: Bools) -> float | None:
    """Mean F1 of the nodes that are primary on 5 pages or more; None where no node is."""
    pairs = [(c.primary, g) for c, g, kept in zip(cases, given, rows, strict=True) if kept]
    counts = Counter(primary for primary, _ in pairs)
    scores = []
    for node in (node for node, n in counts.items() if n >= PAGES_FOR_MACRO):
        right = sum(primary == node == g for primary, g in pairs)
        claimed = sum(g == node for _, g in pairs)
        scores.append(2 * right / (counts[node] + claimed))
    return float(np.mean(scores)) if scores else None


def outside(classifier: Classifier, data: Path) -> dict[str, dict[str, float]]:
    """Tier-1 accuracy on other people's sets, where a label maps exactly; none was trained on."""
    taxonomy = load(TAXONOMY)
    exact: dict[tuple[str, str], str] = {}
    for line in (data / "sites" / "label_map.tsv").read_text("utf-8").splitlines()[1:]:
        source, label, node, confidence, _ = (line.split("\t") + [""] * 5)[:5]
        if confidence == "exact" and node in taxonomy:
            exact[source, label] = node
    found = {}
    for name in OUTSIDE:
        rows = parquet.read_table(data / "sites" / f"{name}.parquet").to_pylist()
        usable = [row for row in rows if (name, row["label"]) in exact]
        rng = np.random.default_rng(0)
        picked = rng.permutation(len(usable))[:OUTSIDE_ROWS]
        sample = [usable[i] for i in picked]
        given = classifier.classify(
            [
                documents.from_text(str(i), text=r["text"], title=r["title"])
                for i, r in enumerate(sample)
            ]
        )
        right = [
            bool(node := first_choice(answer))
            and taxonomy.lineage(node)[0] == taxonomy.lineage(exact[name, row["label"]])[0]
            for answer, row in zip(given, sample, strict=True)
        ]
        found[name] = {"n": len(sample), "tier1": round(float(np.mean(right)), 4)}
    return found


def show(name: str, table: Table) -> None:
    """Print the measurements of one classifier."""
    columns = ("n", "tier1_primary", "tier1_accepted", "node_primary", "node_accepted")
    columns += ("ece_tier1", "tier1_accepted_at_80", "answered", "macro_f1")
    print(f"\n{name}: {table['all'].get('microseconds', 0):.0f} us a page")
    print(" ".join(["group".ljust(46), *(column.rjust(20) for column in columns)]))
    for group, row in table.items():
        print(" ".join([group.ljust(46), *(f"{row.get(c, np.nan):20.3f}" for c in columns)]))


def draw(cases: Sequence[Case], marks: Marks) -> None:
    """Reliability, coverage and confusion of the default classifier."""
    taxonomy = load(TAXONOMY)
    english = np.array([case.language == "en" for case in cases])
    groups = {"English": english, "other languages": ~english}
    for plot, hits in (
        (gate_plots.reliability, marks.hits["tier1_primary"]),
        (gate_plots.coverage, marks.hits["tier1_accepted"]),
    ):
        curves = {name: (marks.surest[rows], hits[rows]) for name, rows in groups.items()}
        plot(PICTURES / f"{plot.__name__}.svg", curves)
    name = {node: taxonomy[taxonomy.lineage(node)[0]].name for node in taxonomy.ids} | {"": "none"}
    pairs = [(name[c.primary], name[given]) for c, given in zip(cases, marks.node, strict=True)]
    gate_plots.confusion(PICTURES / "confusion.svg", pairs)


if __name__ == "__main__":
    sys.exit(main())
