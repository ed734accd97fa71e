"""The quality gate: how right the classifiers are on pages that nothing was tuned on.

`python quality/gate.py` (or `make quality`) measures every classifier on the 756 gate pages with a
topic, from their HTML through the product's own extraction, on texts written for this project, and
on other people's sets; prints the table and, with `--write`, keeps it in `quality/results.json`
and plots calibration and coverage into `build/quality`. Needs the shared data ($TAXOCRAWL_DATA,
default `../shared/data`).

The labels of the gate were made by a large language model, not by people: two passes agree on tier
1 in 94 %, on the node in 87 %, on primary or alternative in 99 %.
"""

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
PLOTS = ROOT / "build" / "quality"
WRITTEN = ROOT / "tests" / "written_pages.jsonl"
TAXONOMY = "iab-3.1"
CLASSIFIERS = ("ranker", "linear", "nearest", "keywords")

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
PAGES_FOR_GROUP = 60
RESAMPLES = 1000

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Table = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One document with its labels, and the groups it counts in."""

    document: Document
    primary: str
    accepted: frozenset[str]
    language: str
    kind: str = ""
    has_html: bool = True


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
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name} and the plots")
    arguments = parser.parse_args()
    data = dataset.data_folder()
    threadpool_limits(1)  # as in a worker
    registry = loading.load(Settings(model=arguments.model))
    cases = gate_cases(data, load(TAXONOMY))
    result: dict[str, object] = {**identity(registry, data), "gate_pages": len(cases)}
    tables: dict[str, Table] = {}
    for name in arguments.classifier or CLASSIFIERS:
        marks, micros = marked(registry.classifier(name), cases)
        tables[name] = groups(cases, marks)
        tables[name]["all"]["microseconds"] = micros
        show(name, tables[name])
        if name == "ranker" and arguments.write:
            plot(cases, marks)
    result["gate"] = tables
    ranker = registry.classifier("ranker")
    result["written"] = groups(written := written_cases(), marked(ranker, written)[0])
    result["outside"] = outside(ranker, data)
    result["refusals"] = refusals(ranker, cases)
    for part in ("written", "outside", "refusals"):
        print(part, json.dumps(result[part], indent=1))
    if arguments.write:
        RESULTS.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", "utf-8")
    return 0


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
    return [
        Case(
            document=Document(id=page.page_id, domain=page.domain, pages=(page.page,)),
            primary=page.primary,
            accepted=page.accepted,
            language=page.language,
            kind=page.kind,
            has_html=page.has_html,
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
    classifier.classify(found[:16])  # the first call loads tables
    started = time.process_time()
    answers = [a for i in range(0, len(found), 16) for a in classifier.classify(found[i : i + 16])]
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
    """Measurements of all cases, by language, by form, and of pages with HTML alone."""
    english = np.array([case.language == "en" for case in cases])
    chosen: dict[str, Bools] = {"all": np.ones(len(cases), bool), "en": english, "other": ~english}
    counts = Counter(case.language for case in cases)
    frequent = [lang for lang, n in counts.items() if n >= PAGES_FOR_GROUP and lang != "en"]
    for language in sorted(frequent):
        chosen[f"language {language}"] = np.array([case.language == language for case in cases])
    for kind, n in sorted(Counter(case.kind for case in cases).items()):
        if kind and n >= PAGES_FOR_GROUP:
            chosen[f"form {kind}"] = np.array([case.kind == kind for case in cases])
    return {name: measured(cases, marks, rows) for name, rows in chosen.items()}


def measured(cases: Sequence[Case], marks: Marks, rows: Bools) -> dict[str, float]:
    """Accuracies with their 95 % intervals, calibration, coverage, macro-F1, for some cases."""
    row: dict[str, float] = {"n": int(rows.sum())}
    for name, hit in marks.hits.items():
        row[name] = float(hit[rows].mean())
        low, high = interval(hit[rows])
        row |= {f"{name}_low": low, f"{name}_high": high}
    surest, right = marks.surest[rows], marks.hits["tier1_accepted"][rows]
    row["ece_tier1"] = calibration_error(surest, marks.hits["tier1_primary"][rows])
    row["tier1_accepted_at_80"] = coverage_accuracy(surest, right, 0.8)
    row["answered"] = float(marks.asserted[rows].mean())
    row["macro_f1"] = macro_f1(cases, marks.node, rows)
    return {name: round(value, 4) for name, value in row.items()}


def interval(hits: Bools) -> tuple[float, float]:
    """95 % bootstrap interval of a share."""
    rng = np.random.default_rng(0)
    means = hits[rng.integers(0, len(hits), (RESAMPLES, len(hits)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def macro_f1(cases: Sequence[Case], given: Sequence[str], rows: Bools) -> float:
    """Mean F1 of the nodes that are primary on 5 pages or more."""
    pairs = [(c.primary, g) for c, g, kept in zip(cases, given, rows, strict=True) if kept]
    counts = Counter(primary for primary, _ in pairs)
    scores = []
    for node in (node for node, n in counts.items() if n >= PAGES_FOR_MACRO):
        right = sum(primary == node == g for primary, g in pairs)
        claimed = sum(g == node for _, g in pairs)
        scores.append(2 * right / (counts[node] + claimed))
    return float(np.mean(scores)) if scores else float("nan")


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


MENU = (
    "Home,Log in,Sign up,Contact us,Privacy policy,Terms,Cookies,Next,Previous,Page 2,Search,Menu,"
    "Close,Read more,Share,Back to top"
)

NOISE: Mapping[str, Callable[[np.random.Generator], str]] = {
    "random letters": lambda rng: " ".join(
        "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), rng.integers(3, 10)))
        for _ in range(60)
    ),
    "code": lambda rng: "\n".join(
        f"    x{rng.integers(99)} = f{rng.integers(9)}(y[{rng.integers(99)}]) or {rng.integers(9)}"
        for _ in range(25)
    ),
    "boilerplate": lambda rng: " ".join(rng.permutation(MENU.split(","))),
    "numbers": lambda rng: " ".join(map(str, rng.integers(0, 99999, 80))),
    "rare scripts": lambda rng: " ".join(
        "".join(chr(int(c)) for c in rng.integers(0x1200, 0x1340, rng.integers(2, 7)))
        for _ in range(50)
    ),
}


def refused_noise(classifier: Classifier, kind: str, *, n: int = 100) -> float:
    """Share of texts of one kind of noise that get no category."""
    rng = np.random.default_rng(0)
    texts = [documents.from_text(str(i), text=NOISE[kind](rng)) for i in range(n)]
    return float(np.mean([not any(p.asserted for p in a) for a in classifier.classify(texts)]))


def refusals(classifier: Classifier, cases: Sequence[Case]) -> dict[str, float]:
    """Share of texts without a topic that get no category, and of real pages that get none."""
    found = {kind: refused_noise(classifier, kind) for kind in NOISE}
    found["all noise"] = round(float(np.mean(list(found.values()))), 4)
    answers = classifier.classify([case.document for case in cases])
    wrongly = np.mean([not any(p.asserted for p in answer) for answer in answers])
    found["real pages"] = round(float(wrongly), 4)
    return found


def show(name: str, table: Table) -> None:
    """Print the measurements of one classifier."""
    columns = ("n", "tier1_primary", "tier1_accepted", "node_primary", "node_accepted")
    columns += ("ece_tier1", "tier1_accepted_at_80", "answered", "macro_f1")
    print(f"\n{name}: {table['all'].get('microseconds', 0):.0f} us a page")
    print(" ".join(["group".ljust(18), *(column.rjust(20) for column in columns)]))
    for group, row in table.items():
        print(" ".join([group.ljust(18), *(f"{row[c]:20.3f}" for c in columns)]))


def plot(cases: Sequence[Case], marks: Marks) -> None:
    """Reliability and coverage of the shipped classifier as pictures."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    PLOTS.mkdir(parents=True, exist_ok=True)
    english = np.array([case.language == "en" for case in cases])
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for label, rows in (("English", english), ("other languages", ~english)):
        surest = marks.surest[rows]
        hit = marks.hits["tier1_primary"][rows]
        bins = np.minimum((surest * 10).astype(int), 9)
        used = [b for b in range(10) if (bins == b).sum() >= 5]
        left.plot(
            [surest[bins == b].mean() for b in used],
            [hit[bins == b].mean() for b in used],
            marker="o",
            label=label,
        )
        order = np.argsort(-surest, kind="stable")
        accepted = marks.hits["tier1_accepted"][rows][order]
        shares = np.arange(1, len(order) + 1) / len(order)
        right.plot(shares, np.cumsum(accepted) / np.arange(1, len(order) + 1), label=label)
    left.plot([0, 1], [0, 1], color="grey", linestyle=":")
    left.set(xlabel="confidence of tier 1", ylabel="share right", title="Reliability")
    right.set(xlabel="share of pages answered", ylabel="accepted at tier 1", title="Coverage")
    left.legend()
    right.legend()
    figure.savefig(PLOTS / "gate.png", dpi=120)
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(main())
