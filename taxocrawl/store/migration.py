"""Making a store, and bringing an older one up to date."""

import logging
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata, resources
from pathlib import Path

import duckdb

from taxocrawl.errors import StoreError, StoreVersion
from taxocrawl.store.opening import WalError, connect
from taxocrawl.store.schema import STEPS, Step

_LOG = logging.getLogger(__name__)


def now() -> datetime:
    """The time in UTC without a zone, as the store holds times."""
    return datetime.now(UTC).replace(tzinfo=None)


def program_version() -> str:
    """Version of taxocrawl that runs."""
    return metadata.version("taxocrawl")


def prepare(path: Path, *, wait_s: float, steps: Sequence[Step] = STEPS) -> None:
    """Make the store or apply the steps it lacks, all in one transaction.

    StoreVersion refuses a newer one; the file is then untouched, as it is only read first. A copy
    of an older one is kept as `<store>.before-step-N`.
    """
    try:
        done = _steps_done(path, wait_s=wait_s)
    except WalError as error:
        _set_wal_aside(path, error)
        done = _steps_done(path, wait_s=wait_s)
    if done > len(steps):
        raise StoreVersion(
            f"{path} has schema {done}, this taxocrawl {program_version()} knows schema "
            f"{len(steps)}; use a newer taxocrawl"
        )
    if 0 < done < len(steps):
        copy = path.with_name(f"{path.name}.before-step-{done + 1}")
        shutil.copyfile(path, copy)
        _LOG.info("%s is of schema %d: kept as %s before the change", path, done, copy.name)
    with connect(path, read_only=False, wait_s=wait_s) as connection:
        connection.begin()
        for step in steps[done:]:
            _apply(connection, step)
        _refresh_views(connection)
        connection.commit()


def _set_wal_aside(path: Path, error: WalError) -> None:
    """FAULTS D03: what the log held is in the spool too, so nothing is lost without it."""
    wal = path.with_name(path.name + ".wal")
    aside = wal.with_name(f"{wal.name}.bad-{now():%Y%m%d-%H%M%S}")
    wal.rename(aside)
    _LOG.warning("%s; its log was set aside as %s", error, aside.name)


def _steps_done(path: Path, *, wait_s: float) -> int:
    """Number of the last step applied to the file, 0 where there is no file yet."""
    if not path.exists():
        return 0
    with connect(path, read_only=True, wait_s=wait_s) as connection:
        names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        if not names:
            return 0
        if ("schema_steps",) not in names:
            raise StoreError(f"{path} is a DuckDB file but no taxocrawl store; name another file")
        done = connection.execute("SELECT coalesce(max(step), 0) FROM schema_steps").fetchall()
    return int(done[0][0])


def _apply(connection: duckdb.DuckDBPyConnection, step: Step) -> None:
    for statement in step.statements():
        connection.execute(statement)
    connection.execute(
        "INSERT INTO schema_steps VALUES (?, ?, ?, ?)",
        [step.number, step.says, program_version(), now()],
    )


def _refresh_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Views hold no data, so they are made anew by every program that writes."""
    sql = resources.files("taxocrawl.store").joinpath("views.sql").read_text(encoding="utf-8")
    for statement in connection.extract_statements(sql):
        connection.execute(statement)
