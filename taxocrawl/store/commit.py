"""Batches from the spool into the tables, whole sites in one transaction, never twice."""

from pathlib import Path

import duckdb
import pyarrow as pa

from taxocrawl.store.migration import now
from taxocrawl.store.opening import connect
from taxocrawl.store.rows import BATCH_TABLES, timestamp
from taxocrawl.store.spool import Batch


def commit(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    """Insert what the run does not have yet; a line that was `interrupted` is replaced.

    So the same batch may come again after a crash, and nothing is doubled.
    """
    connection.begin()
    try:
        rows = _missing(connection, batch)
        if len(rows):
            _forget_interrupted(connection, batch.run_id, rows)
            _insert(connection, batch.run_id, rows)
        if batch.end:
            _end_run(connection, batch)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def is_committed(path: Path, batch: Batch) -> bool:
    """Read the file again: is every line of the batch, and the run's end, really there?"""
    with connect(path, read_only=True) as connection:
        missing = len(_missing(connection, batch, also_interrupted=True))
        state = connection.execute(
            "SELECT state FROM runs WHERE run_id = ?", [batch.run_id]
        ).fetchall()
    return not missing and (batch.end is None or state == [(batch.end.state,)])


def _missing(
    connection: duckdb.DuckDBPyConnection, batch: Batch, *, also_interrupted: bool = False
) -> pa.Table:
    """Rows of the batch whose line has no row in the store, one a line, the last given."""
    lines = batch.rows.column("line").to_pylist()
    if not lines:
        return batch.rows
    there = connection.execute(
        "SELECT line FROM inputs WHERE run_id = ? AND line BETWEEN ? AND ? "
        "AND (? OR outcome <> 'interrupted')",
        [batch.run_id, min(lines), max(lines), also_interrupted],
    ).fetchall()
    done = {line for (line,) in there}
    last = {line: place for place, line in enumerate(lines) if line not in done}
    return batch.rows.take(pa.array(sorted(last.values()), pa.int64()))


def _forget_interrupted(connection: duckdb.DuckDBPyConnection, run_id: str, rows: pa.Table) -> None:
    lines = rows.column("line").to_pylist()
    found = connection.execute(
        "SELECT line, domain FROM inputs WHERE run_id = ? AND line IN (SELECT unnest(?))",
        [run_id, lines],
    ).fetchall()
    if not found:
        return
    connection.execute(
        "DELETE FROM inputs WHERE run_id = ? AND line IN (SELECT unnest(?))",
        [run_id, [line for line, _ in found]],
    )
    for table in BATCH_TABLES:
        if table.name != "inputs":
            connection.execute(
                f"DELETE FROM {table.name} WHERE run_id = ? AND domain IN (SELECT unnest(?))",  # noqa: S608
                [run_id, [domain for _, domain in found]],
            )


def _insert(connection: duckdb.DuckDBPyConnection, run_id: str, rows: pa.Table) -> None:
    connection.register("batch", rows)
    for table in BATCH_TABLES:
        # Names come from our own declarations; the values are in the batch. One that an older
        # version left in the spool lacks what a later step added.
        if table.name not in rows.schema.names:
            continue
        given = {field.name for field in rows.schema.field(table.name).type.value_type}
        names = [c.name for c in table.columns if c.name in given]
        columns, fields = ", ".join(names), ", ".join(f"row.{name}" for name in names)
        connection.execute(
            f"INSERT INTO {table.name} (run_id, {columns}) SELECT ?, {fields} "  # noqa: S608
            f"FROM (SELECT unnest({table.name}) AS row FROM batch)",
            [run_id],
        )
    connection.execute(
        "INSERT INTO models SELECT p.model_id, p.classifier, list(DISTINCT p.taxonomy), ?, ? "
        "FROM (SELECT unnest(predictions) AS p FROM batch) "
        "WHERE p.model_id NOT IN (SELECT model_id FROM models) "
        "GROUP BY p.model_id, p.classifier",
        [run_id, now()],
    )
    connection.unregister("batch")


def _end_run(connection: duckdb.DuckDBPyConnection, batch: Batch) -> None:
    if batch.end:
        connection.execute(
            "UPDATE runs SET state = ?, finished_at = ?, seconds = ? WHERE run_id = ?",
            [batch.end.state, timestamp(batch.end.finished_at), batch.end.seconds, batch.run_id],
        )
