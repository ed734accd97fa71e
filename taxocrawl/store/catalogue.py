"""Taxonomies, names and crosswalks in the store, so that SQL can join them."""

from collections.abc import Iterable, Iterator

import duckdb

from taxocrawl.store.migration import now
from taxocrawl.store.rows import Row, append
from taxocrawl.taxonomies import crosswalks, formats
from taxocrawl.taxonomies.tree import Taxonomy


def write_taxonomies(connection: duckdb.DuckDBPyConnection, taxonomies: Iterable[Taxonomy]) -> None:
    """Store each version of each taxonomy once, and the ways to other versions of it.

    Categories that a newer version no longer has keep their row: older answers still name them.
    """
    for taxonomy in taxonomies:
        if not _write(connection, taxonomy):
            continue
        # Only the packaged taxonomy has crosswalks; a user's own file may carry the same name.
        versions = crosswalks.VERSIONS.get(taxonomy.name, ())
        if versions and formats.load(taxonomy.name).sha256 == taxonomy.sha256:
            for target in versions:
                _write(connection, formats.load(target))
                _write_crosswalk(connection, crosswalks.load(taxonomy.name, target))


def _write(connection: duckdb.DuckDBPyConnection, taxonomy: Taxonomy) -> bool:
    """False where the store has this version already."""
    known = connection.execute(
        "SELECT 1 FROM taxonomies WHERE taxonomy = ? AND sha256 = ?",
        [taxonomy.name, taxonomy.sha256],
    ).fetchall()
    if known:
        return False
    for table in ("nodes", "node_names"):
        connection.execute(
            f"DELETE FROM {table} WHERE taxonomy = ? AND node_id IN (SELECT unnest(?))",  # noqa: S608
            [taxonomy.name, list(taxonomy.ids)],
        )
    append(connection, "taxonomies", [_taxonomy(taxonomy)])
    append(connection, "nodes", list(_nodes(taxonomy)))
    append(connection, "node_names", list(_names(taxonomy)))
    return True


def _write_crosswalk(
    connection: duckdb.DuckDBPyConnection, crosswalk: crosswalks.Crosswalk
) -> None:
    ends = {"from_taxonomy": crosswalk.source, "to_taxonomy": crosswalk.target}
    connection.execute(
        "DELETE FROM crosswalks WHERE from_taxonomy = ? AND to_taxonomy = ?", list(ends.values())
    )
    rows: list[Row] = [
        {
            **ends,
            "from_id": row.from_id,
            "to_id": row.to_id,
            "relation": row.relation,
            "rank": row.rank,
            "source": row.by,
        }
        for row in crosswalk.rows()
    ]
    append(connection, "crosswalks", rows)


def _taxonomy(taxonomy: Taxonomy) -> Row:
    return {
        "taxonomy": taxonomy.name,
        "sha256": taxonomy.sha256,
        "title": taxonomy.title,
        "source": taxonomy.source,
        "licence": taxonomy.licence,
        "cattax": taxonomy.cattax,
        "n_nodes": len(taxonomy),
        "depth": taxonomy.depth,
        "created_at": now(),
    }


def _nodes(taxonomy: Taxonomy) -> Iterator[Row]:
    sha256 = taxonomy.sha256
    for position, node in enumerate(taxonomy, 1):
        yield {
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


def _names(taxonomy: Taxonomy) -> Iterator[Row]:
    for node in taxonomy:
        for language, name in sorted(taxonomy.texts(node.id).names.items()):
            yield {
                "taxonomy": taxonomy.name,
                "node_id": node.id,
                "language": language,
                "name": name,
            }
