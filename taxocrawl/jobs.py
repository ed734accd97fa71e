"""The two long jobs, whole: crawl a list into a store, classify a stream of items.

Both check the settings before the first request, open what they need (plugins, workers, store) and
close it again. The command line and the Python interface call these.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from taxocrawl import archives, domains, pipeline
from taxocrawl.archives import Item
from taxocrawl.crawler.run import RunSummary, run_crawl
from taxocrawl.plugins.registry import KINDS, Registry
from taxocrawl.reasons import document_of
from taxocrawl.records import InputLine, Outcome
from taxocrawl.settings import Settings
from taxocrawl.store.kept_text import kept_sites, site_names
from taxocrawl.store.revisits import Revisit, due_lines, only_due
from taxocrawl.store.writer import StoredPlugin, StoreWriter
from taxocrawl.workers import Workers, prepare

ITEMS_AT_ONCE = 256
"""Items read ahead: enough to fill every worker, few enough to stream."""


def crawl_into(
    path: Path,
    lines: Iterable[InputLine] | None,
    *,
    settings: Settings,
    list_sha256: str = "",
    new_run: bool = False,
    revisit: Revisit | None = None,
    command: str = "crawl",
    on_outcome: Callable[[Outcome], None] | None = None,
    on_line: Callable[[InputLine], None] | None = None,
) -> RunSummary:
    """Crawl every line into the store at `path`; with `revisit` only those that are due.

    An unfinished run of the list with this `fingerprint` goes on unless `new_run`; '' never does.
    Without `lines` those of the store are meant that are due. `on_line` is told of lines that need
    no visit, those that were done before a run went on among them.
    """
    registry, settings = prepare(settings)
    with (
        StoreWriter(
            path,
            settings=settings,
            command=command,
            taxonomies=pipeline.taxonomies(registry, settings),
            plugins=_stored_plugins(registry),
            list_sha256=list_sha256,
            new_run=new_run,
        ) as store,
        Workers(settings) as workers,
    ):
        if lines is None:
            lines = due_lines(path, store.run_id, revisit or Revisit())
        elif revisit is not None:
            lines = only_due(path, store.run_id, revisit, lines)
        summary = run_crawl(
            _left(lines, store.finished_lines(), on_line),
            store=store,
            workers=workers,
            settings=settings,
            on_outcome=on_outcome,
            on_line=on_line,
        )
        store.finish("interrupted" if summary.interrupted else "finished")
        return summary


def reclassify(
    path: Path, settings: Settings, *, on_outcome: Callable[[Outcome], None] | None = None
) -> int:
    """Classify the kept text of every site once more, as a run of its own; how many there were.

    Nothing is fetched. The answer is that of a crawl if the store kept all fields (`keep_text`).
    """
    registry, settings = prepare(settings)
    names = site_names(path)
    with (
        StoreWriter(
            path,
            settings=settings,
            command="reclassify",
            taxonomies=pipeline.taxonomies(registry, settings),
            plugins=_stored_plugins(registry),
            new_run=True,
        ) as store,
        Workers(settings) as workers,
    ):
        for start in range(0, len(names), ITEMS_AT_ONCE):
            sites = kept_sites(path, names[start : start + ITEMS_AT_ONCE])
            items = [Item(id=kept.domain, document=document_of(kept)) for kept in sites]
            outcomes = asyncio.run(archives.classify(items, workers, settings.batch_size))
            for number, (kept, outcome) in enumerate(zip(sites, outcomes, strict=True), start + 1):
                found = replace(outcome, final_url=kept.pages[0].url if kept.pages else "")
                store.add(found, domains.parse_line(number, kept.domain))
                if on_outcome is not None:
                    on_outcome(found)
        store.finish("finished")
    return len(names)


def _left(
    lines: Iterable[InputLine],
    done: frozenset[int],
    on_line: Callable[[InputLine], None] | None,
) -> Iterator[InputLine]:
    for line in lines:
        if line.line not in done:
            yield line
        elif on_line is not None:
            on_line(line)


def classify(items: Iterable[Item], settings: Settings) -> Iterator[tuple[Item, Outcome]]:
    """Outcomes in the order of the items, read ahead by a few hundred at most."""
    _, settings = prepare(settings)
    stream = iter(items)
    chunk = list(itertools.islice(stream, ITEMS_AT_ONCE))  # a wrong path is said at once
    with Workers(settings) as workers:
        while chunk:
            urls = [item.fetch for item in chunk if item.fetch]
            fetched = iter(fetch(urls, workers, settings))
            local = [item for item in chunk if not item.fetch]
            done = iter(asyncio.run(archives.classify(local, workers, settings.batch_size)))
            for item in chunk:
                yield item, next(fetched if item.fetch else done)
            chunk = list(itertools.islice(stream, ITEMS_AT_ONCE))


def fetch(urls: Sequence[str], workers: Workers, settings: Settings) -> list[Outcome]:
    """Outcomes of these URLs, in order; each is a site that is visited from there."""
    collected = _Collected()
    # Two URLs of one site are two inputs here, so no line is a duplicate.
    lines = [domains.parse_line(number, url) for number, url in enumerate(urls, start=1)]
    if lines:
        run_crawl(lines, store=collected, workers=workers, settings=settings)
    return [collected.by_line[line.line] for line in lines]


class _Collected:
    """A sink for outcomes that are wanted now and not stored."""

    def __init__(self) -> None:
        self.by_line: dict[int, Outcome] = {}
        self.run_id = ""

    def add(self, outcome: Outcome, line: InputLine) -> None:
        """Keep an outcome."""
        self.by_line[line.line] = outcome

    def add_line(self, line: InputLine) -> None:
        """Keep the verdict on a line that names no site."""
        kind = line.outcome or "invalid_input"
        self.by_line[line.line] = Outcome(domain=line.raw, kind=kind, detail=line.detail)


def _stored_plugins(registry: Registry) -> list[StoredPlugin]:
    """The plugins that a run had, in their order, and what each supplied: part of the record of how
    its answers came about.
    """
    return [
        StoredPlugin(
            plugin=plugin.name,
            version=plugin.version,
            components=tuple(
                f"{kind}/{component.name}"
                for kind in KINDS
                for component in registry.components(kind)
                if component.plugin == plugin.name
            ),
            problem="; ".join(
                ["blocked"] * plugin.blocked
                + [p.message for p in registry.problems if p.plugin == plugin.name]
            ),
        )
        for plugin in registry.plugins
    ]
