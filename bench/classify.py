"""What classifying a page costs, in CPU milliseconds, on one thread.

`python bench/classify.py` classifies the extracted text of gate pages of about 300 words, in
batches as a worker does: IAB Content 3.1 by `ranker`, then Google's by `products`, which reads
the same tokens. Three times: with words new to the process, as after some hundred other pages (the
state of a crawl), and with all words met before. Needs the shared data ($TAXOCRAWL_DATA, default
`../shared/data`).
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "quality"))

import gate  # noqa: E402

from taxocrawl import words  # noqa: E402
from taxocrawl.plugins import loading  # noqa: E402
from taxocrawl.protocols import Classifier  # noqa: E402
from taxocrawl.records import Document  # noqa: E402
from taxocrawl.settings import Settings  # noqa: E402
from taxocrawl.taxonomies.formats import load  # noqa: E402
from taxocrawl.training import dataset  # noqa: E402

BATCH = Settings().batch_size
LEAST, MOST = 200, 400

Costs = NDArray[np.float64]


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classifier", action="append", help="these instead (repeatable)")
    arguments = parser.parse_args()
    threadpool_limits(1)
    names = arguments.classifier or ["ranker", "products"]
    cases = gate.gate_cases(dataset.data_folder(), load(gate.TAXONOMY))
    documents = [c.document for c in cases]
    measured = [d for d in documents if LEAST <= words.count(d.text) <= MOST]
    others = [d for d in documents if d not in measured]
    found = np.mean([words.count(document.text) for document in measured])
    sys.stdout.write(f"{len(measured)} pages of {found:.0f} words\n")
    for state, before in (("new words", []), (f"after {len(others)} other pages", others)):
        classifiers = fresh(names)
        spent(classifiers, before)
        show(names, state, spent(classifiers, measured))
    show(names, "known words", spent(classifiers, measured))
    return 0


def fresh(names: Sequence[str]) -> list[Classifier]:
    """Classifiers that have read one short text: the first call loads tables."""
    registry = loading.load(Settings())
    found = [registry.classifier(name) for name in names]
    for classifier in found:
        classifier.classify([gate.written_cases()[0].document])
    return found


def spent(classifiers: Sequence[Classifier], documents: Sequence[Document]) -> Costs:
    """CPU milliseconds a page of each whole batch, (n_batches, n_classifiers)."""
    result = []
    for start in range(0, len(documents) - BATCH + 1, BATCH):
        row = []
        for classifier in classifiers:
            started = time.process_time()
            classifier.classify(documents[start : start + BATCH])
            row.append(1000 * (time.process_time() - started) / BATCH)
        result.append(row)
    return np.array(result).reshape(-1, len(classifiers))


def show(names: Sequence[str], state: str, costs: Costs) -> None:
    """A line for each classifier and one for all."""
    for name, values in zip([*names, "together"], [*costs.T, costs.sum(axis=1)], strict=True):
        median, high = np.median(values), np.quantile(values, 0.95)
        sys.stdout.write(f"{name + ', ' + state:40} {median:6.2f} ms  p95 {high:6.2f}\n")


if __name__ == "__main__":
    sys.exit(main())
