"""Does the model see that a page is about nothing it knows? Measured with roots it never met.

`python quality/held_out_roots.py` takes three tier-1 nodes out of the taxonomy and out of training,
trains the rest anew, and asks how well the confidence of the surest root tells pages of the known
roots (cross-fitted: no page was seen) from pages of the three: the area under the ROC curve, which
is the chance that a known page has more of it. Two threes are measured: the first was looked at
while the score was chosen, the second only afterwards. Ten minutes; needs the shared data.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from taxocrawl.classifiers.encoders.static import StaticEncoder
from taxocrawl.classifiers.node_arrays import NO_PARENT
from taxocrawl.classifiers.ranker import margins_of, spread
from taxocrawl.classifiers.reading import field_texts, read
from taxocrawl.protocols import Vectors
from taxocrawl.taxonomies import formats
from taxocrawl.taxonomies.tree import Taxonomy
from taxocrawl.training import dataset
from taxocrawl.training.dataset import LabelledPage
from taxocrawl.training.fit import Plan, Trainer
from taxocrawl.training.translation import read_lexicon

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "quality" / "held_out_roots.json"
ENCODER = ROOT / "taxocrawl" / "models" / "default" / "encoder"

N_FOLDS = 3
HELD_OUT = {
    "looked at": ("Automotive", "Religion & Spirituality", "Style & Fashion"),
    "measured": ("Travel", "Medical Health", "Sports"),
}

Ints = NDArray[np.int64]


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", type=Path, default=ENCODER)
    parser.add_argument("--only", choices=HELD_OUT, help="one three")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    arguments = parser.parse_args()
    chosen = {k: v for k, v in HELD_OUT.items() if arguments.only in (None, k)}
    found = {name: measured(roots, arguments.encoder) for name, roots in chosen.items()}
    print(json.dumps(found, indent=1))
    if arguments.write:
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 0


def measured(names: Sequence[str], encoder: Path) -> dict[str, object]:
    """AUROC of known against unknown pages, and how many of each."""
    data = dataset.data_folder()
    whole = formats.load("iab-3.1")
    banned = {
        node for root in whole.roots if whole[root].name in names for node in whole.subtree(root)
    }
    taxonomy = without(whole, banned)
    pages = dataset.read_pages(data, whole, split="train")
    known = [page for page in pages if page.accepted.isdisjoint(banned)]
    unknown = [page for page in pages if page.accepted <= banned]
    texts = [*dataset.read_glossary(taxonomy), *dataset.read_weak(data, taxonomy)]
    plan = replace(Plan(), n_folds=N_FOLDS, importance_pages=0)
    trainer = Trainer(
        taxonomy, StaticEncoder(encoder), known, texts, read_lexicon(data), plan, 0, report
    )
    surest = np.concatenate([of_known(trainer), of_unknown(trainer, unknown)])
    truth = np.repeat([1, 0], [len(known), len(unknown)])
    area = round(float(roc_auc_score(truth, surest)), 4)
    return {"roots": list(names), "known": len(known), "unknown": len(unknown), "auroc": area}


def of_known(trainer: Trainer) -> Vectors:
    """How sure of its surest root the model is on each known page, which it has not seen."""
    candidates, features, _ = trainer.cross_fitted()
    margins = trainer.cross_margins(candidates, features)
    return surest_root(trainer, margins, candidates)


def of_unknown(trainer: Trainer, pages: Sequence[LabelledPage]) -> Vectors:
    """The same of pages of the held-out roots, by the model of the first fold."""
    reading = read([field_texts(page.page) for page in pages], trainer.encoder)
    pairs = trainer.fold_sources[0].pairs(reading, trainer.plan.n_candidates)
    margins = margins_of(trainer.fold_rankers[0], pairs.features)
    return surest_root(trainer, margins, pairs.candidates)


def surest_root(trainer: Trainer, margins: Vectors, candidates: Ints) -> Vectors:
    """The largest share of one root, (n_pages,): calibration would not change the order."""
    shares = spread(margins, candidates, 1.0, len(trainer.nodes))
    roots = trainer.nodes.parent == NO_PARENT
    return np.asarray(trainer.nodes.subtree_sums(shares)[:, roots].max(axis=1))


def without(taxonomy: Taxonomy, banned: set[str]) -> Taxonomy:
    """The taxonomy less these nodes."""
    kept = [node for node in taxonomy if node.id not in banned]
    texts = {node.id: taxonomy.texts(node.id) for node in kept}
    return Taxonomy(taxonomy.name, kept, texts=texts)


def report(line: str) -> None:
    """Progress."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
