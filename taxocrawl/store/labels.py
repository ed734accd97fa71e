"""What people say sites are about: rows that win over every classifier at once."""

import difflib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import duckdb

from taxocrawl.errors import StoreError
from taxocrawl.store import catalogue
from taxocrawl.store.migration import now, prepare
from taxocrawl.store.opening import StoreBusy, connect
from taxocrawl.store.reader import reading
from taxocrawl.store.rows import append
from taxocrawl.taxonomies.tree import Node, Taxonomy, parents_first

_LOG = logging.getLogger(__name__)

WAIT_S: Final = 30.0
SILENT_S: Final = 1.0
"""A crawl holds the file for some 50 ms at a time; whoever holds it longer is named."""

Verdict = Literal["is", "is_not"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One statement of a person on a site, or on one page of it where `url` is given.

    `node_id` None says that no category of the taxonomy fits. All labels `is` of a site together
    replace the machine's answer; `is_not` strikes a category and all below it. `created_at` None:
    now.
    """

    domain: str
    taxonomy: str
    node_id: str | None
    verdict: Verdict = "is"
    url: str | None = None
    labelled_by: str = ""
    note: str = ""
    created_at: datetime | None = None


def taxonomy_of(path: Path, name: str) -> Taxonomy | None:
    """The categories of a taxonomy as the store has them; None where it has no such taxonomy."""
    with reading(path, wait_s=WAIT_S) as store:
        rows = store.execute(
            "SELECT node_id, parent_id, name, tier FROM nodes WHERE taxonomy = ? ORDER BY position",
            [name],
        ).fetchall()
    nodes = {row[0]: Node(id=row[0], parent_id=row[1], name=row[2], tier=row[3]) for row in rows}
    # Categories that only an older version had stand among those of the newest.
    ordered = parents_first({node.id: node.parent_id for node in nodes.values()})
    return Taxonomy(name, (nodes[node_id] for node_id in ordered)) if rows else None


def taxonomies_of(path: Path) -> tuple[str, ...]:
    """Names of the taxonomies in the store, that of the newest run's answers first."""
    with reading(path, wait_s=WAIT_S) as store:
        rows = store.execute(_TAXONOMIES).fetchall()
    return tuple(name for (name,) in rows)


def add_taxonomy(path: Path, taxonomy: Taxonomy) -> None:
    """Let labels name the categories of one more taxonomy."""
    with writing(path) as store:
        catalogue.write_taxonomies(store, [taxonomy])


def add_labels(path: Path, labels: Iterable[Label], *, replace: bool = False) -> None:
    """Store what people say; a crawl may be writing meanwhile.

    What the same person said to the contrary before is forgotten; with `replace`, so is every
    other category that they gave the site. StoreError where a category is not in the store.
    """
    with writing(path) as store:
        write_labels(store, list(labels), replace=replace)


def write_labels(
    store: duckdb.DuckDBPyConnection, labels: Sequence[Label], *, replace: bool = False
) -> None:
    """As `add_labels`, in a transaction that is under way."""
    _check_nodes(store, labels)
    # Said twice at once: the last counts.
    said = {_key(label): label for label in labels}
    moment = now()
    rows: list[dict[str, object]] = [
        {name: getattr(label, name) for name in Label.__slots__}
        | {"created_at": label.created_at or moment}
        for label in said.values()
    ]
    store.execute("CREATE TEMP TABLE IF NOT EXISTS said AS FROM labels LIMIT 0")
    store.execute("DELETE FROM said")
    append(store, "labels", rows, into="said")
    store.execute(_FORGET_CONTRARY, [replace])
    store.execute("INSERT INTO labels FROM said")


def remove_labels(
    path: Path,
    *,
    domain: str,
    taxonomy: str,
    url: str | None = None,
    labelled_by: str | None = None,
    node_ids: Sequence[str] = (),
) -> int:
    """Forget what people said of a site in one taxonomy; the number of labels that went.

    Only what `labelled_by` said, and only on `node_ids`, where these are given. Where nothing is
    left the machine's answer counts again.
    """
    with writing(path) as store:
        gone = store.execute(
            "DELETE FROM labels WHERE domain = ? AND url IS NOT DISTINCT FROM ? AND taxonomy = ? "
            "AND labelled_by = coalesce(?, labelled_by) "
            "AND (len(?::VARCHAR[]) = 0 OR list_contains(?::VARCHAR[], node_id)) RETURNING 1",
            [domain, url, taxonomy, labelled_by, list(node_ids), list(node_ids)],
        ).fetchall()
    return len(gone)


def read_labels(path: Path, *, domain: str | None = None) -> Iterator[tuple[Label, str]]:
    """Every label, or those of one site, with the path of its category ('' for none fits)."""
    with reading(path, wait_s=WAIT_S) as store:
        rows = store.execute(_READ, [domain, domain]).fetchall()
    for *values, node_path in rows:
        said: dict[str, Any] = dict(zip(Label.__slots__, values, strict=True))
        yield Label(**said), node_path


def knows_site(path: Path, domain: str, url: str | None = None) -> bool:
    """Whether the store holds the site, or the page where `url` is given."""
    with reading(path, wait_s=WAIT_S) as store:
        found = store.execute(
            "SELECT 1 FROM sites WHERE domain = ? AND (? IS NULL OR domain IN "
            "(SELECT domain FROM pages WHERE url = ?)) LIMIT 1",
            [domain, url, url],
        ).fetchall()
    return bool(found)


@contextmanager
def writing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """One transaction on a store, between two flushes of a crawl if one is running.

    Says who holds the store where that takes longer than a flush; StoreLocked after 30 s.
    """
    with _patient(existing(path)) as store:
        store.begin()
        yield store
        store.commit()


def existing(path: Path) -> Path:
    """The path; StoreError where there is no file."""
    if not path.is_file():
        raise StoreError(f"{path}: no such store")
    return path


def _patient(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return _writable(path, SILENT_S)
    except StoreBusy as error:
        _LOG.warning("%s; waiting for up to %d s", error, WAIT_S)
    return _writable(path, WAIT_S)


def _writable(path: Path, wait_s: float) -> duckdb.DuckDBPyConnection:
    # A store of an older program may lack the views by which labels win.
    prepare(path, wait_s=wait_s)
    return connect(path, read_only=False, wait_s=wait_s)


def _key(label: Label) -> tuple[object, ...]:
    return (label.domain, label.url, label.taxonomy, label.node_id, label.labelled_by)


def _check_nodes(store: duckdb.DuckDBPyConnection, labels: Sequence[Label]) -> None:
    for taxonomy in sorted({label.taxonomy for label in labels}):
        nodes = "SELECT node_id, path FROM nodes WHERE taxonomy = ?"
        paths: dict[str, str] = dict(store.execute(nodes, [taxonomy]).fetchall())
        if not paths:
            known = store.execute("SELECT DISTINCT taxonomy FROM taxonomies ORDER BY 1").fetchall()
            names = ", ".join(name for (name,) in known)
            raise StoreError(f"the store has no taxonomy {taxonomy!r}; it has {names}")
        for label in labels:
            if label.taxonomy == taxonomy and label.node_id not in (None, *paths):
                wanted = str(label.node_id)
                near = difflib.get_close_matches(wanted, [*paths, *paths.values()], cutoff=0.5)
                hint = f"; near it: {', '.join(near)}" if near else ""
                raise StoreError(f"taxonomy {taxonomy} has no category {wanted!r}{hint}")


_TAXONOMIES: Final = """
    WITH newest AS (
        SELECT run_id, from_json(settings->'$.taxonomies', '["VARCHAR"]') AS wanted
        FROM runs WHERE run_id IN (SELECT run_id FROM predictions)
        ORDER BY sequence DESC LIMIT 1
    ),
    answered AS (
        SELECT DISTINCT taxonomy, list_position(wanted, taxonomy) AS place
        FROM predictions JOIN newest USING (run_id) WHERE decides
    )
    SELECT taxonomy FROM (SELECT DISTINCT taxonomy FROM nodes) AS known
    LEFT JOIN answered USING (taxonomy)
    ORDER BY answered.taxonomy IS NULL, place NULLS LAST, taxonomy
"""
_READ: Final = f"""
    SELECT {", ".join(f"labels.{name}" for name in Label.__slots__)}, coalesce(nodes.path, '')
    FROM labels
    LEFT JOIN nodes ON nodes.taxonomy = labels.taxonomy AND nodes.node_id = labels.node_id
    WHERE ? IS NULL OR labels.domain = ?
    ORDER BY labels.domain, labels.url NULLS FIRST, labels.taxonomy, labels.labelled_by,
        labels.created_at, labels.verdict, nodes.position
"""  # noqa: S608 - names of our own fields
# Per person: a category said again; anything against `none fits` and the other way round; what
# now is struck. Other people's words stay: the view `standing_labels` says whose count.
_FORGET_CONTRARY: Final = """
    DELETE FROM labels WHERE rowid IN (
        SELECT labels.rowid
        FROM labels
        JOIN said
            ON said.domain = labels.domain
            AND said.url IS NOT DISTINCT FROM labels.url
            AND said.taxonomy = labels.taxonomy
            AND said.labelled_by = labels.labelled_by
        LEFT JOIN nodes
            ON nodes.taxonomy = labels.taxonomy AND nodes.node_id = labels.node_id
        WHERE said.node_id IS NOT DISTINCT FROM labels.node_id
            OR said.verdict = 'is' AND labels.verdict = 'is'
                AND (? OR said.node_id IS NULL OR labels.node_id IS NULL)
            OR said.verdict = 'is_not' AND labels.verdict = 'is'
                AND list_contains(nodes.path_ids, said.node_id)
    )
"""
