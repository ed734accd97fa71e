"""What classifying a page costs, in CPU milliseconds, on one thread.

`python bench/classify.py` classifies the extracted text of gate pages of about 300 words, in
batches of 16 as a crawl does, with words new to the process and again with all words met before;
each classifier apart. Needs the shared data ($TAXOCRAWL_DATA, default `../shared/data`).
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
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

BATCH = 16
LEAST, MOST = 200, 400


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classifier", action="append", help="only these (repeatable)")
    arguments = parser.parse_args()
    threadpool_limits(1)
    registry = loading.load(Settings())
    cases = gate.gate_cases(dataset.data_folder(), load(gate.TAXONOMY))
    documents = [c.document for c in cases if LEAST <= words.count(c.document.text) <= MOST]
    found = np.mean([words.count(document.text) for document in documents])
    sys.stdout.write(f"{len(documents)} pages of {found:.0f} words\n")
    for name in arguments.classifier or ("ranker",):
        classifier = registry.classifier(name)
        classifier.classify([gate.written_cases()[0].document])  # the first call loads tables
        show(f"{name}, new words", spent(classifier, documents))
        show(f"{name}, known words", spent(classifier, documents))
    return 0


def spent(classifier: Classifier, documents: Sequence[Document]) -> list[float]:
    """CPU milliseconds a page of each whole batch."""
    result = []
    for start in range(0, len(documents) - BATCH + 1, BATCH):
        started = time.process_time()
        classifier.classify(documents[start : start + BATCH])
        result.append(1000 * (time.process_time() - started) / BATCH)
    return result


def show(name: str, values: Sequence[float]) -> None:
    """One line of the report."""
    median, high = np.median(values), np.quantile(values, 0.95)
    sys.stdout.write(f"{name:32} {median:9.2f} ms  p95 {high:9.2f}  batches {len(values)}\n")


if __name__ == "__main__":
    sys.exit(main())
