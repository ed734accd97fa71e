"""What explanations cost beside classification, in CPU milliseconds a page, on one thread.

`python bench/explanations.py` classifies gate pages from their HTML in batches, as a worker
does, and explains them as every site is explained (`words`, `shap`): sites of one page, then of as
many as a crawl reads by default. Then, on a few pages, it explains by every method, as
`taxocrawl why` does. Prints medians of the batches and the 95th percentile. Last the whole command
`taxocrawl why DOMAIN --explain all` on a store of such pages, from start to end: seconds on the
clock and of CPU. Needs the shared data ($TAXOCRAWL_DATA, default `../shared/data`).
"""

import argparse
import gc
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "quality"))

import gate  # noqa: E402

from taxocrawl import domains, pipeline  # noqa: E402
from taxocrawl.plugins import loading  # noqa: E402
from taxocrawl.plugins.registry import Registry  # noqa: E402
from taxocrawl.protocols import BatchExplainer  # noqa: E402
from taxocrawl.records import Document  # noqa: E402
from taxocrawl.settings import Settings  # noqa: E402
from taxocrawl.store.writer import StoreWriter  # noqa: E402
from taxocrawl.taxonomies.formats import load  # noqa: E402
from taxocrawl.training import dataset  # noqa: E402

T = TypeVar("T")

BATCH = Settings().batch_size
STORED = ("words", "shap")
ON_REQUEST = ("words", "shap", "lime", "anchors")
COMMANDS = 5
SITE = Settings().max_pages


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=320)
    parser.add_argument("--asked", type=int, default=10, help="pages explained by every method")
    arguments = parser.parse_args()
    threadpool_limits(1)
    registry = loading.load(Settings())
    cases = gate.gate_cases(dataset.data_folder(), load(gate.TAXONOMY))
    documents = [case.document for case in cases][: BATCH + arguments.pages]
    stored(registry, documents[:BATCH])  # the first calls load tables
    gc.collect()
    gc.freeze()  # as a worker does
    for name, values in stored(registry, documents[BATCH:]).items():
        show(f"{name}, a page", values)
    for name, values in stored(registry, sites(cases)).items():
        show(f"{name}, a page of a site of {SITE}", values)
    for name, values in on_request(registry, documents[: arguments.asked]).items():
        show(f"{name}, on request", values)
    for name, values in whole_command(registry, documents[:COMMANDS]).items():
        show(f"taxocrawl why, {name}", values)
    return 0


def sites(cases: Sequence[gate.Case]) -> list[Document]:
    """Sites of as many pages as a crawl reads by default: of one language and tier 1."""
    taxonomy = load(gate.TAXONOMY)
    groups: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for case in cases:
        groups[case.language, taxonomy.lineage(case.primary)[0]].append(case.document)
    return [
        replace(first, pages=tuple(page for one in (first, *others) for page in one.pages))
        for group in groups.values()
        for first, *others in zip(*[iter(group)] * SITE, strict=False)
    ]


def stored(registry: Registry, documents: Sequence[Document]) -> dict[str, list[float]]:
    """Milliseconds a page of each batch, of classification and of each explainer beside it."""
    classifier = registry.classifier("ranker")
    found: dict[str, list[float]] = {"classification": [], **{name: [] for name in STORED}}
    for start in range(0, len(documents), BATCH):
        batch = documents[start : start + BATCH]
        answers, spent = timed(lambda batch=batch: classifier.classify(batch))
        n_pages = sum(len(document.pages) for document in batch)
        found["classification"].append(spent / n_pages)
        for name in STORED:
            explainer = registry.explainer(name)
            assert isinstance(explainer, BatchExplainer)
            _, spent = timed(
                lambda e=explainer, b=batch, a=answers: e.explain_batch(b, a, classifier)
            )
            found[name].append(spent / n_pages)
    return found


def on_request(registry: Registry, documents: Sequence[Document]) -> dict[str, list[float]]:
    """Milliseconds a page by each method alone."""
    classifier = registry.classifier("ranker")
    found: dict[str, list[float]] = {name: [] for name in ON_REQUEST}
    for document in documents:
        [answer] = classifier.classify([document])
        for name in ON_REQUEST:
            explainer = registry.explainer(name)
            _, spent = timed(lambda e=explainer, d=document, a=answer: e.explain(d, a, classifier))
            found[name].append(spent)
    return found


def whole_command(registry: Registry, documents: Sequence[Document]) -> dict[str, list[float]]:
    """Milliseconds of `taxocrawl why` by all methods, a run for each page, files read before."""
    found: dict[str, list[float]] = {"wall": [], "CPU": []}
    with TemporaryDirectory() as folder:
        store = Path(folder) / "sites.duckdb"
        names = write_store(store, registry, documents)
        for name in (names[0], *names):
            command = [sys.executable, "-m", "taxocrawl", "why", name, "-s", str(store)]
            used, started = children_cpu_s(), time.perf_counter()
            subprocess.run([*command, "--explain", "all"], check=True, stdout=subprocess.DEVNULL)
            found["wall"].append(1000 * (time.perf_counter() - started))
            found["CPU"].append(1000 * (children_cpu_s() - used))
    return {name: values[1:] for name, values in found.items()}


def write_store(path: Path, registry: Registry, documents: Sequence[Document]) -> list[str]:
    """The sites of a new store, answered as in a crawl."""
    settings = registry.settings
    taxonomies = pipeline.taxonomies(registry, settings)
    outcomes = pipeline.categorize(documents, registry, settings)
    with StoreWriter(path, settings=settings, command="crawl", taxonomies=taxonomies) as store:
        for number, outcome in enumerate(outcomes, start=1):
            store.add(outcome, domains.parse_line(number, outcome.domain))
        store.finish("finished")
    return [outcome.domain for outcome in outcomes]


def children_cpu_s() -> float:
    """CPU that ended child processes took."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def timed(function: Callable[[], T]) -> tuple[T, float]:
    """What it gives, and the CPU milliseconds it took."""
    started = time.process_time()
    result = function()
    return result, 1000 * (time.process_time() - started)


def show(name: str, values: Sequence[float]) -> None:
    """One line of the report."""
    median, high = np.median(values), np.quantile(values, 0.95)
    sys.stdout.write(f"{name:32} {median:9.2f} ms  p95 {high:9.2f}  n {len(values)}\n")


if __name__ == "__main__":
    sys.exit(main())
