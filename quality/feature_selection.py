"""What each of the ranker's sources buys: accuracy against microseconds and bytes.

`python quality/feature_selection.py` trains the ranker with fewer and fewer features, by
cross-validation on the train pages: first without one source each, then with only the n features
whose permutation importance is greatest. Writes `quality/feature_selection.json` with `--write`;
the tables of docs/model-card.md come from there. A quarter of an hour; needs the shared data.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers import features as columns
from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.features import FEATURE_NAMES
from taxocrawl.classifiers.ranker import spread
from taxocrawl.classifiers.sources import Sources
from taxocrawl.protocols import Vectors
from taxocrawl.taxonomies import formats
from taxocrawl.training import dataset, evaluate
from taxocrawl.training.fit import Plan, Trainer
from taxocrawl.training.positions import best_nodes, subset
from taxocrawl.training.translation import read_lexicon

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "quality" / "feature_selection.json"
ENCODER = ROOT / "taxocrawl" / "models" / "default" / "encoder"

# What a person could leave out as a whole, because one computation makes it.
SOURCES: dict[str, tuple[str, ...]] = {
    "fields apart": (
        "linear_title",
        "linear_summary",
        "linear_body",
        "linear_rest",
        "linear_root_",
    ),
    "prototypes": ("prototype_",),
    "title prototypes": ("title_",),
    "neighbours": ("neighbours", "nearest_page"),
    "keywords": ("keywords",),
    "priors": ("prior",),
    "shape": ("tier", "n_children", "entropy", "n_fields", "letters"),
}
KEPT = (4, 8, 12, 16, 24, 32)
TIMED_PAGES = 256
Ints = NDArray[np.int64]


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", type=Path, default=ENCODER)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    trainer = made(arguments.encoder)
    candidates, table, _ = trainer.cross_fitted()
    costs = micros(trainer)
    rows = [row("all", FEATURE_NAMES, trainer, candidates, table)]
    order = [i.name for i in trainer.importances if i.kind == "feature"]
    for source, prefixes in SOURCES.items():
        kept = [name for name in FEATURE_NAMES if not name.startswith(prefixes)]
        rows.append(row(f"without {source}", kept, trainer, candidates, table))
    for n in KEPT:
        rows.append(row(f"best {n}", order[:n], trainer, candidates, table))
    print(json.dumps(found := {"n_pages": len(trainer.pages), "rows": rows, **costs}, indent=1))
    if arguments.write:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


def made(encoder: Path) -> Trainer:
    """The trainer of the default model."""
    data = dataset.data_folder()
    taxonomy = formats.load("iab-3.1")
    pages = dataset.read_pages(data, taxonomy, split="train")
    texts = [*dataset.read_glossary(taxonomy), *dataset.read_weak(data, taxonomy)]
    lexicon = read_lexicon(data)
    return Trainer(taxonomy, StaticEncoder(encoder), pages, texts, lexicon, Plan(), 0, report)


def row(
    name: str, kept: Sequence[str], trainer: Trainer, candidates: Ints, table: Vectors
) -> dict[str, object]:
    """Cross-validated accuracies with these features alone."""
    chosen = sorted(FEATURE_NAMES.index(feature) for feature in kept)
    report(f"{name}: {len(chosen)} features")
    trainer.fold_rankers.clear()
    if len(chosen) < len(FEATURE_NAMES):
        trainer.plan = Plan(importance_pages=0)
    margins = trainer.cross_margins(candidates, np.ascontiguousarray(table[:, :, chosen]))
    shares = spread(margins, candidates, 1.0, len(trainer.nodes))
    hits = evaluate.accuracies(best_nodes(shares, trainer.nodes), trainer.truth, trainer.nodes)
    return {"name": name, "n_features": len(chosen), **{k: round(v, 4) for k, v in hits.items()}}


def micros(trainer: Trainer) -> dict[str, object]:
    """CPU microseconds a page of each source, and bytes of what it reads."""
    sources: Sources = trainer.fold_sources[0]
    reading = subset(trainer.reading, np.arange(TIMED_PAGES))
    vectors = np.ascontiguousarray(reading.vectors[:, 0])
    steps: dict[str, Callable[[], object]] = {
        "linear": lambda: sources.linear.logits(reading),
        "fields apart": lambda: sources.linear.logits_apart(reading, columns.READINGS[1:]),
        "prototypes": lambda: sources.prototypes.similarities(vectors),
        "title prototypes": lambda: sources.prototypes.similarities(vectors),
        "neighbours": lambda: sources.neighbours.scores(vectors),
        "keywords": lambda: sources.keywords.scores(reading.texts),
        "all with features": lambda: sources.pairs(reading, trainer.plan.n_candidates),
    }
    sizes = {
        "linear": trainer.encoder.token_vectors.shape[0] * (sources.linear.table.shape[1] + 4),
        "prototypes": trainer.prototypes.vectors.size * 2,
        "neighbours": trainer.vectors.size * 2,
    }
    return {"microseconds": {name: timed(step) for name, step in steps.items()}, "bytes": sizes}


def timed(step: Callable[[], object]) -> float:
    """Median CPU microseconds a page over five runs."""
    times = []
    for _ in range(5):
        started = time.process_time()
        step()
        times.append((time.process_time() - started) / TIMED_PAGES * 1e6)
    return round(float(np.median(times)), 1)


def report(line: str) -> None:
    """Progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
