"""Outcomes into a store while a run goes on."""

import hashlib
import json
import logging
import queue
import secrets
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import duckdb

from taxocrawl.errors import StoreError
from taxocrawl.records import InputLine, Outcome
from taxocrawl.settings import Settings, as_json
from taxocrawl.store import catalogue, commit
from taxocrawl.store.lock import StoreLock
from taxocrawl.store.migration import now, prepare, program_version
from taxocrawl.store.opening import StoreBusy, connect
from taxocrawl.store.rows import Row, batch_table, line_row, site_row
from taxocrawl.store.spool import Batch, RunEnd, Spool
from taxocrawl.taxonomies.tree import Taxonomy

_LOG = logging.getLogger(__name__)

RunState = Literal["finished", "interrupted", "failed"]

OPEN_WAIT_S: Final = 30.0
FINISH_WAIT_S: Final = 30.0
RETRY_S: Final = 0.2
"""Pause before a store that a reader holds is tried again."""

_Item = Row | threading.Event | RunEnd
"""What the writer thread is handed: a row, a flush to report, the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlugin:
    """One plugin of a run, for the table `plugins`; `problem` is why it was skipped, or ''."""

    plugin: str
    version: str = ""
    components: tuple[str, ...] = ()
    problem: str = ""


def fingerprint(lines: Iterable[str]) -> str:
    """Hash of a list of domains, the same for the same lines whatever their line ends."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.rstrip("\r\n").encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


class StoreWriter:
    """A run that writes: `add` from any thread, whole sites reach the file within `flush_s`.

    With the list and the settings of a run that did not finish it goes on with that run
    (`resumed`); `finished_lines` says what needs no second visit. What a process left in the spool
    when it died is written first.
    """

    def __init__(
        self,
        path: Path,
        *,
        settings: Settings,
        command: str,
        taxonomies: Iterable[Taxonomy] = (),
        plugins: Sequence[StoredPlugin] = (),
        list_sha256: str = "",
        new_run: bool = False,
    ) -> None:
        """`list_sha256` is the list's `fingerprint`; without it no run is resumed.

        StoreLocked where another process writes, StoreVersion where the store is newer.
        """
        self.path = path
        self._settings = settings
        self._began = time.monotonic()
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._failure: Exception | None = None
        self._finished = False
        self._lock = StoreLock(path).acquire()
        try:
            prepare(path, wait_s=OPEN_WAIT_S)
            self._spool = Spool(path)
            self.recovered = _replay(path, self._spool, wait_s=OPEN_WAIT_S)
            with connect(path, read_only=False, wait_s=OPEN_WAIT_S) as connection:
                connection.begin()
                catalogue.write_taxonomies(connection, taxonomies)
                run_id = "" if new_run else _unfinished(connection, list_sha256, settings)
                self.resumed = bool(run_id)
                self.run_id = run_id or _new_run(connection, settings, command, list_sha256)
                _begin_run(connection, self.run_id, plugins)
                connection.commit()
            self._lock.write(self.run_id)
        except BaseException:
            self._lock.release()
            raise
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._finished:
            return
        if kind is None:
            self.finish("finished")
            return
        try:
            self.finish("failed" if issubclass(kind, Exception) else "interrupted")
        except StoreError as second:
            _LOG.error("the run could not be closed: %s", second)

    def finished_lines(self) -> frozenset[int]:
        """Lines of a resumed run that have their outcome; `interrupted` is none."""
        if not self.resumed:
            return frozenset()
        with connect(self.path, read_only=True, wait_s=OPEN_WAIT_S) as connection:
            rows = connection.execute(
                "SELECT line FROM inputs WHERE run_id = ? AND outcome <> 'interrupted'",
                [self.run_id],
            ).fetchall()
        return frozenset(line for (line,) in rows)

    def add_line(self, line: InputLine) -> None:
        """Store a line that ends at once (`invalid_input`, `duplicate`)."""
        self._put(line_row(line))

    def add(self, outcome: Outcome, line: InputLine) -> None:
        """Store a site's end; returns at once. StoreError where writing has failed for good."""
        self._put(site_row(outcome, line, keep_text=self._settings.keep_text))

    def flush(self) -> None:
        """Wait until what was added is in the store, or in the spool while a reader holds it."""
        written = threading.Event()
        self._queue.put(written)
        while not written.wait(RETRY_S) and self._thread.is_alive():
            pass
        self._raise_failure()

    def finish(self, state: RunState = "finished") -> None:
        """Write all that is left and end the run; `interrupted` and `failed` ones can be resumed.

        What cannot be written because a reader holds the store stays in the spool, which the next
        writer reads first.
        """
        if self._finished:
            return
        self._finished = True
        end = RunEnd(
            state=state, finished_at=now().isoformat(), seconds=time.monotonic() - self._began
        )
        try:
            self._queue.put(end)
            self._thread.join()
            self._raise_failure()
        finally:
            self._lock.release()

    def _put(self, row: Row) -> None:
        self._raise_failure()
        if self._finished:
            raise StoreError(f"run {self.run_id} is finished")
        self._queue.put(row)

    def _raise_failure(self) -> None:
        if self._failure:
            raise StoreError(f"{self.path} cannot be written: {self._failure}") from self._failure

    def _work(self) -> None:
        """The writer thread: collect, spool, commit, until `finish`."""
        last: _Item = {}
        try:
            while not isinstance(last, RunEnd):
                rows, last = self._collect()
                end = last if isinstance(last, RunEnd) else None
                if rows or end:
                    batch = Batch(run_id=self.run_id, rows=batch_table(rows), end=end)
                    self._spool.append(batch)
                self._commit(wait_s=FINISH_WAIT_S if end else 0.0)
                if isinstance(last, threading.Event):
                    last.set()
        except Exception as error:
            # Handed to the next caller of `add`: a thread has nobody else to tell.
            self._failure = error

    def _commit(self, *, wait_s: float) -> None:
        """Everything spooled into the store, unless a reader holds it for longer than `wait_s`."""
        try:
            _replay(self.path, self._spool, wait_s=wait_s)
        except StoreBusy as error:
            # During the run the next flush tries again.
            level = logging.WARNING if wait_s else logging.DEBUG
            _LOG.log(
                level,
                "%s; %d batches wait in %s and are written when the store is next written to",
                error,
                len(self._spool.pending()),
                self._spool.folder,
            )

    def _collect(self) -> tuple[list[Row], _Item]:
        """Rows for one flush, and the event or run's end that cut the wait short.

        Waits for the first row, then until there are `flush_sites` or `flush_s` have passed.
        """
        rows: list[Row] = []
        # Batches that a reader kept out are tried again while nothing new comes.
        wait_s = RETRY_S if self._spool.pending() else None
        deadline = 0.0
        while len(rows) < self._settings.flush_sites:
            try:
                item = self._queue.get(timeout=wait_s)
            except queue.Empty:
                break
            if not isinstance(item, dict):
                return rows, item
            if not rows:
                deadline = time.monotonic() + self._settings.flush_s
            rows.append(item)
            wait_s = max(deadline - time.monotonic(), 0)
        return rows, {}


def recover(path: Path) -> int:
    """Write what a dead process left in the spool; the number of lines.

    StoreLocked where a living process writes to the store.
    """
    lock = StoreLock(path).acquire()
    try:
        prepare(path, wait_s=OPEN_WAIT_S)
        return _replay(path, Spool(path), wait_s=OPEN_WAIT_S)
    finally:
        lock.release()


def _replay(path: Path, spool: Spool, *, wait_s: float = 0.0) -> int:
    """Commit every batch of the spool, oldest first; the number of lines in them.

    A batch is forgotten only after the file was closed, opened again and found to hold it.
    """
    files = spool.pending()
    if not files:
        return 0
    batches = [(file, batch) for file in files if (batch := spool.read(file))]
    with connect(path, read_only=False, wait_s=wait_s) as connection:
        for _, batch in batches:
            commit.commit(connection, batch)
    if path.with_name(path.name + ".wal").exists():
        # The file could not take over what its log holds: the disk may be full.
        _LOG.warning("%s could not be brought up to date; %s is kept", path, spool.folder)
        return 0
    for file, batch in batches:
        if not commit.is_committed(path, batch):
            raise StoreError(f"{path} does not hold what was written to it; {file} is kept")
        spool.remove(file)
    return sum(len(batch.rows) for _, batch in batches)


def _unfinished(connection: duckdb.DuckDBPyConnection, list_sha256: str, settings: Settings) -> str:
    """The newest run of this list with these settings, '' where it finished or there is none."""
    if not list_sha256:
        return ""
    found = connection.execute(
        "SELECT run_id, state FROM runs WHERE list_sha256 = ? AND settings::VARCHAR = ? "
        "ORDER BY sequence DESC LIMIT 1",
        [list_sha256, _settings_text(settings)],
    ).fetchall()
    return str(found[0][0]) if found and found[0][1] != "finished" else ""


def _new_run(
    connection: duckdb.DuckDBPyConnection, settings: Settings, command: str, list_sha256: str
) -> str:
    started = now()
    # The random part keeps runs of two machines apart when their stores are merged.
    run_id = f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    connection.execute(
        "INSERT INTO runs SELECT ?, coalesce(max(sequence), 0) + 1, ?, 'running', ?, ?, ?, ?, ?, "
        "NULL, NULL FROM runs",
        [
            run_id,
            command,
            program_version(),
            _settings_text(settings),
            list(settings.classifiers),
            list_sha256,
            started,
        ],
    )
    return run_id


def _begin_run(
    connection: duckdb.DuckDBPyConnection, run_id: str, plugins: Sequence[StoredPlugin]
) -> None:
    connection.execute(
        "UPDATE runs SET state = 'running', finished_at = NULL WHERE run_id = ?", [run_id]
    )
    connection.execute("DELETE FROM plugins WHERE run_id = ?", [run_id])
    for plugin in plugins:
        connection.execute(
            "INSERT INTO plugins VALUES (?, ?, ?, ?, ?)",
            [run_id, plugin.plugin, plugin.version, list(plugin.components), plugin.problem],
        )


def _settings_text(settings: Settings) -> str:
    return json.dumps(as_json(settings), sort_keys=True, default=str)
