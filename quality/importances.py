"""What the shipped model cannot do without, on pages of the gate: `quality/importances.json`.

`python quality/importances.py [--write]` shuffles the fields of the pages, the ranker's features
and groups of those that say the same, each in turn, and tells how far the share of right answers
falls: for the node itself and at each tier. The model card shows it. Needs the shared data
($TAXOCRAWL_DATA, default `../shared/data`).
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from threadpoolctl import threadpool_limits

from taxocrawl.plugins import loading
from taxocrawl.settings import Settings
from taxocrawl.training import dataset, importance

RESULTS = Path(__file__).resolve().parent / "importances.json"
PAGES, REPEATS, SEED = 300, 2, 0


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"keep them in {RESULTS.name}")
    arguments = parser.parse_args()
    threadpool_limits(1)
    registry = loading.load_builtins(Settings())
    ranker = registry.classifier("ranker")
    tree = registry.taxonomy(ranker.taxonomies[0])
    labelled = dataset.read_pages(dataset.data_folder(), tree, split="gate")
    pages = importance.sample(labelled, PAGES, seed=SEED)
    fields = importance.of_fields(ranker, pages, tree, repeats=REPEATS, seed=SEED)
    features, _ = importance.of_features(
        registry.model_folder(), pages, tree, repeats=REPEATS, seed=SEED
    )
    found = {
        "model_id": ranker.model_id,
        "n_pages": len(pages),
        "repeats": REPEATS,
        "by_tier": [_rounded(of_tier) for of_tier in (*fields, *features)],
    }
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if arguments.write:
        RESULTS.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def _rounded(of_tier: importance.TierImportances) -> dict[str, object]:
    rows = [
        {
            "kind": row.kind,
            "name": row.name,
            "members": row.members,
            "mean": round(row.mean, 4),
            "spread": round(row.spread, 4),
        }
        for row in of_tier.importances
    ]
    return asdict(of_tier) | {"accuracy": round(of_tier.accuracy, 4), "importances": rows}


if __name__ == "__main__":
    sys.exit(main())
