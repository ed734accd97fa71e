"""What people say sites are about: rows that win over every classifier at once."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import duckdb

from taxocrawl.errors import StoreError
from taxocrawl.store.migration import now
from taxocrawl.store.opening import connect
from taxocrawl.store.rows import append

WAIT_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One statement of a person on a site, or on one page of it where `url` is given.

    `node_id` None says that no category of the taxonomy fits. All labels `is` of a site together
    replace the machine's answer; `is_not` strikes a category and all below it.
    """

    domain: str
    taxonomy: str
    node_id: str | None
    verdict: Literal["is", "is_not"] = "is"
    url: str | None = None
    labelled_by: str = ""
    note: str = ""


def add_labels(path: Path, labels: Iterable[Label]) -> None:
    """Store labels; one on the same category replaces what was said of it before.

    A crawl may be writing meanwhile. StoreError where a category is not in the store.
    """
    with connect(_existing(path), read_only=False, wait_s=WAIT_S) as store:
        store.begin()
        for label in labels:
            _check_node(store, label)
            key = [label.domain, label.url, label.taxonomy, label.node_id]
            store.execute(f"DELETE FROM labels WHERE {_SAME} AND {_SAME_NODE}", key)  # noqa: S608
            row = {name: getattr(label, name) for name in Label.__slots__}
            append(store, "labels", [row | {"created_at": now()}])
        store.commit()


def remove_labels(path: Path, *, domain: str, taxonomy: str, url: str | None = None) -> None:
    """Forget what people said of a site in one taxonomy: the machine's answer counts again."""
    with connect(_existing(path), read_only=False, wait_s=WAIT_S) as store:
        store.execute(f"DELETE FROM labels WHERE {_SAME}", [domain, url, taxonomy])  # noqa: S608


_SAME: Final = "domain = ? AND url IS NOT DISTINCT FROM ? AND taxonomy = ?"
_SAME_NODE: Final = "node_id IS NOT DISTINCT FROM ?"


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise StoreError(f"{path}: no such store")
    return path


def _check_node(store: duckdb.DuckDBPyConnection, label: Label) -> None:
    nodes = "SELECT node_id, path FROM nodes WHERE taxonomy = ?"
    paths: dict[str, str] = dict(store.execute(nodes, [label.taxonomy]).fetchall())
    if not paths:
        known = store.execute("SELECT DISTINCT taxonomy FROM taxonomies ORDER BY 1").fetchall()
        names = ", ".join(name for (name,) in known)
        raise StoreError(f"the store has no taxonomy {label.taxonomy!r}; it has {names}")
    if label.node_id is not None and label.node_id not in paths:
        near = difflib.get_close_matches(label.node_id, [*paths, *paths.values()], n=3, cutoff=0.5)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise StoreError(f"taxonomy {label.taxonomy} has no category {label.node_id!r}{hint}")
