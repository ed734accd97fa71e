"""Which extraction ladder serves classification best, by the whole ranker and by CPU.

`python quality/ladders.py` reads the train pages with HTML by each ladder and counts how often the
cross-fitted ranker, trained anew on what that ladder reads, is right on them. The linear heads
among its sources are those of the default ladder, which favours it a little. Writes
`quality/ladders.json` with `--write`; docs/extraction.md has the table. Needs the shared data and
six minutes.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.ranker import spread
from taxocrawl.classifiers.reading import field_texts, read
from taxocrawl.protocols import Vectors
from taxocrawl.settings import Settings
from taxocrawl.taxonomies import formats
from taxocrawl.training import dataset, evaluate
from taxocrawl.training.dataset import LabelledPage
from taxocrawl.training.fit import Plan, Trainer
from taxocrawl.training.positions import best_nodes, select
from taxocrawl.training.translation import read_lexicon

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "quality" / "ladders.json"
ENCODER = ROOT / "taxocrawl" / "models" / "default" / "encoder"

Ints = NDArray[np.int64]

LADDERS = (
    ("trafilatura", "baseline", "visible"),
    ("resiliparse", "visible"),
    ("baseline", "visible"),
    ("visible",),
)


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    data = dataset.data_folder()
    taxonomy = formats.load("iab-3.1")
    pages, seconds = read_by(LADDERS[0])
    texts = [*dataset.read_glossary(taxonomy), *dataset.read_weak(data, taxonomy)]
    plan = replace(Plan(), importance_pages=0)
    trainer = Trainer(
        taxonomy, StaticEncoder(ENCODER), pages, texts, read_lexicon(data), plan, 0, report
    )
    candidates, features, _ = trainer.cross_fitted()
    found = [measured(LADDERS[0], trainer, candidates, features, seconds)]
    for ladder in LADDERS[1:]:
        pages, seconds = read_by(ladder)
        reading = read([field_texts(page.page) for page in pages], trainer.encoder)
        found.append(measured(ladder, trainer, *trainer.cross_read(reading)[:2], seconds))
    print(json.dumps(found, indent=1))
    if arguments.write:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


def read_by(ladder: tuple[str, ...]) -> tuple[list[LabelledPage], float]:
    """The train pages as a ladder reads them, and CPU seconds of that."""
    report(", ".join(ladder))
    started = time.process_time()
    settings = Settings(extractors=ladder)
    taxonomy = formats.load("iab-3.1")
    pages = dataset.read_pages(dataset.data_folder(), taxonomy, split="train", settings=settings)
    return pages, time.process_time() - started


def measured(
    ladder: tuple[str, ...], trainer: Trainer, candidates: Ints, features: Vectors, seconds: float
) -> dict[str, object]:
    """Cross-validated accuracies on the pages with HTML, and CPU milliseconds to read one."""
    with_html = np.flatnonzero([page.has_html for page in trainer.pages])
    trainer.fold_rankers.clear()
    margins = trainer.cross_margins(candidates, features)
    shares = spread(margins, candidates, 1.0, len(trainer.nodes))
    best = best_nodes(shares, trainer.nodes)[with_html]
    hits = evaluate.accuracies(best, select(trainer.truth, with_html), trainer.nodes)
    return {
        "ladder": ", ".join(ladder),
        "n_pages": len(with_html),
        "milliseconds": round(seconds / len(with_html) * 1e3, 2),
        **{name: round(value, 4) for name, value in hits.items()},
    }


def report(line: str) -> None:
    """Progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
