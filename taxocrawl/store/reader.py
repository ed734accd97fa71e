"""Answers out of a store, as records. Each question opens the file, asks and closes it again."""

import difflib
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from taxocrawl.records import (
    Attribution,
    Explanation,
    Form,
    OutcomeKind,
    PluginFailure,
    Risk,
    Tag,
)
from taxocrawl.store.migration import unreadable
from taxocrawl.store.opening import connect

WAIT_S: Final = 10.0
"""A crawl writes for some 50 ms at a time, so a reader waits far less than this."""
CANDIDATES: Final = 10
"""Nodes of a taxonomy that are shown where none, or few, are asserted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One node of an answer, with its names; `decided_by` is a classifier or `label`.

    `rank` is None on a mere ancestor, `parent_id` at a root; `tier` is 0 where the store does not
    know the node. `relation` is '' unless the answer came by crosswalk from another taxonomy.
    """

    taxonomy: str
    node_id: str
    name: str
    path: str
    tier: int
    parent_id: str | None
    confidence: float
    rank: int | None
    decided_by: str
    relation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPage:
    """One page that was read; `fetched_at` is None where the text came from elsewhere."""

    url: str
    title: str
    description: str
    text: str
    words: int
    language: str
    extractor: str
    fetched_at: datetime | None
    categories: tuple[Category, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAnswer:
    """What the newest run says of a site.

    `categories` are asserted, a person's labels included, best first; `candidates` are what the
    deciding classifier ranked first, asserted or not.
    """

    run_id: str
    domain: str
    kind: OutcomeKind
    detail: str
    message: str
    retryable: bool
    notes: tuple[str, ...]
    final_url: str
    status: int | None
    language: str
    attempts: int
    started_at: datetime | None
    seconds: float
    plugin_failures: tuple[PluginFailure, ...]
    categories: tuple[Category, ...]
    candidates: tuple[Category, ...]
    explanations: tuple[Explanation, ...]
    pages: tuple[StoredPage, ...]
    form: Form | None = None
    risks: tuple[Risk, ...] = ()
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """One run; `finished_at` is None while it is unfinished."""

    run_id: str
    command: str
    state: str
    version: str
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None
    outcomes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A site that the newest run could not classify."""

    run_id: str
    domain: str
    kind: OutcomeKind
    detail: str
    message: str
    retryable: bool
    attempts: int


class StoreReader:
    """Questions to one store, also while a crawl writes to it."""

    def __init__(self, path: Path, *, wait_s: float = WAIT_S) -> None:
        self.path = path
        self._wait_s = wait_s

    def site(self, domain: str) -> SiteAnswer | None:
        """The newest answer for a site; None where the store has never seen it."""
        with self._open() as store:
            found = _rows(store, _SITE, [domain])
            if not found:
                return None
            site = found[0]
            of_run = [site["run_id"], domain]
            form = {name: site.pop(name) for name in ("word", "confidence", "vector_id")}
            return SiteAnswer(
                notes=tuple(site.pop("notes") or ()),
                plugin_failures=tuple(PluginFailure(**f) for f in site.pop("plugin_errors") or ()),
                categories=tuple(Category(**row) for row in _rows(store, _CATEGORIES, [domain])),
                candidates=tuple(
                    Category(**row) for row in _rows(store, _CANDIDATES, [*of_run, CANDIDATES])
                ),
                explanations=tuple(_explanations(store, of_run)),
                pages=tuple(_pages(store, of_run)),
                form=Form(**form) if form["word"] else None,
                risks=tuple(
                    Risk(**(row | {"reasons": tuple(row["reasons"] or ())}))
                    for row in _rows(store, _RISKS, of_run)
                ),
                tags=tuple(Tag(**row) for row in _rows(store, _TAGS, of_run)),
                **site,
            )

    def similar_domains(self, domain: str, *, limit: int = 5) -> tuple[str, ...]:
        """Domains of the store that look like this one, the nearest first."""
        with self._open() as store:
            near = _rows(store, _SIMILAR, [domain])
        names = [row["domain"] for row in near]
        return tuple(difflib.get_close_matches(domain, names, n=limit))

    def runs(self) -> tuple[StoredRun, ...]:
        """All runs, newest first."""
        with self._open() as store:
            runs = _rows(store, _RUNS)
            counts: dict[str, list[tuple[str, int]]] = {run["run_id"]: [] for run in runs}
            for row in _rows(store, "SELECT run_id, outcome, n FROM outcomes"):
                counts[row["run_id"]].append((row["outcome"], row["n"]))
        return tuple(StoredRun(outcomes=tuple(counts[run["run_id"]]), **run) for run in runs)

    def failures(self, *, retryable_only: bool = False) -> tuple[Failure, ...]:
        """Sites whose newest run gave no category, by outcome and domain."""
        with self._open() as store:
            return tuple(Failure(**row) for row in _rows(store, _FAILURES, [not retryable_only]))

    def _open(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return reading(self.path, wait_s=self._wait_s)


@contextmanager
def reading(path: Path, *, wait_s: float = WAIT_S) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for one question; whatever is wrong with the file is a StoreError."""
    with connect(path, read_only=True, wait_s=wait_s) as connection:
        try:
            yield connection
        except duckdb.Error as error:
            raise unreadable(path, connection, error) from error


def _rows(
    store: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object] = ()
) -> list[dict[str, Any]]:
    """Rows as mappings from column to value, ready for the record they become."""
    result = store.execute(sql, list(values))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _explanations(
    store: duckdb.DuckDBPyConnection, of_run: Sequence[object]
) -> Iterator[Explanation]:
    evidence: dict[tuple[str, ...], list[Attribution]] = {}
    for row in _rows(store, _ATTRIBUTIONS, of_run):
        key = tuple(row.pop(name) for name in _EXPLAINED)
        evidence.setdefault(key, []).append(Attribution(**row))
    for row in _rows(store, _EXPLANATIONS, of_run):
        key = tuple(row[name] for name in _EXPLAINED)
        figures = tuple(json.loads(row.pop("figures")).items())
        yield Explanation(attributions=tuple(evidence.get(key, ())), figures=figures, **row)


def _pages(store: duckdb.DuckDBPyConnection, of_run: Sequence[object]) -> Iterator[StoredPage]:
    categories: dict[str, list[Category]] = {}
    for row in _rows(store, _PAGE_CATEGORIES, of_run[1:]):
        categories.setdefault(row.pop("url"), []).append(Category(**row))
    for row in _rows(store, _PAGES, of_run):
        yield StoredPage(categories=tuple(categories.get(row["url"], ())), **row)


_EXPLAINED: Final = ("taxonomy", "node_id", "classifier", "method")
_SITE: Final = """
    SELECT run_id, domain, outcome AS kind, detail, message, retryable, notes, final_url, status,
        language, attempts, started_at, seconds, plugin_errors, form AS word,
        coalesce(form_confidence, 0.0) AS confidence, coalesce(form_vector_id, '') AS vector_id
    FROM newest_sites WHERE domain = ?
"""
_RISKS: Final = """
    SELECT topic, confidence, reasons FROM risks WHERE run_id = ? AND domain = ?
    ORDER BY confidence DESC, topic
"""
_TAGS: Final = """
    SELECT tag AS text, relevance / 100 AS relevance FROM tags
    WHERE run_id = ? AND domain = ? AND url IS NULL
    ORDER BY relevance DESC, tag
"""
_CATEGORIES: Final = """
    SELECT taxonomy, node_id, name, path, coalesce(tier, 0) AS tier, parent_id, confidence, rank,
        decided_by, relation
    FROM site_categories WHERE domain = ?
    ORDER BY taxonomy, rank NULLS LAST, tier DESC, node_id
"""
_PAGE_CATEGORIES: Final = """
    SELECT url, taxonomy, node_id, name, path, coalesce(tier, 0) AS tier, parent_id, confidence,
        rank, decided_by, relation
    FROM page_categories WHERE domain = ?
    ORDER BY taxonomy, rank NULLS LAST, tier DESC, node_id
"""
_CANDIDATES: Final = """
    SELECT p.taxonomy, p.node_id, coalesce(n.name, p.node_id) AS name,
        coalesce(n.path, p.node_id) AS path, p.tier, n.parent_id, p.confidence, p.rank,
        p.classifier AS decided_by, p.relation
    FROM predictions AS p
    LEFT JOIN nodes AS n ON n.taxonomy = p.taxonomy AND n.node_id = p.node_id
    WHERE p.run_id = ? AND p.domain = ? AND p.url IS NULL AND p.decides AND p.rank <= ?
    ORDER BY p.taxonomy, p.rank
"""
_EXPLANATIONS: Final = """
    SELECT taxonomy, node_id, classifier, method, score, base_value, unit, fidelity, seconds,
        figures
    FROM explanations WHERE run_id = ? AND domain = ?
    ORDER BY taxonomy, node_id, classifier, method
"""
_ATTRIBUTIONS: Final = """
    SELECT taxonomy, node_id, classifier, method, kind, name, weight, value, url
    FROM attributions WHERE run_id = ? AND domain = ?
    ORDER BY taxonomy, node_id, classifier, method, position
"""
_PAGES: Final = """
    SELECT url, title, description, text, words, language, extractor, fetched_at
    FROM pages WHERE run_id = ? AND domain = ? ORDER BY position
"""
_SIMILAR: Final = """
    SELECT domain FROM (SELECT DISTINCT domain FROM sites)
    ORDER BY jaro_winkler_similarity(domain, ?) DESC, domain LIMIT 50
"""
_RUNS: Final = """
    SELECT run_id, command, state, version, started_at, finished_at, seconds
    FROM runs ORDER BY sequence DESC
"""
_FAILURES: Final = """
    SELECT run_id, domain, outcome AS kind, detail, message, retryable, attempts
    FROM newest_sites
    WHERE outcome NOT IN ('classified', 'uncertain') AND (? OR retryable)
    ORDER BY outcome, detail, domain
"""
