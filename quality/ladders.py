"""Which extraction ladder serves classification best, by the whole ranker and by CPU.

`python quality/ladders.py` reads the train pages with HTML by each ladder, trains head and ranker
by cross-validation on them and all other training data, and counts right answers on the pages with
HTML. Writes `quality/ladders.json` with `--write`; docs/extraction.md has the table. Needs the
shared data and twenty minutes.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.ranker import spread
from taxocrawl.settings import Settings
from taxocrawl.taxonomies import formats
from taxocrawl.training import dataset, evaluate
from taxocrawl.training.fit import Plan, Trainer
from taxocrawl.training.positions import best_nodes, select
from taxocrawl.training.translation import read_lexicon

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "quality" / "ladders.json"
ENCODER = ROOT / "taxocrawl" / "models" / "default" / "encoder"

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
    found = []
    for ladder in LADDERS:
        found.append(measured(ladder))
        print(json.dumps(found[-1]), flush=True)
    if arguments.write:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


def measured(ladder: tuple[str, ...]) -> dict[str, object]:
    """Cross-validated accuracies on the pages with HTML, and CPU milliseconds to read one."""
    data = dataset.data_folder()
    taxonomy = formats.load("iab-3.1")
    started = time.process_time()
    pages = dataset.read_pages(data, taxonomy, split="train", settings=Settings(extractors=ladder))
    with_html = np.flatnonzero([page.has_html for page in pages])
    milliseconds = (time.process_time() - started) / len(with_html) * 1e3
    texts = [*dataset.read_glossary(taxonomy), *dataset.read_weak(data, taxonomy)]
    plan = replace(Plan(), importance_pages=0)
    lexicon = read_lexicon(data)
    trainer = Trainer(taxonomy, StaticEncoder(ENCODER), pages, texts, lexicon, plan, 0, report)
    candidates, features, _ = trainer.cross_fitted()
    margins = trainer.cross_margins(candidates, features)
    best = best_nodes(spread(margins, candidates, 1.0, len(taxonomy)), trainer.nodes)
    truth = select(trainer.truth, with_html)
    hits = evaluate.accuracies(best[with_html], truth, trainer.nodes)
    rounded = {name: round(value, 4) for name, value in hits.items()}
    return {
        "ladder": ", ".join(ladder),
        "n_pages": len(with_html),
        "milliseconds": round(milliseconds, 2),
        **rounded,
    }


def report(line: str) -> None:
    """Progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
