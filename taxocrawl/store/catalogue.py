"""Taxonomies, names and crosswalks in the store, so that SQL can join them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from taxocrawl.store.migration import now
from taxocrawl.store.rows import arrow_schema
from taxocrawl.store.schema import CROSSWALKS, tables
from taxocrawl.taxonomies.tree import Taxonomy

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCrosswalk:
    """One row of `crosswalks`: what a category of one taxonomy is in another."""

    from_taxonomy: str
    from_id: str
    to_taxonomy: str
    to_id: str
    relation: str


def write_taxonomies(connection: duckdb.DuckDBPyConnection, taxonomies: Iterable[Taxonomy]) -> None:
    """Store each version of each taxonomy once.

    Categories that a newer version no longer has keep their row: older answers still name them.
    """
    for taxonomy in taxonomies:
        known = connection.execute(
            "SELECT 1 FROM taxonomies WHERE taxonomy = ? AND sha256 = ?",
            [taxonomy.name, taxonomy.sha256],
        ).fetchall()
        if known:
            continue
        connection.execute(
            "INSERT INTO taxonomies VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                taxonomy.name,
                taxonomy.sha256,
                taxonomy.title,
                taxonomy.source,
                taxonomy.licence,
                taxonomy.cattax,
                len(taxonomy),
                taxonomy.depth,
                now(),
            ],
        )
        for table in ("nodes", "node_names"):
            connection.execute(
                f"DELETE FROM {table} WHERE taxonomy = ? AND node_id IN (SELECT unnest(?))",  # noqa: S608
                [taxonomy.name, list(taxonomy.ids)],
            )
        _append(connection, "nodes", _nodes(taxonomy))
        _append(connection, "node_names", _names(taxonomy))


def write_crosswalks(
    connection: duckdb.DuckDBPyConnection, crosswalks: Sequence[StoredCrosswalk]
) -> None:
    """Replace the crosswalks between the pairs of taxonomies that are given."""
    for source, target in sorted({(row.from_taxonomy, row.to_taxonomy) for row in crosswalks}):
        connection.execute(
            "DELETE FROM crosswalks WHERE from_taxonomy = ? AND to_taxonomy = ?", [source, target]
        )
    names = [column.name for column in CROSSWALKS.columns]
    rows = [{name: getattr(row, name) for name in names} for row in crosswalks]
    _append(connection, "crosswalks", rows)


def _nodes(taxonomy: Taxonomy) -> list[Row]:
    sha256 = taxonomy.sha256
    return [
        {
            "taxonomy": taxonomy.name,
            "node_id": node.id,
            "parent_id": node.parent_id,
            "name": node.name,
            "tier": node.tier,
            "path": taxonomy.path(node.id),
            "path_ids": list(taxonomy.lineage(node.id)),
            "flags": sorted(node.flags),
            "note": node.note,
            "position": position,
            "sha256": sha256,
        }
        for position, node in enumerate(taxonomy, 1)
    ]


def _names(taxonomy: Taxonomy) -> list[Row]:
    return [
        {"taxonomy": taxonomy.name, "node_id": node.id, "language": language, "name": name}
        for node in taxonomy
        for language, name in sorted(taxonomy.texts(node.id).names.items())
    ]


def _append(connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    batch = pa.Table.from_pylist([dict(row) for row in rows], schema=arrow_schema(tables()[name]))
    connection.register("appended", batch)
    connection.execute(f"INSERT INTO {name} SELECT * FROM appended")  # noqa: S608
    connection.unregister("appended")
