"""Making a store, and bringing an older one up to date."""

import hashlib
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata, resources
from pathlib import Path
from typing import Self

import duckdb

from taxocrawl.errors import StoreError, StoreVersion
from taxocrawl.store.ddl import Step, quoted
from taxocrawl.store.opening import WalError, connect
from taxocrawl.store.schema import STEPS

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
        found = _examine(path, wait_s=wait_s)
    except WalError as error:
        _set_wal_aside(path, error)
        found = _examine(path, wait_s=wait_s)
    if found.steps > len(steps):
        raise StoreVersion(_newer(path, found.steps, len(steps)))
    if 0 < found.steps < len(steps):
        copy = copy_before(path, found.steps)
        shutil.copyfile(path, copy)
        _LOG.info("%s is of schema %d: kept as %s before the change", path, found.steps, copy.name)
    views = _Views.packaged()
    if found.steps == len(steps) and found.views == views.sha256:
        return
    with connect(path, read_only=False, wait_s=wait_s) as connection:
        connection.begin()
        for step in steps[found.steps :]:
            _apply(connection, step)
        views.make(connection)
        connection.commit()


@dataclass(frozen=True, slots=True)
class _Found:
    """What a file holds: the last step applied to it, and the fingerprint of its views."""

    steps: int
    views: str


@dataclass(frozen=True, slots=True)
class _Views:
    """The views and macros that ship with this program; they hold no data, so need no steps."""

    sql: str

    @classmethod
    def packaged(cls) -> Self:
        """Those of the running program."""
        sql = resources.files("taxocrawl.store").joinpath("views.sql")
        return cls(sql.read_text(encoding="utf-8"))

    @property
    def sha256(self) -> str:
        """Fingerprint, which the macro `views_version` of a store gives back."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def make(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make them anew."""
        for statement in connection.extract_statements(self.sql):
            connection.execute(statement)
        connection.execute(f"CREATE OR REPLACE MACRO views_version() AS {quoted(self.sha256)}")
        connection.execute(
            "COMMENT ON MACRO views_version IS 'fingerprint of the views of this store'"
        )


def copy_before(path: Path, steps: int) -> Path:
    """Where the copy of a store is kept that had so many steps."""
    return path.with_name(f"{path.name}.before-step-{steps + 1}")


def schema_of(path: Path) -> int:
    """The last step applied to a store; 0 where there is no file yet."""
    return _examine(path, wait_s=0).steps


def unreadable(
    path: Path, connection: duckdb.DuckDBPyConnection, error: duckdb.Error
) -> StoreError:
    """Why a question of this program failed: another schema is the likeliest reason."""
    if other := other_schema(path, connection):
        return StoreVersion(other)
    return StoreError(f"{path} cannot be read: {str(error).splitlines()[0]}")


def other_schema(path: Path, connection: duckdb.DuckDBPyConnection) -> str:
    """What differs between an open store's schema and this program's, and the cure; '' if none."""
    found = _found(path, connection)
    if found.steps > len(STEPS):
        return _newer(path, found.steps, len(STEPS))
    if found.steps < len(STEPS) or found.views != _Views.packaged().sha256:
        return (
            f"{path} was made by an older taxocrawl (schema {found.steps}, this "
            f"{program_version()} has {len(STEPS)}); `taxocrawl migrate -s {path}` brings it up to "
            "date and keeps a copy"
        )
    return ""


def _newer(path: Path, steps: int, known: int) -> str:
    return (
        f"{path} has schema {steps}, this taxocrawl {program_version()} knows schema {known}; "
        "use a newer taxocrawl"
    )


def _set_wal_aside(path: Path, error: WalError) -> None:
    """FAULTS D03: what the log held is in the spool too, so nothing is lost without it."""
    wal = path.with_name(path.name + ".wal")
    aside = wal.with_name(f"{wal.name}.bad-{now():%Y%m%d-%H%M%S}")
    wal.rename(aside)
    _LOG.warning("%s; its log was set aside as %s", error, aside.name)


def _examine(path: Path, *, wait_s: float) -> _Found:
    """What is in the file; nothing where there is no file yet."""
    if not path.exists():
        return _Found(0, "")
    with connect(path, read_only=True, wait_s=wait_s) as connection:
        return _found(path, connection)


def _found(path: Path, connection: duckdb.DuckDBPyConnection) -> _Found:
    names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    if not names:
        return _Found(0, "")
    if ("schema_steps",) not in names:
        raise StoreError(f"{path} is a DuckDB file but no taxocrawl store; name another file")
    done = connection.execute("SELECT coalesce(max(step), 0) FROM schema_steps").fetchall()
    try:
        views = connection.execute("SELECT views_version()").fetchall()
    except duckdb.CatalogException:
        views = [("",)]
    return _Found(int(done[0][0]), str(views[0][0]))


def _apply(connection: duckdb.DuckDBPyConnection, step: Step) -> None:
    for statement in step.statements():
        connection.execute(statement)
    connection.execute(
        "INSERT INTO schema_steps VALUES (?, ?, ?, ?)",
        [step.number, step.says, program_version(), now()],
    )
